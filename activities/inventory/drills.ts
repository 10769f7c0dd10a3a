import type { Origin } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import type { Drill, DrillPoint } from '../../domain/drills';
import { HoldfastError } from '../../domain/errors';
import type { DrillId, OperationId, ProjectId } from '../../domain/ids';
import type { Database, Sql } from './database';
import { first } from './database';
import { drillRow } from './drill-rows';
import type { DrillTable, NewDrill } from './drill-tables';
import { listAbandoned, listUnderPolicy, proveDrill, OVERDUE_DRILLS } from './expected-drills';
import { raiseOverdue } from './overdue';
import { fenced } from './fence';
import { z } from 'zod';
import { operationId } from './rows';

export function drillTable(database: Database): DrillTable {
  return {
    list: (projectId, { clusterId, before, limit }) =>
      database.rows(
        drillRow,
        `select * from drills where project_id = $1 and cluster_id = $2 and ($3::text is null or id < $3)
          order by id desc limit $4`,
        [projectId, clusterId, before ?? null, limit],
      ),
    find: (projectId, id) => find(database, projectId, id),
    ofOperation: (id) => ofOperation(database, id),
    choose: (ref, point) => fenced(database, ref, (sql) => choose(sql, ref, point)),
    recordFindings: (ref, findings) => fenced(database, ref, (sql) => recordFindings(sql, ref, findings)),
    prove: (ref) => fenced(database, ref, (sql) => proveDrill(sql, ref.operationId)),
    listUnderPolicy: () => listUnderPolicy(database),
    raiseOverdue: (clusterId, message) =>
      database.transaction((sql) => raiseOverdue(sql, clusterId, message, OVERDUE_DRILLS)),
    listAbandoned: () => listAbandoned(database),
  };
}

async function find(sql: Sql, projectId: ProjectId, id: DrillId): Promise<Drill | null> {
  return first(await sql.rows(drillRow, 'select * from drills where project_id = $1 and id = $2', [projectId, id]));
}

async function ofOperation(sql: Sql, id: OperationId): Promise<Drill> {
  const drill = first(await sql.rows(drillRow, 'select * from drills where operation_id = $1', [id]));
  if (!drill) throw new HoldfastError('NOT_FOUND', { kind: 'drill of operation', ref: id });
  return drill;
}

/**
 * With the operation and the cluster that is made for it. Of two at once the second waits here, and is refused.
 * @throws CLUSTER_BUSY with the operation of the drill of that cluster that runs.
 */
export async function insertDrill(sql: Sql, operation: OperationId, drill: NewDrill): Promise<void> {
  await sql.run('select from clusters where id = $1 for update', [drill.clusterId]);
  const row = z.object({ operation_id: operationId });
  const query = `select operation_id from drills where cluster_id = $1 and state = 'running'`;
  const running = first(await sql.rows(row, query, [drill.clusterId]));
  if (running) throw new HoldfastError('CLUSTER_BUSY', { operation: running.operation_id });
  await sql.run(
    `insert into drills (id, project_id, cluster_id, restored_cluster_id, timeline_id, operation_id, requested_by)
     select $2, project_id, $3, cluster_id, $4, id, requested_by from operations where id = $1`,
    [operation, drill.id, drill.clusterId, drill.timelineId],
  );
  await sql.run(
    'update clusters set drill_of = $2 where id = (select cluster_id from operations where operations.id = $1)',
    [operation, drill.clusterId],
  );
}

/** What was chosen first stays: a retry restores the same. */
async function choose(sql: Sql, ref: StepRef, { target, site }: DrillPoint): Promise<void> {
  const { clusterId, timelineId, target: known } = await ofOperation(sql, ref.operationId);
  if (known !== null) return;
  const origin: Origin = {
    clusterId,
    timelineId,
    target,
    site,
    keepsCredentials: false,
    undeletes: false,
    onlyDatabase: null,
  };
  await sql.run('update drills set target = $2::jsonb, site = $3 where operation_id = $1', [
    ref.operationId,
    JSON.stringify(target),
    site,
  ]);
  await sql.run('update clusters set origin = $2::jsonb where id = $1', [ref.clusterId, JSON.stringify(origin)]);
}

async function recordFindings(
  sql: Sql,
  { operationId: id }: StepRef,
  { site, setId, restoredTo, databaseBytes, checks }: Parameters<DrillTable['recordFindings']>[1],
): Promise<void> {
  await sql.run(
    `update drills set site = coalesce($2, site), set_id = coalesce($3, set_id), restored_to = coalesce($4, restored_to),
                       database_bytes = coalesce($5, database_bytes), checks = coalesce($6::jsonb, checks)
      where operation_id = $1`,
    [
      id,
      site ?? null,
      setId ?? null,
      restoredTo ?? null,
      databaseBytes ?? null,
      checks ? JSON.stringify(checks) : null,
    ],
  );
}
