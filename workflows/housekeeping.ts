import { ApplicationFailure, isCancellation, rootCause } from '@temporalio/workflow';
import type { RemovedThings } from '../activities/remove-each';
import { housekeeping as activities } from './proxies';
import { stepTitles } from './runbooks';

/** For operators, in the Web UI. */
export interface HousekeepingOutcome {
  readonly lineages: RemovedThings;
  /** Data nodes that were away during a restore in place: those that were brought in, and those that are not yet. */
  readonly nodes: RemovedThings;
  /** Of restores in place. */
  readonly keptData: RemovedThings;
  /** Dumps that were needed on the way only. */
  readonly extracts: RemovedThings;
  /** Names of clusters. */
  readonly overdue: readonly string[];
  readonly overdueDrills: readonly string[];
  readonly overdueDumps: readonly string[];
  /** Ids of clusters that drills have left behind. */
  readonly abandoned: readonly string[];
}

const NONE: RemovedThings = { removed: [], failed: {} };

/**
 * What is done every hour for all clusters together. It is no operation: it belongs to no cluster. One part that fails keeps no
 * other from its work; the run has failed then, with what each of them said.
 */
export async function housekeeping(): Promise<HousekeepingOutcome> {
  const errors: unknown[] = [];
  const tried = <T>(nothing: T, act: () => Promise<T>): Promise<T> =>
    act().catch((error: unknown) => {
      if (isCancellation(error)) throw error;
      errors.push(error);
      return nothing;
    });
  const steps = stepTitles('delete', 'single');
  const overdue = await tried([], () => activities.findOverdueBackups());
  const overdueDrills = await tried([], () => activities.findOverdueDrills());
  const overdueDumps = await tried([], () => activities.findOverdueDumps());
  const abandoned = await tried([], () => activities.removeAbandonedDrills({ steps }));
  const lineages = await tried(NONE, () => activities.removeExpiredLineages());
  const nodes = await tried(NONE, () => activities.bringInNodes());
  const keptData = await tried(NONE, () => activities.removeKeptData());
  const extracts = await tried(NONE, () => activities.removeLeftExtracts());
  if (errors.length > 0) throw ApplicationFailure.nonRetryable(errors.map((error) => rootCause(error)).join('; '));
  return { lineages, nodes, keptData, extracts, overdue, overdueDrills, overdueDumps, abandoned };
}
