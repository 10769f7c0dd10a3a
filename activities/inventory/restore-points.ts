import { z } from 'zod';
import type { RestorePoint } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { ClusterId, OperationId, TimelineId } from '../../domain/ids';
import { FINAL_STATES } from '../../domain/operations';
import { timelineId } from './backup-rows';
import type { Database, Sql } from './database';
import { first } from './database';
import { fenced } from './fence';
import type { PageRequest } from './inventory';
import { clusterId, operationId, time } from './rows';

/** Places in the log that have a name. One that lies before all backups that are left is there no more. */

/** What a request orders; the rest follows. */
export type NewRestorePoint = Pick<RestorePoint, 'timelineId' | 'name'>;

export interface RestorePointTable {
  /** Those of a lineage that can still be restored, newest first. */
  list(id: TimelineId, page: PageRequest): Promise<RestorePoint[]>;
  /** Null also for one that can't be restored any more. */
  find(id: TimelineId, name: string): Promise<RestorePoint | null>;
  /** What an operation is to make, with where it made it; null until then. @throws NOT_FOUND. */
  ofOperation(id: OperationId): Promise<Pick<RestorePoint, 'name'> & { readonly lsn: string | null }>;
  /** Where the log was marked; only the first time counts. */
  mark(ref: StepRef, lsn: string): Promise<void>;
  forget(ref: StepRef): Promise<void>;
}

const pointRow = z
  .object({
    operation_id: operationId,
    cluster_id: clusterId,
    timeline_id: timelineId,
    name: z.string(),
    lsn: z.string(),
    made_at: time,
    requested_by: z.string(),
  })
  .transform((row): RestorePoint => ({
    id: row.operation_id,
    clusterId: row.cluster_id,
    timelineId: row.timeline_id,
    name: row.name,
    lsn: row.lsn,
    madeAt: row.made_at,
    requestedBy: row.requested_by,
  }));

/** The end of the oldest backup of the lineage $1 that is there. */
const FIRST_LSN = `(select min(stop_lsn::pg_lsn) from backup_copies where timeline_id = $1 and removed_at is null)`;

const POINTS = `
  select point.*, operation.requested_by
    from restore_points point join operations operation on operation.id = point.operation_id
   where point.timeline_id = $1 and point.lsn::pg_lsn >= ${FIRST_LSN}`;

export function restorePointTable(database: Database): RestorePointTable {
  return {
    list: (id, { before, limit }) =>
      database.rows(
        pointRow,
        `${POINTS} and ($2::text is null or point.operation_id < $2) order by point.operation_id desc limit $3`,
        [id, before ?? null, limit],
      ),
    find: async (id, name) => first(await database.rows(pointRow, `${POINTS} and point.name = $2`, [id, name])),
    ofOperation: (id) => ofOperation(database, id),
    mark: (ref, lsn) =>
      fenced(database, ref, async (sql) => {
        await sql.run('update restore_points set lsn = $2, made_at = now() where operation_id = $1 and lsn is null', [
          ref.operationId,
          lsn,
        ]);
      }),
    forget: (ref) =>
      fenced(database, ref, async (sql) => {
        await sql.run('delete from restore_points where operation_id = $1', [ref.operationId]);
      }),
  };
}

async function ofOperation(sql: Sql, id: OperationId): ReturnType<RestorePointTable['ofOperation']> {
  const row = z.object({ name: z.string(), lsn: z.string().nullable() });
  const found = first(await sql.rows(row, 'select name, lsn from restore_points where operation_id = $1', [id]));
  if (!found) throw new HoldfastError('NOT_FOUND', { kind: 'restore point of operation', ref: id });
  return found;
}

/**
 * With its operation. A name is free again when nothing can be restored to what had it, or when that was never made.
 * @throws RESTORE_POINT_EXISTS.
 */
export async function insertRestorePoint(
  sql: Sql,
  id: OperationId,
  cluster: ClusterId,
  { timelineId: lineage, name }: NewRestorePoint,
): Promise<void> {
  await sql.run(
    `delete from restore_points point
      where timeline_id = $1
        and (lsn::pg_lsn < ${FIRST_LSN}
             or lsn is null and exists (select from operations where id = point.operation_id and state = any ($2)))`,
    [lineage, FINAL_STATES],
  );
  const written = await sql.run(
    `insert into restore_points (operation_id, cluster_id, timeline_id, name) values ($1, $2, $3, $4)
         on conflict (timeline_id, name) do nothing`,
    [id, cluster, lineage, name],
  );
  if (written === 0) throw new HoldfastError('RESTORE_POINT_EXISTS', { name });
}
