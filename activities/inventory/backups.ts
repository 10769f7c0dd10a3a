import { createHash } from 'node:crypto';
import type { Backup, Timeline } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { BackupId, OperationId, TimelineId } from '../../domain/ids';
import { isId, makeId } from '../../domain/ids';
import type { BackupTable, FoundSet, NewBackup } from './backup-tables';
import { backupId, backupRow } from './backup-rows';
import type { Database, Sql } from './database';
import { first } from './database';
import { expectBackups, listUnderPolicy, raiseOverdue } from './expected-backups';
import { fenced } from './fence';
import { z } from 'zod';

const SELECT = `
  select backup.*, coalesce(stored.copies, '[]') as copies
    from backups backup
    left join lateral (
      select json_agg(copy order by copy.started_at) as copies from backup_copies copy where copy.backup_id = backup.id
    ) stored on true`;

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
    firstLsn: async (id, site) =>
      first(
        await database.rows(
          z.object({ lsn: z.string().nullable() }),
          `select min(stop_lsn::pg_lsn)::text as lsn from backup_copies
            where timeline_id = $1 and removed_at is null and not damaged and ($2::text is null or site = $2)`,
          [id, site],
        ),
      )?.lsn ?? null,
    oldest: (id, site) => oldest(database, id, site),
    copies: async (id) => {
      const backups = await database.rows(backupRow, `${SELECT} where backup.timeline_id = $1`, [id]);
      return backups.flatMap((backup) => backup.copies).filter(({ removedAt }) => removedAt === null);
    },
    ofOperation: (id) => ofOperation(database, id),
    begin: (ref, backup) => fenced(database, ref, (sql) => insertBackup(sql, ref.operationId, backup)),
    recordNode: (ref, node, role) =>
      fenced(database, ref, async (sql) => {
        await sql.run('update backups set node = $2, node_role = $3 where operation_id = $1', [
          ref.operationId,
          node,
          role,
        ]);
      }),
    expect: (ref) => fenced(database, ref, (sql) => expectBackups(sql, ref)),
    listUnderPolicy: () => listUnderPolicy(database),
    raiseOverdue: (clusterId, message) => database.transaction((sql) => raiseOverdue(sql, clusterId, message)),
    succeed: (ref) => fenced(database, ref, (sql) => succeed(sql, ref)),
    recordSets: (timeline, site, sets) => database.transaction((sql) => recordSets(sql, timeline, site, sets)),
  };
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

async function succeed(sql: Sql, { operationId }: StepRef): Promise<void> {
  await sql.run(
    `update backups set state = 'succeeded', finished_at = coalesce(finished_at, now())
      where operation_id = $1 and state = 'running'`,
    [operationId],
  );
}

/** See {@link BackupTable.recordSets}. */
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
       (backup_id, timeline_id, site, set_id, type, path, stored_bytes, started_at, finished_at, start_lsn, stop_lsn, damaged)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (timeline_id, site, set_id) do update set removed_at = null`,
    [
      id,
      timeline.id,
      site,
      set.setId,
      set.type,
      set.path,
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

/** One that a host took by itself: the same set always gets the same id. */
async function adopt(sql: Sql, timeline: Timeline, site: string, set: FoundSet): Promise<BackupId> {
  const error = set.damaged ? new HoldfastError('BACKUP_DAMAGED', { sites: site }) : null;
  const chance = createHash('sha256').update(`${timeline.id}/${set.setId}`).digest();
  const id = makeId('bkp', Date.parse(set.startedAt), chance);
  await sql.run(
    `insert into backups
       (id, project_id, cluster_id, timeline_id, type, state, requested_by, version, tool, started_at, finished_at, error)
     values ($1, $2, $3, $4, $5, $10, 'host', $6, $7, $8, $9, $11::jsonb) on conflict (id) do nothing`,
    [
      id,
      timeline.projectId,
      timeline.clusterId,
      timeline.id,
      set.type,
      timeline.version,
      set.tool,
      set.startedAt,
      set.finishedAt,
      error === null ? 'succeeded' : 'failed',
      error && JSON.stringify({ code: error.code, message: error.message }),
    ],
  );
  return id;
}
