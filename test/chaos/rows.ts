import { drawsAll, lotOf, seedOf } from '../../infra/local/turns';
import type { CrashPoint, Execution } from '../simulation/crash';
import type { Outcome } from './experiment';

/**
 * The rows of the matrix: where a worker dies. They are what a dry run did, so an activity that is added adds its own. By
 * default each run of the tests has a twelfth of the executions and one side of each, drawn anew: HOLDFAST_TEST_SEED draws those of
 * an earlier run again, `HOLDFAST_DRAW=all npm test -- --selectProjects chaos` has all of both, and whatever else a matrix leaves out.
 */

/** Of so many there is one in a run: whole matrices take longer than all other tests together. A row comes in every 24th run on average. */
const ONE_OF = 12;

export const all = drawsAll(process.env);
const seed = seedOf(process.env);

/** Before and after each execution that the dry run shows. */
export function bothSides(executions: readonly Execution[]): CrashPoint[] {
  return [...new Set(executions)].flatMap((execution) => [
    { execution, when: 'before' } as const,
    { execution, when: 'after' } as const,
  ]);
}

/** Of {@link bothSides} those of this run. */
export function rowsOf(executions: readonly Execution[]): CrashPoint[] {
  return all
    ? bothSides(executions)
    : drawn([...new Set(executions)]).map((execution) => ({ execution, when: sideOf(execution) }));
}

/** Those of this run, in their order: at least one, where there is any. */
export function drawn(executions: readonly Execution[]): Execution[] {
  if (all) return [...executions];
  const byLot = executions.toSorted((one, other) => lotOf(seed, one) - lotOf(seed, other));
  const first = new Set(byLot.slice(0, Math.ceil(byLot.length / ONE_OF)));
  return executions.filter((execution) => first.has(execution));
}

const sideOf = (execution: Execution): CrashPoint['when'] => (lotOf(seed, execution) % 2 === 0 ? 'before' : 'after');

/** How many rows of what came in this run. */
export function tellRows(counts: Readonly<Record<string, number>>): void {
  process.stdout.write(`rows of the crash matrix, seed ${seed}: ${JSON.stringify(counts)}\n`);
}

/** For each of these steps the execution of it that began first: where a cancel is asked for. */
export function cancelPoints({ executions }: Outcome, stepIds: readonly string[]): Execution[] {
  return stepIds.flatMap((id) => executions.find((execution) => execution.startsWith(`${id}: `)) ?? []);
}

/**
 * Shares rows out over as few runs as hold them, `size` in each and far apart from one another: a run costs more than a
 * crash. When one goes wrong, its rows are run alone.
 */
export function inRuns(rows: readonly CrashPoint[], size: number): CrashPoint[][] {
  const runs = Array.from({ length: Math.ceil(rows.length / size) }, (): CrashPoint[] => []);
  rows.forEach((row, i) => runs[i % runs.length]?.push(row));
  return runs;
}

/** Shares out rows that are possible in several experiments, so that each comes in one of them at least. */
export interface Rota<E> {
  /** Of the rows that are possible in this one, `size` that came nowhere yet, as far as there are any. */
  share(experiment: E, possible: readonly CrashPoint[], size: number): CrashPoint[];
  /** Rows that came nowhere, each with an experiment in which it is possible. */
  readonly left: readonly { readonly experiment: E; readonly row: CrashPoint }[];
}

export function openRota<E>(): Rota<E> {
  const seen = new Map<string, { readonly experiment: E; readonly row: CrashPoint }>();
  const came = new Set<string>();
  const nameOf = ({ execution, when }: CrashPoint): string => `${when} ${execution}`;
  return {
    share(experiment, possible, size) {
      for (const row of possible) seen.set(nameOf(row), { experiment, row });
      const fresh = possible.filter((row) => !came.has(nameOf(row)));
      const others = possible.filter((row) => came.has(nameOf(row)));
      const share = [...fresh, ...others].slice(0, size);
      for (const row of share) came.add(nameOf(row));
      return share;
    },
    get left() {
      return [...seen].filter(([name]) => !came.has(name)).map(([, one]) => one);
    },
  };
}
