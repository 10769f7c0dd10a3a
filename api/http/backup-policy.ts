import type { KnownSite } from '../../activities/inventory/backup-tables';
import type { BackupHooks } from '../../domain/backup-hooks';
import { NO_HOOKS } from '../../domain/backup-hooks';
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
  if (asked === undefined && usableOf(known, cloud).length === 0) return null;
  return wholePolicy(asked ?? {}, known, cloud, '/backups');
}

/** Where a policy stands in a request: an order has it in a field. */
type Place = '' | '/backups';

/**
 * A first policy, with every default filled in.
 *
 * @throws VALIDATION_FAILED for a site that is not known, or that the cloud's hosts can't reach, or where there is none.
 */
export function wholePolicy(
  { schedule, drill, dumps, timeZone, retention, paused, hooks, notify, ...asked }: BackupPolicyRequest,
  known: readonly KnownSite[],
  cloud: CloudName,
  at: Place,
): BackupPolicy {
  const usable = usableOf(known, cloud);
  const sites = asked.sites ?? usable.slice(0, DEFAULT_BACKUP_SITES);
  const errors = [...wrongSites(sites, usable, known, cloud, at), ...wrongDumpSites(dumps, sites, at)];
  if (errors.length > 0) throw new InvalidRequest(errors);
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
    hooks: changedHooks(NO_HOOKS, hooks),
    notify: notify ?? [],
  };
}

/** Names of the sites that hosts of the cloud can reach. */
export const usableOf = (known: readonly KnownSite[], cloud: CloudName): string[] =>
  known.filter(({ clouds }) => clouds.includes(cloud)).map(({ name }) => name);

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
  at: Place,
): FieldError[] {
  const wrong = (pointer: string, message: string): FieldError => ({
    in: 'body',
    pointer,
    code: 'no_such_site',
    message,
  });
  const none = `there is no site that hosts of the cloud ${cloud} can reach: name one in the sites file (docs/configuration.md)${at === '' ? '' : ', or set backups to null'}`;
  if (sites.length === 0) return [wrong(at === '' ? '/sites' : at, none)];
  const there = usable.length === 0 ? none : `there are ${usable.join(', ')}`;
  return sites.flatMap((site, i) => {
    if (usable.includes(site)) return [];
    const isKnown = known.some(({ name }) => name === site);
    const problem = isKnown ? `cannot be reached by hosts of the cloud ${cloud}` : 'is not a site of this installation';
    return [wrong(`${at}/sites/${i}`, `names ${site}, which ${problem}: ${there}`)];
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

/** The same; null is an answer: none. */
export function changedHooks(before: BackupHooks, { pre, post }: AskedHooks = {}): BackupHooks {
  return { pre: pre === undefined ? before.pre : pre, post: post === undefined ? before.post : post };
}

type AskedHooks = NonNullable<BackupPolicyRequest['hooks']>;
type AskedDumps = NonNullable<BackupPolicyRequest['dumps']>;

/** Dumps lie beside backups. @param at place of the policy in the request. */
export function wrongDumpSites(asked: BackupPolicyRequest['dumps'], sites: readonly string[], at: Place): FieldError[] {
  return (asked?.sites ?? []).flatMap((site, i) => {
    if (sites.includes(site)) return [];
    const message = `names ${site}, which is no site of these backups: there are ${sites.join(', ')}`;
    return [{ in: 'body' as const, pointer: `${at}/dumps/sites/${i}`, code: 'no_such_site', message }];
  });
}
