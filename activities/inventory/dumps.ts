import { z } from 'zod';
import type { StepRef } from '../../domain/clusters';
import type { Dump } from '../../domain/dumps';
import { HoldfastError } from '../../domain/errors';
import type { DumpId, OperationId, TimelineId } from '../../domain/ids';
import { FINAL_STATES } from '../../domain/operations';
import type { Database, Sql } from './database';
import { first } from './database';
import { findDatabaseRestore } from './database-restores';
import { dumpId, dumpRow, restoreColumn } from './dump-rows';
import type { DumpArchive, DumpTable, DumpUse, NewDump } from './dump-tables';
import { listUnderPolicy, OVERDUE_DUMPS } from './expected-dumps';
import { raiseOverdue } from './overdue';
import { fenced } from './fence';

const SELECT = `
  select dump.*, coalesce(stored.copies, '[]') as copies,
         (select name from clusters where clusters.id = dump.cluster_id) as cluster_name
    from dumps dump
    left join lateral (
      select json_agg(copy order by copy.stored_at) as copies from dump_copies copy where copy.dump_id = dump.id
    ) stored on true`;

export function dumpTable(database: Database): DumpTable {
  return {
    list: (projectId, { clusterId, before, limit }) =>
      database.rows(
        dumpRow,
        `${SELECT} where dump.project_id = $1 and ($2::text is null or dump.cluster_id = $2)
            and ($3::text is null or dump.id < $3)
            and ($2::text is not null
                 or not exists (select from database_restores extract where extract.operation_id = dump.operation_id))
          order by dump.id desc limit $4`,
        [projectId, clusterId ?? null, before ?? null, limit],
      ),
    find: async (projectId, id) =>
      first(await database.rows(dumpRow, `${SELECT} where dump.project_id = $1 and dump.id = $2`, [projectId, id])),
    listGood: (clusterId) =>
      database.rows(
        dumpRow,
        `${SELECT} where dump.cluster_id = $1 and dump.state = 'succeeded' order by dump.started_at desc, dump.id desc`,
        [clusterId],
      ),
    ofOperation: (id) => ofOperation(database, id),
    useOf: (id) => useOf(database, id),
    extractOf: (id) => findDatabaseRestore(database, id),
    inWork: (id) => inWork(database, id),
    listLeftExtracts: () => database.rows(dumpRow, LEFT_EXTRACTS, [FINAL_STATES]),
    markLeftDeleted: (id) => database.transaction((sql) => markDeleted(sql, id)),
    recordNode: (ref, node, role, databaseBytes) =>
      fenced(database, ref, async (sql) => {
        await sql.run('update dumps set node = $2, node_role = $3, database_bytes = $4 where operation_id = $1', [
          ref.operationId,
          node,
          role,
          databaseBytes,
        ]);
      }),
    recordArchive: (ref, archive) => fenced(database, ref, (sql) => recordArchive(sql, ref, archive)),
    recordCopy: (ref, site) => fenced(database, ref, (sql) => recordCopy(sql, ref, site)),
    markDeleting: (ref, ids) => fenced(database, ref, (sql) => markDeleting(sql, ref, ids)),
    markDeleted: (ref, id) => fenced(database, ref, (sql) => markDeleted(sql, id)),
    listUnderPolicy: () => listUnderPolicy(database),
    raiseOverdue: (clusterId, message) =>
      database.transaction((sql) => raiseOverdue(sql, clusterId, message, OVERDUE_DUMPS)),
  };
}

/** Nobody restores them, and what made them has ended. */
const LEFT_EXTRACTS = `${SELECT}
  join database_restores extract on extract.operation_id = dump.operation_id
  join operations maker on maker.id = dump.operation_id
 where dump.state in ('succeeded', 'deleting') and maker.state = any ($1)
   and not exists (
     select from dump_uses used join operations reader on reader.id = used.operation_id
      where used.dump_id = dump.id and reader.state <> all ($1))
 order by dump.id`;

async function ofOperation(sql: Sql, id: OperationId): Promise<Dump> {
  const dump = first(await sql.rows(dumpRow, `${SELECT} where dump.operation_id = $1`, [id]));
  if (!dump) throw new HoldfastError('NOT_FOUND', { kind: 'dump of operation', ref: id });
  return dump;
}

