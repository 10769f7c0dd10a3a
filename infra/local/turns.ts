import { createHash, randomInt } from 'node:crypto';

/**
 * Tests that take minutes each come by turns: all of them together take longer than anybody waits for. A run of whole suites draws
 * some of them anew; `HOLDFAST_DRAW=all` has all, HOLDFAST_TEST_SEED draws those of an earlier run. Who names files has those.
 */

interface Turn {
  /** How many of them come in one run. */
  readonly takes: number;
  /** Paths below `test`, each about as long as the others. */
  readonly of: readonly string[];
}

export const TURNS: readonly Turn[] = [
  {
    takes: 1,
    of: [
      'backups/backup-store-faults.test.ts',
      'backups/backups-of-replicas.test.ts',
      'backups/backups.test.ts',
      'backups/rescue.test.ts',
    ],
  },
  {
    takes: 1,
    of: [
      'backups/dumps.test.ts',
      'backups/recovery.test.ts',
      'system/chaos-real.test.ts',
      'system/static/cluster.test.ts',
    ],
  },
  {
    takes: 4,
    of: [
      'chaos/backup-matrix.test.ts',
      'chaos/control-plane.test.ts',
      'chaos/dump-matrix.test.ts',
      'chaos/maintenance-matrix.test.ts',
      'chaos/recovery-matrix.test.ts',
      'chaos/replace-matrix.test.ts',
      'chaos/return-matrix.test.ts',
      'chaos/swap-matrix.test.ts',
      'chaos/switchover-matrix.test.ts',
    ],
  },
];

/** From the name of the seed and of a thing, the same for both each time: who has the lowest comes first. */
export const lotOf = (seed: number, name: string): number =>
  createHash('sha256').update(`${seed} ${name}`).digest().readUInt32BE();

/** That of an earlier run where one is asked for, else a new one. */
export const seedOf = (environment: NodeJS.ProcessEnv): number =>
  Number(environment['HOLDFAST_TEST_SEED'] ?? randomInt(2 ** 31));

export const drawsAll = (environment: NodeJS.ProcessEnv): boolean => environment['HOLDFAST_DRAW'] === 'all';

/** Those whose turn it is not. */
export function leftOut(seed: number, turns: readonly Turn[] = TURNS): string[] {
  return turns.flatMap(({ takes, of }) =>
    of.toSorted((one, other) => lotOf(seed, one) - lotOf(seed, other)).slice(takes),
  );
}

/** Jest's arguments that leave them out. */
export const withoutFiles = (files: readonly string[]): string[] =>
  files.length === 0
    ? []
    : ['--testPathIgnorePatterns', ...files.map((file) => `/test/${file.replaceAll('.', '[.]')}$`)];
