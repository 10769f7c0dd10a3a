import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { OperationId, ProjectId } from '../../domain/ids';
import { FINAL_STATES } from '../../domain/operations';
import type { OperationEvent, OperationInput, OperationSummary } from '../../domain/operations';
import type { Database, Sql } from './database';
import { first } from './database';
import type { EventFeed } from './event-feed';
import { fenced, requireCurrent } from './fence';
import type { OperationTable } from './inventory';
import { recordNode } from './node-work';
import { eventRow, inputRow, operationSummaryRow } from './operation-rows';
import { ABOUT, FROM_ABOUT, getOperation } from './read-operation';
import { record, recordAttempt, recordProgress } from './records';
import { recordFormerHost } from './replacements';
import { recordRestored } from './restored';
import { operationId } from './rows';
import { recordSwitchover } from './switchovers';
import { findReplay, submit, submitCreate } from './submissions';

const EVENTS_PER_READ = 500;

export function operationTable(database: Database, feed: EventFeed): OperationTable {
  return {
    get: (id) => getOperation(database, id),
    list: (projectId, filter) => list(database, projectId, filter),
    submitCreate: (cluster, submission) => submitCreate(database, cluster, submission),
    submit: (expectedGeneration, submission) => submit(database, expectedGeneration, submission),
    findReplay: (idempotency) => findReplay(database, idempotency),
    requireInput: (id) => requireInput(database, id),
    listUnstarted: (olderThanMs) => listUnstarted(database, olderThanMs),
    listUnfinished: (olderThanMs) => listUnfinished(database, olderThanMs),
    record: (change) => record(database, change),
    recordAttempt: (id, stepId, attempt) => recordAttempt(database, id, stepId, attempt),
    recordProgress: (id, stepId, progress) => recordProgress(database, id, stepId, progress),
    recordRestored: (ref, change) => fenced(database, ref, (sql) => recordRestored(sql, ref, change)),
    recordSwitchover: (ref, change) => fenced(database, ref, (sql) => recordSwitchover(sql, ref, change)),
    recordFormerHost: (ref) => fenced(database, ref, (sql) => recordFormerHost(sql, ref)),
    recordNode: (ref, work) => fenced(database, ref, (sql) => recordNode(sql, ref, work)),
    requireCurrent: (ref) => requireCurrent(database, ref),
    eventsAfter: (id, seq) => eventsAfter(database, id, seq),
    onEvents: (listener) => feed.listen(listener),
  };
}

/** What `current_step` is, {@link currentStepOf} says. */
function list(
  sql: Sql,
  projectId: ProjectId,
  filter: Parameters<OperationTable['list']>[1],
): Promise<OperationSummary[]> {
  return sql.rows(
    operationSummaryRow,
    `select operation.*, ${ABOUT},
            case when operation.state <> all ($6) then (
              select title from steps step
               where step.operation_id = operation.id and step.state in ('running', 'undoing', 'failed')
               order by step.state = 'failed', step.position limit 1
            ) end as current_step
       from ${FROM_ABOUT}
      where operation.project_id = $1
        and ($2::text is null or operation.id < $2)
        and ($3::text is null or operation.cluster_id = $3)
        and ($4::text is null or operation.state = $4)
        and (not $7 or operation.state <> all ($6))
        and ($8::text is null
             or operation.kind in ('restore-in-place', 'rollback') and operation.cluster_id = $8
             or operation.kind in ('restore', 'restore-database') and exists (
               select from clusters made where made.id = operation.cluster_id and made.origin ->> 'clusterId' = $8))
      order by operation.id desc limit $5`,
    [
      projectId,
      filter.before ?? null,
      filter.clusterId ?? null,
      filter.state ?? null,
      filter.limit,
      FINAL_STATES,
      filter.unfinished ?? false,
      filter.restoredFrom ?? null,
    ],
  );
}

const SELECT_INPUT = `
  select operation.*, project.name as project_name
    from operations operation join projects project on project.id = operation.project_id`;

async function requireInput(sql: Sql, id: OperationId): Promise<OperationInput> {
  const input = first(await sql.rows(inputRow, `${SELECT_INPUT} where operation.id = $1`, [id]));
  if (!input) throw new HoldfastError('NOT_FOUND', { kind: 'operation', ref: id });
  return input;
}

function listUnstarted(sql: Sql, olderThanMs: number): Promise<OperationInput[]> {
  return sql.rows(
    inputRow,
    `${SELECT_INPUT}
      where operation.state = 'pending' and operation.created_at <= now() - $1 * interval '1 millisecond'
      order by operation.created_at`,
    [olderThanMs],
  );
}

async function listUnfinished(sql: Sql, olderThanMs: number): Promise<OperationId[]> {
  const rows = await sql.rows(
    z.object({ id: operationId }),
    `select id from operations
      where finished_at is null and state <> all ($2) and created_at <= now() - $1 * interval '1 millisecond'`,
    [olderThanMs, FINAL_STATES],
  );
  return rows.map(({ id }) => id);
}

function eventsAfter(sql: Sql, id: OperationId, seq: number): Promise<OperationEvent[]> {
  return sql.rows(
    eventRow,
    'select * from operation_events where operation_id = $1 and seq > $2 order by seq limit $3',
    [id, seq, EVENTS_PER_READ],
  );
}
