import { z } from 'zod';
import { lastDumpInWords } from '../../domain/backup-words';
import type { ClusterId, OperationId } from '../../domain/ids';
import { FINAL_STATES } from '../../domain/operations';
import type { OperationChange } from '../../domain/operations';
import { dropCondition, lockCluster, setCondition } from './clusters';
import type { Sql } from './database';
import { first } from './database';
import type { UnderDumpPolicy } from './dump-tables';
import { heardOfLately } from './overdue';
import type { Overdue } from './overdue';
import { backupPolicy, clusterId, time } from './rows';

/** What is known of dumps that a schedule asks for: the condition `Dumped`. Those that users ask for count for nothing here. */

/** A cluster whose policy wants dumps is told to have none yet; of one that wants none nothing is told. */
export async function expectDumps(sql: Sql, id: ClusterId): Promise<void> {
  const { spec, status } = await lockCluster(sql, id, null);
  if (!spec.backups || spec.backups.dumps.schedule === null) return dropCondition(sql, id, 'Dumped');
  if (status.conditions.some(({ type }) => type === 'Dumped')) return;
  const message = lastDumpInWords(null, new Date());
  await setCondition(sql, id, { type: 'Dumped', status: false, reason: 'NoneYet', message });
}

/** When the newest good dump of `cluster` that a schedule asked for was begun, or ended; by a clock that was right: see backups. */
const lastGood = (column: 'started_at' | 'finished_at'): string => `
  (select max(dumps.${column}) from dumps join operations asked on asked.id = dumps.operation_id and asked.cause = 'schedule'
    where dumps.cluster_id = cluster.id and dumps.state not in ('running', 'failed') and dumps.${column} <= now())`;

/** The operation of a scheduled dump has ended: tells of the cluster what came of it, with the age of the last good one. */
export async function endDump(sql: Sql, operation: OperationId, { state, at, error }: OperationChange): Promise<void> {
  const row = z.object({ cluster_id: clusterId, good_at: time.nullable() });
  const ended = first(
    await sql.rows(
      row,
      `select cluster.id as cluster_id, ${lastGood('finished_at')} as good_at
         from clusters cluster join operations operation on operation.cluster_id = cluster.id
        where operation.id = $1 and operation.kind = 'dump' and operation.cause = 'schedule'
          and cluster.spec #>> '{backups,dumps,schedule}' is not null`,
      [operation],
    ),
  );
  if (!ended || state === 'cancelled') return;
  const type = 'Dumped';
  if (state === 'succeeded') {
    const message = 'The last scheduled dump ended well.';
    return setCondition(sql, ended.cluster_id, { type, status: true, reason: 'Taken', message });
  }
  const why = (error?.message ?? 'nothing tells why').replace(/\.$/, '');
  const message = `The last scheduled dump failed: ${why}. ${lastDumpInWords(ended.good_at, new Date(at))}`;
  await setCondition(sql, ended.cluster_id, { type, status: false, reason: 'Failed', message });
}

/** What a cluster must be for a dump of it to be overdue. */
export const OVERDUE_DUMPS: Overdue = {
  what: 'dump',
  where: `
  cluster.state = 'ready' and cluster.backups_scheduled_at is not null
  and cluster.spec #> '{backups,paused}' = 'false' and cluster.spec #>> '{backups,dumps,schedule}' is not null
  and not cluster.conditions @> '[{"type": "Dumped", "reason": "Overdue"}]'
  and not cluster.conditions @> '[{"type": "Dumped", "reason": "Failed"}]'
  and not exists (
    select from operations operation
     where operation.cluster_id = cluster.id and operation.kind = 'dump' and operation.cause = 'schedule'
       and operation.state <> all ($1)
       and ${heardOfLately('operation.id')}
  )`,
  values: [FINAL_STATES],
};

const underPolicyRow = z
  .object({ id: clusterId, name: z.string(), policy: backupPolicy, since: time, good_at: time.nullable() })
  .transform(({ id, name, policy, since, good_at }): UnderDumpPolicy => ({
    clusterId: id,
    clusterName: name,
    policy,
    since,
    lastGoodAt: good_at,
  }));

/** See {@link DumpTable.listUnderPolicy}. */
export function listUnderPolicy(sql: Sql): Promise<UnderDumpPolicy[]> {
  return sql.rows(
    underPolicyRow,
    `select id, name, spec -> 'backups' as policy, ${lastGood('finished_at')} as good_at,
            greatest(backups_scheduled_at, ${lastGood('started_at')}) as since
       from clusters cluster where ${OVERDUE_DUMPS.where} order by id`,
    OVERDUE_DUMPS.values,
  );
}
