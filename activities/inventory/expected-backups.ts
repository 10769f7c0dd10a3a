import { z } from 'zod';
import { lastGoodInWords } from '../../domain/backup-words';
import type { BackupType } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import type { ClusterId, OperationId } from '../../domain/ids';
import { appendAudit } from './audit';
import type { UnderPolicy } from './backup-tables';
import { lockCluster, setCondition } from './clusters';
import type { Sql } from './database';
import { first } from './database';
import { expectDrills } from './expected-drills';
import { expectDumps } from './expected-dumps';
import { backupPolicy, clusterId, time } from './rows';

/** What is known of backups that ought to be there: the condition `BackedUp` of their clusters. */

/** See {@link BackupTable.expect}. */
export async function expectBackups(sql: Sql, { clusterId: id }: StepRef): Promise<boolean> {
  await sql.run('update clusters set backups_scheduled_at = now() where id = $1', [id]);
  const row = z.object({ begun: z.boolean(), good: z.boolean() });
  const [known] = await sql.rows(
    row,
    `select count(*) > 0 as begun, count(*) filter (where state in ('succeeded', 'expired')) > 0 as good
       from backups where cluster_id = $1`,
    [id],
  );
  const { status } = await lockCluster(sql, id, null);
  const isTold = status.conditions.some(({ type }) => type === 'BackedUp');
  if (!known?.good && !isTold)
    await setCondition(sql, id, {
      type: 'BackedUp',
      status: false,
      reason: 'NoneYet',
      message: lastGoodInWords(null, new Date()),
    });
  await expectDrills(sql, id);
  await expectDumps(sql, id);
  return !known?.begun;
}

/** The operation of a backup has failed: tells it of the cluster, with the age of its last good one. */
export async function tellFailedBackup(sql: Sql, operationId: OperationId, at: string, why: string): Promise<void> {
  const row = z.object({ cluster_id: clusterId, good_at: time.nullable() });
  const failed = first(
    await sql.rows(
      row,
      `select cluster.id as cluster_id, ${LAST_GOOD} as good_at
         from clusters cluster join operations operation on operation.cluster_id = cluster.id
        where operation.id = $1 and operation.lane = 'backup'`,
      [operationId],
    ),
  );
  if (!failed) return;
  const age = lastGoodInWords(failed.good_at, new Date(at));
  const message = `The last backup failed: ${why.replace(/\.$/, '')}. ${age}`;
  await setCondition(sql, failed.cluster_id, { type: 'BackedUp', status: false, reason: 'Failed', message });
}

const underPolicyRow = z
  .object({
    id: clusterId,
    name: z.string(),
    policy: backupPolicy,
    since: time,
    full: time.nullable(),
    differential: time.nullable(),
    incremental: time.nullable(),
    good_at: time.nullable(),
  })
  .transform(({ id, name, policy, since, full, differential, incremental, good_at }): UnderPolicy => ({
    clusterId: id,
    clusterName: name,
    policy,
    since,
    lastBegun: { full, differential, incremental },
    lastGoodAt: good_at,
  }));

/** A backup of whose operation nothing was heard for so long hangs: it does not count as one that runs. */
const SILENCE = '30 minutes';

/** What a cluster must be for a backup of it to be overdue. */
const EXPECTS_BACKUPS = `
  cluster.state = 'ready' and cluster.backups_scheduled_at is not null
  and cluster.spec #> '{backups,paused}' = 'false'
  and not cluster.conditions @> '[{"type": "BackedUp", "reason": "Overdue"}]'
  and not cluster.conditions @> '[{"type": "BackedUp", "reason": "Failed"}]'
  and not exists (
    select from backups
     where backups.cluster_id = cluster.id and backups.state = 'running'
       and (select at from operation_events event
             where event.operation_id = backups.operation_id order by seq desc limit 1) > now() - interval '${SILENCE}'
  )`;

const begunOf = (type: BackupType): string =>
  `(select started_at from backups
     where backups.cluster_id = cluster.id and type = '${type}' and state = 'succeeded' order by id desc limit 1)`;

/** When the newest good backup of `cluster` ended. */
const LAST_GOOD = `
  (select finished_at from backups
    where backups.cluster_id = cluster.id and backups.state = 'succeeded' order by backups.id desc limit 1)`;

/** See {@link BackupTable.listUnderPolicy}. */
export function listUnderPolicy(sql: Sql): Promise<UnderPolicy[]> {
  return sql.rows(
    underPolicyRow,
    `select id, name, spec -> 'backups' as policy, backups_scheduled_at as since,
            ${begunOf('full')} as "full", ${begunOf('differential')} as differential,
            ${begunOf('incremental')} as incremental, ${LAST_GOOD} as good_at
       from clusters cluster where ${EXPECTS_BACKUPS} order by id`,
  );
}

/** See {@link BackupTable.raiseOverdue}. */
export async function raiseOverdue(sql: Sql, id: ClusterId, message: string): Promise<boolean> {
  await lockCluster(sql, id, null);
  const row = z.object({ id: clusterId });
  const found = await sql.rows(row, `select id from clusters cluster where id = $1 and ${EXPECTS_BACKUPS}`, [id]);
  if (found.length === 0) return false;
  await setCondition(sql, id, { type: 'BackedUp', status: false, reason: 'Overdue', message });
  await appendAudit(sql, { actor: 'housekeeping', action: 'backup overdue', subject: id, details: { message } });
  return true;
}
