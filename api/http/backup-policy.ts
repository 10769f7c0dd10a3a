import type { KnownSite } from '../../activities/inventory/backup-tables';
import { DEFAULT_BACKUP_RETENTION, DEFAULT_BACKUP_SCHEDULE, DEFAULT_BACKUP_SITES } from '../../domain/backups';
import type { BackupPolicy } from '../../domain/backups';
import { DEFAULT_DRILL_TIMES } from '../../domain/drills';
import type { DumpOrders } from '../../domain/dump-schedules';
import { NO_SCHEDULED_DUMPS } from '../../domain/dump-schedules';
import type { CloudName } from '../../domain/clusters';
import type { BackupPolicyRequest } from '../../domain/schemas/backups';
import type { FieldError } from '../../domain/schemas/problems';
import { InvalidRequest } from './problem';

const DEFAULT_TIME_ZONE = 'UTC';

/**
 * The backups that an order asks for, with every default filled in; none where the order does not ask and no site can be
 * used.
 *
 * @param known sites in order of preference.
 * @throws VALIDATION_FAILED for a site that is not known, or that the cloud's hosts can't reach.
 */
export function policyOf(
  asked: BackupPolicyRequest | null | undefined,
  known: readonly KnownSite[],
  cloud: CloudName,
): BackupPolicy | null {
  if (asked === null) return null;
  const usable = known.filter(({ clouds }) => clouds.includes(cloud)).map(({ name }) => name);
  if (asked === undefined && usable.length === 0) return null;
  const sites = asked?.sites ?? usable.slice(0, DEFAULT_BACKUP_SITES);
  const errors = [...wrongSites(sites, usable, known, cloud), ...wrongDumpSites(asked?.dumps, sites, '/backups')];
  if (errors.length > 0) throw new InvalidRequest(errors);
  const { schedule, drill, dumps, timeZone, retention, paused } = asked ?? {};
  return {
    sites,
    schedule: {
      full: orDefault(schedule?.full, DEFAULT_BACKUP_SCHEDULE.full),
      differential: orDefault(schedule?.differential, DEFAULT_BACKUP_SCHEDULE.differential),
      incremental: orDefault(schedule?.incremental, DEFAULT_BACKUP_SCHEDULE.incremental),
    },
    drill: orDefault(drill, DEFAULT_DRILL_TIMES),
    dumps: changedDumps(NO_SCHEDULED_DUMPS, dumps),
    timeZone: timeZone ?? DEFAULT_TIME_ZONE,
    retention: retention ?? DEFAULT_BACKUP_RETENTION,
    paused: paused ?? false,
  };
}

/** True when a cluster of that cloud can go on with the policy of another one. */
export function canUse(policy: BackupPolicy, known: readonly KnownSite[], cloud: CloudName): boolean {
  return policy.sites.every((site) => known.some(({ name, clouds }) => name === site && clouds.includes(cloud)));
}

/** Null is an answer: never. */
const orDefault = (asked: string | null | undefined, otherwise: string | null): string | null =>
  asked === undefined ? otherwise : asked;

function wrongSites(
  sites: readonly string[],
  usable: readonly string[],
  known: readonly KnownSite[],
  cloud: CloudName,
): FieldError[] {
  const wrong = (pointer: string, message: string): FieldError => ({
    in: 'body',
    pointer,
    code: 'no_such_site',
    message,
  });
  const none = `there is no site that hosts of the cloud ${cloud} can reach: name one in the sites file (docs/configuration.md), or set backups to null`;
  if (sites.length === 0) return [wrong('/backups', none)];
  const there = usable.length === 0 ? none : `there are ${usable.join(', ')}`;
  return sites.flatMap((site, i) => {
    if (usable.includes(site)) return [];
    const isKnown = known.some(({ name }) => name === site);
    const problem = isKnown ? `cannot be reached by hosts of the cloud ${cloud}` : 'is not a site of this installation';
    return [wrong(`/backups/sites/${i}`, `${problem}: ${there}`)];
  });
}

/** What is left out stays as it is. */
export function changedDumps(before: DumpOrders, { schedule, databases, sites }: AskedDumps = {}): DumpOrders {
  return {
    schedule: schedule === undefined ? before.schedule : schedule,
    databases: databases ?? before.databases,
    sites: sites === undefined ? before.sites : sites,
  };
}

type AskedDumps = NonNullable<BackupPolicyRequest['dumps']>;

/** Dumps lie beside backups. @param at place of the policy in the request. */
export function wrongDumpSites(
  asked: BackupPolicyRequest['dumps'],
  sites: readonly string[],
  at: '' | '/backups',
): FieldError[] {
  return (asked?.sites ?? []).flatMap((site, i) => {
    if (sites.includes(site)) return [];
    const message = `is no site of these backups: there are ${sites.join(', ')}`;
    return [{ in: 'body' as const, pointer: `${at}/dumps/sites/${i}`, code: 'no_such_site', message }];
  });
}
