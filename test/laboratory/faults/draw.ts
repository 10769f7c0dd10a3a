import { chance, shuffled } from '../../support/chance';
import type { Fault } from './fault';
import { CONTROL_PLANE_FAULTS } from './control-plane';
import { DISK_FAULTS } from './disk';
import { NETWORK_FAULTS } from './network';
import { POWER_FAULTS } from './power';
import { PROCESS_FAULTS } from './processes';

export const FAULTS: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...POWER_FAULTS,
  ...NETWORK_FAULTS,
  ...DISK_FAULTS,
  ...CONTROL_PLANE_FAULTS,
];

/** Faults that begin together. */
export type Round = readonly Fault[];

/** In a pair, one may keep the other from being healed: the lease decides, and that comes on top of both. */
const TOGETHER_MS = 30_000;

/**
 * The rounds of a seed, without end: a fault alone and a pair at random in turn. Each comes alone once before one does again. The same seed
 * draws the same, however long each of them takes.
 *
 * @param only this round, again and again: a name, or several with `+` between them. @throws Error that lists the names, for one that
 * is not among them; for two of one group.
 */
export function* drawRounds(faults: readonly Fault[], seed: number, only?: string): Generator<Round, never> {
  if (only !== undefined) {
    const named = namesOf(only).map((name) => faults.find((fault) => fault.name === name) ?? refuse(faults, name));
    demandApart(named);
    for (;;) yield named;
  }
  const random = chance(seed);
  for (;;)
    for (const fault of shuffled(faults, random)) {
      yield [fault];
      yield drawPair(faults, random);
    }
}

/** @throws Error where all faults are of one group. */
function drawPair(faults: readonly Fault[], random: () => number): Round {
  const [one, ...others] = shuffled(faults, random);
  const other = others.find(({ group }) => group === undefined || group !== one?.group);
  if (!one || !other) throw new Error('no two faults may happen at once');
  return [one, other];
}

/** The longest write gap that its faults together may make. */
export function budgetOf(round: Round): number {
  const own = round.reduce((sum, { budgetMs }) => sum + budgetMs, 0);
  return round.length > 1 ? own + Math.max(...round.map(({ holdMs }) => holdMs)) + TOGETHER_MS : own;
}

export const namesOf = (round: string): string[] => round.split('+').map((name) => name.trim());

function refuse(faults: readonly Fault[], wanted: string): never {
  throw new Error(`no fault is called ${wanted}; there are: ${faults.map(({ name }) => name).join(', ')}`);
}

function demandApart(round: Round): void {
  const groups = round.flatMap(({ group }) => group ?? []);
  if (new Set(groups).size < groups.length)
    throw new Error(
      `${nameOf(round)}: two faults that touch the same thing (${groups.join(', ')}) are not made at once`,
    );
}

export const nameOf = (round: Round): string => round.map(({ name }) => name).join(' + ');
