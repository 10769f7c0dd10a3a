import { z } from 'zod';
import type { Drill, DrillState } from '../../domain/drills';
import { lastProvenInWords, provenInWords } from '../../domain/drill-words';
import { FINAL_STATES } from '../../domain/operations';
import type { OperationChange } from '../../domain/operations';
import type { ClusterId, OperationId } from '../../domain/ids';
import { appendAudit } from './audit';
import { lockCluster, setCondition } from './clusters';
import type { Sql } from './database';
import { first } from './database';
import { drillRow } from './drill-rows';
import type { UnderDrillPolicy } from './drill-tables';
import type { Overdue } from './overdue';
import { backupPolicy, clusterId, time } from './rows';

/** What drills say of the clusters whose backups they restore: the condition `RestoreProven`. */

/** A cluster whose policy wants drills is told to have none yet. */
export async function expectDrills(sql: Sql, id: ClusterId): Promise<void> {
  const { spec, status } = await lockCluster(sql, id, null);
  const isTold = status.conditions.some(({ type }) => type === 'RestoreProven');
  if (isTold || !spec.backups || spec.backups.drill === null) return;
  const message = lastProvenInWords(null, new Date());
  await setCondition(sql, id, { type: 'RestoreProven', status: false, reason: 'NoneYet', message });
}

/** See {@link DrillTable.prove}. */
export async function proveDrill(sql: Sql, operation: OperationId): Promise<void> {
  const proven = first(
    await sql.rows(
      drillRow,
      'update drills set proven_at = now() where operation_id = $1 and proven_at is null returning *',
      [operation],
    ),
  );
  if (!proven || proven.target === null || proven.site === null || proven.provenAt === null) return;
  const { id: drillId, clusterId: source, timelineId, provenAt, target, site, setId, startedAt } = proven;
  await sql.run(
    'update backup_copies set verified_at = $4::timestamptz where timeline_id = $1 and site = $2 and set_id = $3',
    [timelineId, site, setId, provenAt],
  );
  const seconds = (Date.parse(provenAt) - Date.parse(startedAt)) / 1000;
  const restore = { drillId, provenAt, target, site, seconds };
  await lockCluster(sql, source, null);
  await sql.run('update clusters set last_proven_restore = $2::jsonb where id = $1', [source, JSON.stringify(restore)]);
  const message = provenInWords(restore);
  await setCondition(sql, source, { type: 'RestoreProven', status: true, reason: 'Proven', message });
  await tellAudit(sql, proven, 'drill proven', { message });
}

/** With its operation a drill ends. What it had proven by then stays proven; anything else is told of the cluster. */
export async function endDrill(sql: Sql, operation: OperationId, { state, at, error }: OperationChange): Promise<void> {
  const ended = first(
    await sql.rows(
      drillRow,
      `update drills set finished_at = $2::timestamptz, error = $3::jsonb,
                         state = case when proven_at is not null then 'succeeded' else $4 end
        where operation_id = $1 and state = 'running' returning *`,
      [operation, at, error ? JSON.stringify(error) : null, endOf(state, error?.code)],
    ),
  );
  if (ended?.state !== 'failed' && ended?.state !== 'skipped') return;
  const why = (error?.message ?? 'nothing tells why').replace(/\.$/, '');
  const age = lastProvenInWords(await lastProvenAt(sql, ended.clusterId), new Date(at));
  const what = ended.state === 'failed' ? 'Drill {id} failed' : 'Drill {id} was skipped';
  const message = `${what.replace('{id}', ended.id)}: ${why}. ${age}`;
  const reason = ended.state === 'failed' ? 'Failed' : 'Skipped';
  await setCondition(sql, ended.clusterId, { type: 'RestoreProven', status: false, reason, message });
  await tellAudit(sql, ended, `drill ${ended.state}`, { message });
}

function endOf(state: OperationChange['state'], code: string | undefined): DrillState {
  if (state === 'cancelled') return 'cancelled';
  // There was no machine for it: that says nothing of the backups.
  return code === 'CLOUD_FULL' ? 'skipped' : 'failed';
}

async function lastProvenAt(sql: Sql, id: ClusterId): Promise<string | null> {
  const { lastProvenRestore } = await lockCluster(sql, id, null);
  return lastProvenRestore?.provenAt ?? null;
}

function tellAudit(
  sql: Sql,
  { id, clusterId: subject, requestedBy }: Drill,
  action: string,
  details: { readonly message: string },
): Promise<void> {
  return appendAudit(sql, { actor: requestedBy, action, subject, details: { drill: id, ...details } });
}

const underPolicyRow = z
  .object({ id: clusterId, name: z.string(), policy: backupPolicy, since: time, proven_at: time.nullable() })
  .transform(({ id, name, policy, since, proven_at }): UnderDrillPolicy => ({
    clusterId: id,
    clusterName: name,
    policy,
    since,
    lastProvenAt: proven_at,
  }));

/** What a cluster must be for a drill of it to be overdue. One that hangs does not hide that. */
export const OVERDUE_DRILLS: Overdue = {
  what: 'drill',
  where: `
  cluster.state = 'ready' and cluster.backups_scheduled_at is not null
  and cluster.spec #> '{backups,paused}' = 'false' and cluster.spec #>> '{backups,drill}' is not null
  and not cluster.conditions @> '[{"type": "RestoreProven", "reason": "Overdue"}]'
  and not cluster.conditions @> '[{"type": "RestoreProven", "reason": "Failed"}]'
  and not cluster.conditions @> '[{"type": "RestoreProven", "reason": "Skipped"}]'`,
};

/** See {@link DrillTable.listUnderPolicy}. */
export function listUnderPolicy(sql: Sql): Promise<UnderDrillPolicy[]> {
  return sql.rows(
    underPolicyRow,
    `select cluster.id, cluster.name, cluster.spec -> 'backups' as policy, last.proven_at,
            greatest(cluster.backups_scheduled_at, last.started_at) as since
       from clusters cluster left join lateral (
         select started_at, proven_at from drills
          where drills.cluster_id = cluster.id and proven_at <= now() order by proven_at desc limit 1
       ) last on true
      where ${OVERDUE_DRILLS.where} order by cluster.id`,
  );
}

/** See {@link DrillTable.listAbandoned}. */
export async function listAbandoned(sql: Sql): Promise<ClusterId[]> {
  const rows = await sql.rows(
    z.object({ id: clusterId }),
    `select id from clusters cluster
      where drill_of is not null and deleted_at is null
        and not exists (select from operations where cluster_id = cluster.id and operations.state <> all ($1))
      order by id`,
    [FINAL_STATES],
  );
  return rows.map(({ id }) => id);
}