async function inWork(sql: Sql, timeline: TimelineId): Promise<DumpId[]> {
  const found = await sql.rows(
    z.object({ id: dumpId }),
    `select dump.id from dumps dump join operations operation on operation.id = dump.operation_id
      where dump.timeline_id = $1 and operation.state <> all ($2) order by dump.id`,
    [timeline, FINAL_STATES],
  );
  return found.map(({ id }) => id);
}

async function useOf(sql: Sql, id: OperationId): Promise<{ dump: Dump; restore: DumpUse['restore'] }> {
  const row = z.object({ dump_id: dumpId, restore: restoreColumn });
  const use = first(await sql.rows(row, 'select dump_id, restore from dump_uses where operation_id = $1', [id]));
  const dump = use && first(await sql.rows(dumpRow, `${SELECT} where dump.id = $1`, [use.dump_id]));
  if (!dump) throw new HoldfastError('NOT_FOUND', { kind: 'dump of operation', ref: id });
  return { dump, restore: use.restore };
}

/** The operation says of which cluster, and who asked. */
export async function insertDump(sql: Sql, operationId: OperationId, dump: NewDump): Promise<void> {
  await sql.run(
    `insert into dumps (id, project_id, cluster_id, timeline_id, operation_id, database, selection, sites,
                        description, version, requested_by)
     select $2, project_id, cluster_id, $3, id, $4, $5::text[], $6::text[], $7, $8, requested_by
       from operations where id = $1`,
    [
      operationId,
      dump.id,
      dump.timelineId,
      dump.database,
      dump.selection ?? null,
      dump.sites ?? null,
      dump.description,
      dump.version,
    ],
  );
}

/** @throws DUMP_NOT_THERE when it is not one that has succeeded: it may have been deleted since it was looked at. */
export async function insertDumpUse(
  sql: Sql,
  operationId: OperationId,
  { dumpId: id, restore }: DumpUse,
): Promise<void> {
  const row = z.object({ state: z.string() });
  const dump = first(await sql.rows(row, 'select state from dumps where id = $1 for update', [id]));
  const usable = restore === null ? ['succeeded', 'failed', 'deleting'] : ['succeeded'];
  if (!usable.includes(dump?.state ?? ''))
    throw new HoldfastError('DUMP_NOT_THERE', { dump: id, state: dump?.state ?? 'gone' });
  await sql.run('insert into dump_uses (operation_id, dump_id, restore) values ($1, $2, $3::jsonb)', [
    operationId,
    id,
    restore && JSON.stringify(restore),
  ]);
}

async function recordArchive(
  sql: Sql,
  { operationId }: StepRef,
  { databases, sizeBytes, checksum }: DumpArchive,
): Promise<void> {
  await sql.run('update dumps set databases = $2::text[], size_bytes = $3, checksum = $4 where operation_id = $1', [
    operationId,
    databases,
    sizeBytes,
    checksum,
  ]);
}

async function recordCopy(sql: Sql, { operationId }: StepRef, site: string): Promise<void> {
  await sql.run(
    `insert into dump_copies (dump_id, site) select id, $2 from dumps where operation_id = $1
         on conflict do nothing`,
    [operationId, site],
  );
  await sql.run(
    `update dumps set state = 'succeeded', finished_at = coalesce(finished_at, now())
      where operation_id = $1 and state = 'running'`,
    [operationId],
  );
}

/** See {@link DumpTable.markDeleting}. What is to be restored is locked before it is looked whether somebody does. */
async function markDeleting(sql: Sql, { clusterId }: StepRef, ids: readonly DumpId[]): Promise<Dump[]> {
  await sql.run('select from dumps where id = any ($1) order by id for update', [ids]);
  await sql.run(
    `update dumps set state = 'deleting'
      where id = any ($1) and cluster_id = $2 and state in ('succeeded', 'failed')
        and not exists (
          select from dump_uses used join operations operation on operation.id = used.operation_id
           where used.dump_id = dumps.id and used.restore is not null and operation.state <> all ($3))`,
    [ids, clusterId, FINAL_STATES],
  );
  return sql.rows(dumpRow, `${SELECT} where dump.cluster_id = $1 and dump.state = 'deleting' order by dump.id`, [
    clusterId,
  ]);
}

async function markDeleted(sql: Sql, id: DumpId): Promise<void> {
  await sql.run('delete from dump_copies where dump_id = $1', [id]);
  await sql.run(`update dumps set state = 'deleted' where id = $1`, [id]);
}
