import { createHash } from 'node:crypto';
import type { ScriptRun } from '../../domain/backup-hooks';
import type { Backup, Timeline } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { BackupId, OperationId, TimelineId } from '../../domain/ids';
import { isId, makeId } from '../../domain/ids';
import type { BackupStart, BackupTable, FoundSet, NewBackup } from './backup-tables';
import { backupId, backupRow } from './backup-rows';
import type { Database, Sql } from './database';
import { first } from './database';
import { copyTable } from './backup-copies';
import { expectBackups, listMissed, listUnderPolicy, tellOwnBackup, OVERDUE_BACKUPS } from './expected-backups';
import { raiseOverdue } from './overdue';
import { fenced } from './fence';
import { warnOfScript } from './notices';
import { z } from 'zod';

const SELECT = `
  select backup.*, coalesce(stored.copies, '[]') as copies, coalesce(run.scripts, '[]') as scripts,
         case when asked.kind = 'backup' and asked.cause = 'schedule' then backup.type end as schedule
    from backups backup
    left join operations asked on asked.id = backup.operation_id
    left join lateral (
      select json_agg(copy order by array_position(timeline.sites, copy.site), copy.site) as copies
        from backup_copies copy join timelines timeline on timeline.id = copy.timeline_id
       where copy.backup_id = backup.id
    ) stored on true
    left join lateral (
      select json_agg(script order by script.finished_at) as scripts
        from backup_scripts script where script.backup_id = backup.id
    ) run on true`;

export function backupTable(database: Database): BackupTable {
  return {
    list: (projectId, { clusterId, before, limit }) =>
      database.rows(
        backupRow,
        `${SELECT} where backup.project_id = $1 and ($2::text is null or backup.cluster_id = $2)
            and ($3::text is null or backup.id < $3) order by backup.id desc limit $4`,
        [projectId, clusterId ?? null, before ?? null, limit],
      ),
    find: async (projectId, id) =>
      first(
        await database.rows(backupRow, `${SELECT} where backup.project_id = $1 and backup.id = $2`, [projectId, id]),
      ),
    firstLsn: (id, site) => firstLsn(database, id, site),
    oldest: (id, site) => oldest(database, id, site),
    ...copyTable(database),
    ofOperation: (id) => ofOperation(database, id),
    begin: (ref, backup) => fenced(database, ref, (sql) => insertBackup(sql, ref.operationId, backup)),
    recordStart: (ref, start) => fenced(database, ref, (sql) => recordStart(sql, ref, start)),
    recordScript: (ref, run) => fenced(database, ref, (sql) => recordScript(sql, ref, run)),
    expect: (ref) => fenced(database, ref, (sql) => expectBackups(sql, ref)),
    listUnderPolicy: () => listUnderPolicy(database),
    listMissed: () => listMissed(database),
    raiseOverdue: (clusterId, message) =>
      database.transaction((sql) => raiseOverdue(sql, clusterId, message, OVERDUE_BACKUPS)),
    succeed: (ref) => fenced(database, ref, (sql) => succeed(sql, ref)),
    recordSets: (timeline, site, sets) => recordAndTell(database, timeline, site, sets),
  };
}

async function firstLsn(sql: Sql, id: TimelineId, site: string | null): Promise<string | null> {
  const found = await sql.rows(
    z.object({ lsn: z.string().nullable() }),
    `select min(stop_lsn::pg_lsn)::text as lsn from backup_copies
      where timeline_id = $1 and removed_at is null and not damaged and ($2::text is null or site = $2)`,
    [id, site],
  );
  return first(found)?.lsn ?? null;
}

async function oldest(sql: Sql, id: TimelineId, site: string | null): Promise<Backup | null> {
  const isThere = `exists (
    select from backup_copies copy
     where copy.backup_id = backup.id and copy.removed_at is null and not copy.damaged
       and ($2::text is null or copy.site = $2)
  )`;
  const query = `${SELECT} where backup.timeline_id = $1 and ${isThere} order by backup.started_at limit 1`;
  return first(await sql.rows(backupRow, query, [id, site]));
}

async function ofOperation(sql: Sql, id: OperationId): Promise<Backup> {
  const backup = first(await sql.rows(backupRow, `${SELECT} where backup.operation_id = $1`, [id]));
  if (!backup) throw new HoldfastError('NOT_FOUND', { kind: 'backup of operation', ref: id });
  return backup;
}

/** The operation says for which cluster, and who asked. One that has a backup keeps it. */
export async function insertBackup(sql: Sql, operationId: OperationId, backup: NewBackup): Promise<void> {
  await sql.run(
    `insert into backups (id, project_id, cluster_id, timeline_id, operation_id, type, description, version, requested_by)
     select $2, project_id, cluster_id, $3, id, $4, $5, $6, requested_by from operations where id = $1
         on conflict (operation_id) do nothing`,
    [operationId, backup.id, backup.timelineId, backup.type, backup.description, backup.version],
  );
}

async function recordStart(
  sql: Sql,
  { operationId }: StepRef,
  { node, role, version, parameters }: BackupStart,
): Promise<void> {
  await sql.run(
    'update backups set node = $2, node_role = $3, version = $4, parameters = $5::jsonb where operation_id = $1',
    [operationId, node, role, version, JSON.stringify(parameters)],
  );
}

