import { z } from 'zod';
import { lastGoodInWords } from '../../domain/backup-words';
import type { BackupType } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import type { ClusterId, OperationId } from '../../domain/ids';
import type { UnderPolicy } from './backup-tables';
import { lockCluster, setCondition } from './clusters';
import type { Sql } from './database';
import { first } from './database';
import { expectDrills } from './expected-drills';
import { expectDumps } from './expected-dumps';
import { heardOfLately } from './overdue';
import type { Overdue } from './overdue';
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

/**
 * The operation of a backup has failed: tells it of the cluster, with the age of its last good one.
 * @returns that age in words; null when the operation is no backup.
 */
export async function tellFailedBackup(
  sql: Sql,
  operationId: OperationId,
  at: string,
  why: string,
): Promise<string | null> {
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
  if (!failed) return null;
  const age = lastGoodInWords(failed.good_at, new Date(at));
  const message = `The last backup failed: ${why.replace(/\.$/, '')}. ${age}`;
  await setCondition(sql, failed.cluster_id, { type: 'BackedUp', status: false, reason: 'Failed', message });
  return age;
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

/** What a cluster must be for backups of it to be due. */
const IS_SCHEDULED = `
  cluster.state = 'ready' and cluster.backups_scheduled_at is not null
  and cluster.spec #> '{backups,paused}' = 'false'`;

/** What a cluster must be for a backup of it to be overdue. */
export const OVERDUE_BACKUPS: Overdue = {
  what: 'backup',
  where: `
  ${IS_SCHEDULED}
  and not cluster.conditions @> '[{"type": "BackedUp", "reason": "Overdue"}]'
  and not cluster.conditions @> '[{"type": "BackedUp", "reason": "Failed"}]'
  and not exists (
    select from backups
     where backups.cluster_id = cluster.id and backups.state = 'running'
       and ${heardOfLately('backups.operation_id')}
  )`,
};

/** A time that is yet to come is of a clock that was wrong: it must not hide that nothing came since. */
const begunOf = (type: BackupType): string =>
  `(select max(started_at) from backups
     where backups.cluster_id = cluster.id and type = '${type}' and state = 'succeeded' and started_at <= now())`;

/** When the newest good backup of `cluster` ended. */
const LAST_GOOD = `
  (select max(finished_at) from backups
    where backups.cluster_id = cluster.id and backups.state = 'succeeded' and finished_at <= now())`;

/** See {@link BackupTable.listUnderPolicy}. */
export function listUnderPolicy(sql: Sql): Promise<UnderPolicy[]> {
  return sql.rows(
    underPolicyRow,
    `select id, name, spec -> 'backups' as policy, backups_scheduled_at as since,
            ${begunOf('full')} as "full", ${begunOf('differential')} as differential,
            ${begunOf('incremental')} as incremental, ${LAST_GOOD} as good_at
       from clusters cluster where ${OVERDUE_BACKUPS.where} order by id`,
  );
}

/** See {@link BackupTable.listMissed}. */
export async function listMissed(sql: Sql): Promise<ClusterId[]> {
  const rows = await sql.rows(
    z.object({ id: clusterId }),
    `select id from clusters cluster
      where ${IS_SCHEDULED} and (cluster.conditions @> '[{"type": "BackedUp", "reason": "Overdue"}]'
                              or cluster.conditions @> '[{"type": "BackedUp", "reason": "Failed"}]')
      order by id`,
  );
  return rows.map(({ id }) => id);
}

/** The host of a cluster has taken its last backup by itself, and it ended well: that is no more missing. */
export async function tellOwnBackup(sql: Sql, id: ClusterId): Promise<void> {
  const isLast = `
    select from clusters cluster
     where id = $1 and conditions @> '[{"type": "BackedUp", "status": false}]' and (
       select operation_id is null and state = 'succeeded' from backups
        where backups.cluster_id = cluster.id order by backups.id desc limit 1)`;
  if ((await sql.run(isLast, [id])) === 0) return;
  const message = 'The last backup ended well: the host took it by itself, because it was overdue.';
  await setCondition(sql, id, { type: 'BackedUp', status: true, reason: 'TakenByHost', message });
}
