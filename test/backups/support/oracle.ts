import { createHash, randomBytes } from 'node:crypto';

/**
 * The random times that a restore is tried at. HOLDFAST_ORACLE_TIMES asks for more than the one that fits into a run of all
 * tests, HOLDFAST_ORACLE_SEED for those of an earlier run.
 */
const times = Number(process.env['HOLDFAST_ORACLE_TIMES'] ?? 1);
const seed = process.env['HOLDFAST_ORACLE_SEED'] ?? randomBytes(4).toString('hex');

/** From 0 to below 1: as a part of what can be restored when its turn has come. The same seed gives the same. */
function shareOf(round: number): number {
  return createHash('sha256').update(`${seed}/${round}`).digest().readUInt32BE() / 2 ** 32;
}

export const oracle = { seed, shares: Array.from({ length: times }, (_, i) => shareOf(i + 1)) } as const;
