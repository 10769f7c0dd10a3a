import type { KnownSite } from '../../activities/inventory/backup-tables';
import { policyInWords } from '../../domain/backup-words';
import type { BackupPolicy } from '../../domain/backups';
import type { CloudName, Cluster } from '../../domain/clusters';
import type { OperationSummary } from '../../domain/operations';
import type { BackupPolicyRequest } from '../../domain/schemas/backups';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import type { FieldError } from '../../domain/schemas/problems';
import { stepTitles } from '../../workflows/runbooks';
import { changedDumps, changedHooks, usableOf, wholePolicy, wrongDumpSites } from './backup-policy';
import { check } from './previews';
import { InvalidRequest } from './problem';
import { topologyOf } from './submit';

/** A change of a policy: what is left out stays as it is. A cluster that has none gets its first one. */

const ESTIMATED_SECONDS = { 'begin-backups': 10, 'configure-backups': 2 } as const;

/** The operation by which a cluster follows. */
export const kindOfChange = ({ backups }: Pick<Cluster['spec'], 'backups'>): keyof typeof ESTIMATED_SECONDS =>
  backups === null ? 'begin-backups' : 'configure-backups';

/**
 * The policy with the changes that a request asks for; where there is none, that of an order which asks for these.
 *
 * @throws VALIDATION_FAILED for sites that are moved, and for new ones that the cluster can't use.
 */
export function policyAsAsked(
  { backups, cloud }: Pick<Cluster['spec'], 'backups' | 'cloud'>,
  asked: BackupPolicyRequest,
  known: readonly KnownSite[],
): BackupPolicy {
  return backups === null ? wholePolicy(asked, known, cloud, '') : changedPolicy(backups, asked, known, cloud);
}

function changedPolicy(
  before: BackupPolicy,
  { sites = before.sites, schedule, drill, dumps, timeZone, retention, paused, hooks, notify }: BackupPolicyRequest,
  known: readonly KnownSite[],
  cloud: CloudName,
): BackupPolicy {
  const errors = [
    ...movedSites(before.sites, sites),
    ...wrongNewSites(before.sites, sites, known, cloud),
    ...wrongDumpSites(dumps, sites, ''),
  ];
  if (errors.length > 0) throw new InvalidRequest(errors);
  return {
    sites,
    schedule: {
      full: orAsItWas(schedule?.full, before.schedule.full),
      differential: orAsItWas(schedule?.differential, before.schedule.differential),
      incremental: orAsItWas(schedule?.incremental, before.schedule.incremental),
    },
    drill: orAsItWas(drill, before.drill),
    dumps: changedDumps({ ...before.dumps, sites: stayingOf(before.dumps.sites, sites) }, dumps),
    timeZone: timeZone ?? before.timeZone,
    retention: retention ?? before.retention,
    paused: paused ?? before.paused,
    hooks: changedHooks(before.hooks, hooks),
    notify: notify ?? before.notify,
  };
}

/** A site that is left gets no dumps either; without any of those that were named, all get them. */
export function stayingOf(named: readonly string[] | null, sites: readonly string[]): readonly string[] | null {
  const staying = named?.filter((site) => sites.includes(site)) ?? [];
  return staying.length > 0 ? staying : null;
}

/** Null is an answer: never. */
const orAsItWas = (asked: string | null | undefined, before: string | null): string | null =>
  asked === undefined ? before : asked;

/** Its place in the list is the number of a site's repository on the hosts, and new ones come last. */
function movedSites(before: readonly string[], sites: readonly string[]): FieldError[] {
  const kept = before.filter((site) => sites.includes(site));
  if (kept.every((site, i) => sites[i] === site)) return [];
  const message = `must begin with ${kept.join(', ')}, in this order: sites can be left out, or added at the end`;
  return [{ in: 'body', pointer: '/sites', code: 'site_moved', message }];
}

function wrongNewSites(
  before: readonly string[],
  sites: readonly string[],
  known: readonly KnownSite[],
  cloud: CloudName,
): FieldError[] {
  const usable = usableOf(known, cloud);
  return sites.flatMap((site, i) => {
    if (before.includes(site) || usable.includes(site)) return [];
    const message = `names ${site}, which is no site that hosts of the cloud ${cloud} can reach: there are ${usable.join(', ') || 'none'}`;
    return [{ in: 'body', pointer: `/sites/${i}`, code: 'no_such_site', message }];
  });
}

/** @param working the operation that is in the way, if any. */
export function previewOfPolicy(
  { name, spec, status }: Cluster,
  after: BackupPolicy,
  working: OperationSummary | undefined,
): PreviewAnswer {
  const kind = kindOfChange(spec);
  const isFirst = spec.backups === null;
  const added = after.sites.filter((site) => !spec.backups?.sites.includes(site));
  const left = spec.backups?.sites.filter((site) => !after.sites.includes(site)) ?? [];
  return {
    kind,
    changes: [
      { action: isFirst ? 'create' : 'change', what: `backups of ${name}`, detail: policyInWords(after) },
      ...added.map((site) => ({
        action: 'create' as const,
        what: `an account on ${site}`,
        detail: isFirst
          ? 'the first backup begins at once; nothing from before it has ended can be restored'
          : 'the next backup is a full one there; what was archived before stays on the other sites alone',
      })),
      ...left.map((site) => ({
        action: 'delete' as const,
        what: `the backups on ${site}`,
        detail: 'where the site still answers; what no other site has can be restored no more',
      })),
    ],
    ...(left.length > 0
      ? { impact: 'data loss', loss: `the backups and dumps on ${left.join(' and ')}` }
      : { impact: 'none' }),
    checks: [
      check('cluster-ready', status.state === 'ready', `cluster ${name} is ${status.state}`, 'wait until it is ready'),
      check(
        'not-busy',
        !working,
        working ? `operation ${working.id} works on it` : 'no operation works on it',
        'wait until the operation ends, or cancel it',
      ),
    ],
    steps: stepTitles(kind, topologyOf(spec)),
    estimatedSeconds: ESTIMATED_SECONDS[kind],
    price: null,
  };
}
