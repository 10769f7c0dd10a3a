import type { Origin } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import type { DatabaseRestore } from '../../domain/database-restores';
import type { ThrowawayCluster } from '../../domain/drilled-clusters';
import type { OperationSummary } from '../../domain/operations';
import { targetInWords } from '../../domain/restore-targets';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import { formatStorageSize } from '../../domain/storage-size';
import { stepTitles } from '../../workflows/runbooks';
import { check, ESTIMATED_SECONDS, impactOfReplacing } from './previews';
import { topologyOf } from './submit';

/** Of a restore and of a dump, on two cores with zstd. */
const RESTORED_BYTES_PER_SECOND = 100 * 1024 ** 2;
const DUMPED_BYTES_PER_SECOND = 50 * 1024 ** 2;

/** From which cluster and as of when, into which one, and what is made on the way. */
export interface OrderedDatabase {
  readonly from: Cluster;
  readonly into: Cluster;
  readonly aside: ThrowawayCluster & { readonly origin: Origin };
  readonly restore: DatabaseRestore;
}

/**
 * What a restore of one database would do.
 *
 * @param working the operation that works on the cluster that it goes into, if any.
 * @param databaseBytes of all databases, as they were last backed up; null when nobody knows.
 */
export function previewOfDatabaseRestore(
  ordered: OrderedDatabase,
  { working, databaseBytes }: { readonly working: OperationSummary | undefined; readonly databaseBytes: number | null },
): PreviewAnswer {
  const { from, into, aside, restore } = ordered;
  const topology = topologyOf(aside.spec);
  const bytes = databaseBytes ?? 0;
  const copied = bytes / RESTORED_BYTES_PER_SECOND + bytes / DUMPED_BYTES_PER_SECOND;
  const state = `${from.name}, ${targetInWords(aside.origin.target)}`;
  return {
    kind: 'restore-database',
    changes: changesOf(ordered, state),
    ...impactOfReplacing(restore),
    checks: [
      check('target-inside', true, `${state} can be restored`, ''),
      check(
        'cluster-ready',
        into.status.state === 'ready',
        `cluster ${into.name} is ${into.status.state}`,
        'wait until it is ready',
      ),
      check(
        'not-busy',
        !working,
        working ? `operation ${working.id} works on ${into.name}` : `no operation works on ${into.name}`,
        'it is waited for when the dump is there, for 50 minutes',
      ),
    ],
    steps: stepTitles('restore-database', topology),
    estimatedSeconds: Math.round(ESTIMATED_SECONDS.provision[topology] * 2 + copied),
    price: null,
  };
}

function changesOf(
  { into, aside, restore: { source, database, replace } }: OrderedDatabase,
  state: string,
): PreviewAnswer['changes'] {
  const place = replace ? ', in the place of one of that name' : '';
  return [
    {
      action: 'create',
      what: 'hosts that are thrown away',
      detail: `plan ${aside.spec.plan} with ${formatStorageSize(aside.spec.storageBytes)} of storage, for the data of ${state}`,
    },
    {
      action: 'create',
      what: `database ${database} of cluster ${into.name}`,
      detail: `from ${source} of ${state}${place}`,
    },
    { action: 'delete', what: 'the same hosts', detail: 'when it is there, or has failed' },
  ];
}
