import type { Cluster } from '../../domain/clusters';
import type { Dump } from '../../domain/dumps';
import { dumpsToEvict } from '../../domain/dumps';
import { makeId } from '../../domain/ids';
import type { OperationSummary } from '../../domain/operations';
import { findPlan } from '../../domain/plans';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import { stepTitles } from '../../workflows/runbooks';
import { check, impactOfReplacing } from './previews';
import { topologyOf } from './submit';

/** What a dump or the restore of one would do. */

const FEW_SECONDS = 10;
/** Of a dump on two cores with zstd. */
const BYTES_PER_SECOND = 50 * 1024 ** 2;

const secondsFor = (bytes: number | null): number => FEW_SECONDS + Math.round((bytes ?? 0) / BYTES_PER_SECOND);

const notBusy = (working: OperationSummary | undefined): ReturnType<typeof check> =>
  check(
    'not-busy',
    !working,
    working ? `operation ${working.id} is in the way` : 'no operation is in the way',
    'wait until the operation ends',
  );

const isReady = ({ name, status }: Cluster): ReturnType<typeof check> =>
  check('cluster-ready', status.state === 'ready', `cluster ${name} is ${status.state}`, 'wait until it is ready');

/**
 * @param database null: all.
 * @param good dumps of the cluster that have succeeded.
 * @param working the operation that is in the way, if any.
 */
export function previewOfDump(
  cluster: Cluster,
  database: string | null,
  good: readonly Dump[],
  working: OperationSummary | undefined,
): PreviewAnswer {
  const { name, spec } = cluster;
  const what = database === null ? 'dump of all databases' : `dump of database ${database}`;
  return {
    kind: 'dump',
    changes: [
      ...(spec.backups?.sites ?? []).map((site) => ({
        action: 'create' as const,
        what: `${what} on ${site}`,
        detail: 'one archive',
      })),
      ...evicted(spec.plan, good).map(({ id, startedAt }) => ({
        action: 'delete' as const,
        what: `dump ${id}`,
        detail: `of ${startedAt}: the plan ${spec.plan} keeps no more`,
      })),
    ],
    impact: 'none',
    checks: [
      check(
        'backups-configured',
        spec.backups !== null,
        spec.backups === null ? `cluster ${name} has no backups` : `dumps go to ${spec.backups.sites.join(', ')}`,
        'a change of its policy gives it backups',
      ),
      isReady(cluster),
      notBusy(working),
    ],
    steps: stepTitles('dump', topologyOf(spec)),
    estimatedSeconds: secondsFor(good[0]?.databaseBytes ?? null),
    price: null,
  };
}

/** Once there is one more. */
function evicted(planName: string, good: readonly Dump[]): Dump[] {
  const limits = findPlan(planName)?.dumps;
  if (!limits) return [];
  const now = new Date();
  const another = { id: makeId('dmp', now.getTime(), new Uint8Array(16)), startedAt: now.toISOString() };
  const gone = dumpsToEvict([{ ...another, state: 'succeeded' }, ...good], limits);
  return good.filter(({ id }) => gone.includes(id));
}

/** @param database that it would become. */
export function previewOfDumpRestore(
  cluster: Cluster,
  dump: Dump,
  { source, database, replace }: { readonly source: string; readonly database: string; readonly replace: boolean },
  working: OperationSummary | undefined,
): PreviewAnswer {
  const { name, spec } = cluster;
  return {
    kind: 'restore-dump',
    changes: [
      {
        action: 'create',
        what: `database ${database} of cluster ${name}`,
        detail: `from ${source} in dump ${dump.id} of ${dump.startedAt}${replace ? ', in the place of one of that name' : ''}`,
      },
    ],
    ...impactOfReplacing({ database, replace }),
    checks: [isReady(cluster), notBusy(working)],
    steps: stepTitles('restore-dump', topologyOf(spec)),
    estimatedSeconds: secondsFor(dump.databaseBytes),
    price: null,
  };
}
