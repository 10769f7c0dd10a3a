import type { Condition } from './clusters';

/** Maintenance of a cluster: for so long somebody works on its hosts, and the autopilot neither fences nor replaces one. */

/** A day: whoever needs longer says so again. */
export const MOST_MAINTENANCE_MINUTES = 24 * 60;

export interface Maintenance {
  /** ISO 8601, UTC, by the clock of the inventory. */
  readonly since: string;
  readonly until: string;
  /** Who asked for it. */
  readonly by: string;
}

/** What the cluster says as long as it lasts. */
export const maintenanceCondition = ({ since, until, by }: Maintenance): Condition => ({
  type: 'Maintenance',
  status: true,
  reason: 'Asked',
  message: `Until ${until}, by ${by}: the autopilot neither fences nor replaces a host. Patroni fails over as ever.`,
  since,
});