async function recordScript(sql: Sql, { operationId }: StepRef, run: Omit<ScriptRun, 'finishedAt'>): Promise<void> {
  const { phase, node, state, exitCode, output } = run;
  const written = await sql.run(
    `insert into backup_scripts (backup_id, phase, node, state, exit_code, output)
     select id, $2, $3, $4, $5, $6 from backups where operation_id = $1 on conflict do nothing`,
    [operationId, phase, node, state, exitCode, output],
  );
  if (written === 0 || phase === 'pre' || state === 'succeeded') return;
  await sql.run('select from operations where id = $1 for update', [operationId]);
  await warnOfScript(sql, operationId, run);
}

async function succeed(sql: Sql, { operationId }: StepRef): Promise<void> {
  await sql.run(
    `update backups set state = 'succeeded', finished_at = coalesce(finished_at, now())
      where operation_id = $1 and state = 'running'`,
    [operationId],
  );
}

/** See {@link BackupTable.recordSets}. */
async function recordAndTell(
  database: Database,
  timeline: Timeline,
  site: string,
  sets: readonly FoundSet[],
): Promise<void> {
  await database.transaction((sql) => recordSets(sql, timeline, site, sets));
  // Apart from it, because whoever holds a lineage waits for no cluster.
  await database.transaction((sql) => tellOwnBackup(sql, timeline.clusterId));
}

async function recordSets(sql: Sql, timeline: Timeline, site: string, sets: readonly FoundSet[]): Promise<void> {
  // Several may look at the same time, each at another site: one after the other, or they would wait for one another.
  await sql.run('select from timelines where id = $1 for update', [timeline.id]);
  for (const set of sets) await recordSet(sql, timeline, site, set);
  await sql.run(
    `update backup_copies set removed_at = now()
      where timeline_id = $1 and site = $2 and set_id <> all ($3) and removed_at is null`,
    [timeline.id, site, sets.map(({ setId }) => setId)],
  );
  await expireBare(sql, timeline.id);
}

/** A backup without any copy is expired. */
export async function expireBare(sql: Sql, id: TimelineId): Promise<void> {
  await sql.run(
    `update backups set state = 'expired'
      where timeline_id = $1 and state = 'succeeded'
        and not exists (select from backup_copies copy where copy.backup_id = backups.id and copy.removed_at is null)`,
    [id],
  );
}

async function recordSet(sql: Sql, timeline: Timeline, site: string, set: FoundSet): Promise<void> {
  const id = (await knownBackup(sql, timeline, set)) ?? (await adopt(sql, timeline, site, set));
  await sql.run('update backups set tool = $2, database_bytes = $3 where id = $1', [id, set.tool, set.databaseBytes]);
  await sql.run(
    `insert into backup_copies
       (backup_id, timeline_id, site, set_id, type, path, database_bytes, stored_bytes, started_at, finished_at, start_lsn, stop_lsn,
        damaged)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (timeline_id, site, set_id) do update set removed_at = null, database_bytes = excluded.database_bytes`,
    [
      id,
      timeline.id,
      site,
      set.setId,
      set.type,
      set.path,
      set.databaseBytes,
      set.storedBytes,
      set.startedAt,
      set.finishedAt,
      set.startLsn,
      set.stopLsn,
      set.damaged,
    ],
  );
}

async function knownBackup(sql: Sql, timeline: Timeline, { backupId: asked }: FoundSet): Promise<BackupId | null> {
  if (asked === null || !isId('bkp', asked)) return null;
  const row = z.object({ id: backupId });
  const known = await sql.rows(row, 'select id from backups where id = $1 and timeline_id = $2', [asked, timeline.id]);
  return first(known)?.id ?? null;
}

/** What a host writes into the sets of one backup that it takes by itself: on which node it runs, and when it began. */
const OWN = /^own-(pg-\d+)-(\d{10})$/;

/** One that a host took by itself: the same sets always get the same id. */
async function adopt(sql: Sql, timeline: Timeline, site: string, set: FoundSet): Promise<BackupId> {
  const error = set.damaged ? new HoldfastError('BACKUP_DAMAGED', { sites: site }) : null;
  const [own = set.setId, node = null, begun = null] = OWN.exec(set.backupId ?? '') ?? [];
  const startedAt = begun === null ? set.startedAt : new Date(Number(begun) * 1000).toISOString();
  const chance = createHash('sha256').update(`${timeline.id}/${own}`).digest();
  const id = makeId('bkp', Date.parse(startedAt), chance);
  await sql.run(
    `insert into backups
       (id, project_id, cluster_id, timeline_id, type, state, requested_by, version, tool, started_at, finished_at, error,
        node, node_role)
     values ($1, $2, $3, $4, $5, $10, 'host', $6, $7, $8, $9, $11::jsonb, $12, $13)
         on conflict (id) do update set finished_at = greatest(backups.finished_at, excluded.finished_at),
                                        error = coalesce(backups.error, excluded.error),
                                        state = case when excluded.error is null then backups.state else 'failed' end`,
    [
      id,
      timeline.projectId,
      timeline.clusterId,
      timeline.id,
      set.type,
      timeline.version,
      set.tool,
      startedAt,
      set.finishedAt,
      error === null ? 'succeeded' : 'failed',
      error && JSON.stringify({ code: error.code, message: error.message }),
      node,
      node && 'primary',
    ],
  );
  return id;
}
