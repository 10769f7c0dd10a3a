import type { CrashPoint, Execution } from '../simulation/crash';
import type { Outcome } from './experiment';

/** The rows of the matrix: where a worker dies. They are what a dry run did, so an activity that is added adds its own. */

/** Before and after each execution that the dry run shows. */
export function rowsOf(executions: readonly Execution[]): CrashPoint[] {
  return [...new Set(executions)].flatMap((execution) => [
    { execution, when: 'before' } as const,
    { execution, when: 'after' } as const,
  ]);
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

/** One run's share of the rows, another one for each `turn`: over the turns all of them come. */
export function oneRun(rows: readonly CrashPoint[], size: number, turn: number): CrashPoint[] {
  const runs = inRuns(rows, size);
  return runs[turn % runs.length] ?? [];
}
