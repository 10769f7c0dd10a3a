import type { BackupPolicy } from './backups';
import type { Dump } from './dumps';

/** Dumps that a cluster takes by itself: the part `dumps` of its policy of backups. */

export interface DumpOrders {
  /** A cron expression of five fields in the policy's time zone; null: never by itself. */
  readonly schedule: string | null;
  /** Which databases go into one dump: `all` with the roles, or those of these names. */
  readonly databases: 'all' | readonly string[];
  /** Of the policy's sites, those that get a copy; null: all of them. */
  readonly sites: readonly string[] | null;
}

/** Only who wants them has them: they are of no use for a restore that backups can't do, but where versions change. */
export const NO_SCHEDULED_DUMPS: DumpOrders = { schedule: null, databases: 'all', sites: null };

/** What a dump is asked to have: one database, several by name, or all with the roles. */
export type DumpSelection = Pick<Dump, 'database' | 'selection'>;

/** One name is what a user asks for by name; see {@link Dump.database}. */
export function selectionOf(databases: DumpOrders['databases']): DumpSelection {
  if (databases === 'all') return { database: null, selection: null };
  const [only = null, ...others] = databases;
  return others.length === 0 ? { database: only, selection: null } : { database: null, selection: databases };
}

/** Also the roles are in it. */
export const isOfAll = ({ database, selection }: DumpSelection): boolean => database === null && selection === null;

/** For people. */
export function selectionInWords({ database, selection }: DumpSelection): string {
  if (selection !== null) return `databases ${selection.join(', ')}`;
  return database === null ? 'all databases' : `database ${database}`;
}

/** Why no dump of a cluster is wanted by schedule; null: it is. */
export function whyNoDump(policy: BackupPolicy | null): string | null {
  if (policy === null) return 'it has no backups';
  if (policy.dumps.schedule === null) return 'its policy wants no dumps';
  return policy.paused ? 'its backups are paused' : null;
}
