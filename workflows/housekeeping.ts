import type { RemovedLineages } from '../activities/housekeeping/activities';
import { housekeeping as activities } from './proxies';
import { stepTitles } from './runbooks';

/** For operators, in the Web UI. */
export interface HousekeepingOutcome {
  readonly lineages: RemovedLineages;
  /** Of restores in place. */
  readonly keptData: RemovedLineages;
  /** Names of clusters. */
  readonly overdue: readonly string[];
  readonly overdueDrills: readonly string[];
  readonly overdueDumps: readonly string[];
  /** Ids of clusters that drills have left behind. */
  readonly abandoned: readonly string[];
}

/** What is done every hour for all clusters together. It is no operation: it belongs to no cluster. */
export async function housekeeping(): Promise<HousekeepingOutcome> {
  const overdue = await activities.findOverdueBackups();
  const overdueDrills = await activities.findOverdueDrills();
  const overdueDumps = await activities.findOverdueDumps();
  const abandoned = await activities.removeAbandonedDrills({ steps: stepTitles('delete', 'single') });
  const lineages = await activities.removeExpiredLineages();
  const keptData = await activities.removeKeptData();
  return { lineages, keptData, overdue, overdueDrills, overdueDumps, abandoned };
}
