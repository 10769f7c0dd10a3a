import type { RemovedLineages } from '../activities/housekeeping/activities';
import { housekeeping as activities } from './proxies';

/** For operators, in the Web UI. */
export interface HousekeepingOutcome {
  readonly lineages: RemovedLineages;
  /** Names of clusters. */
  readonly overdue: readonly string[];
}

/** What is done every hour for all clusters together. It is no operation: it belongs to no cluster. */
export async function housekeeping(): Promise<HousekeepingOutcome> {
  const overdue = await activities.findOverdueBackups();
  const lineages = await activities.removeExpiredLineages();
  return { lineages, overdue };
}
