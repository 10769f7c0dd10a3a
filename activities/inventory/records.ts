import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { OperationId } from '../../domain/ids';
import type { OperationChange, OperationRecord, StepChange } from '../../domain/operations';
import { isFinal } from '../../domain/operations';
import type { Database, Sql, SqlValue } from './database';
import { first } from './database';
import { appendEvents } from './events';
import { endDrill } from './expected-drills';
import { endDump } from './expected-dumps';
import { tellFailedBackup } from './expected-backups';
import { tellEnd } from './notices';
import type { OperationTable } from './inventory';
import { requireOperation } from './read-operation';

/** What workflows and workers write of an operation while it runs. Each write appends its events in the same transaction. */

/**
 * Applies what is newer than what is stored, step by step: records may arrive late, twice and out of order.
 * With the operation end its open steps and, when a provision failed, the cluster that it was making.
 * @throws NOT_FOUND when the operation or a step of it is unknown.
 */
export function record(database: Database, change: OperationRecord): Promise<void> {
  return database.transaction(async (sql) => {
    const ends = change.operation !== undefined && isFinal(change.operation.state);
    if (ends || isMilestone(change)) await holdClusterOf(sql, change.operationId);
    const operationSeq = await holdOperation(sql, change.operationId);
    const steps = await newerSteps(sql, change);
    for (const step of steps) await changeStep(sql, change, step);

    const operation = operationSeq < change.seq ? change.operation : undefined;
    if (operation) await changeOperation(sql, change, operation);
    const passed = await rememberMilestones(sql, change);
    const closed = operation && ends ? await endWithOperation(sql, change, operation) : [];
    const stepIds = new Set([...steps.map(({ stepId }) => stepId), ...closed]);
    await announce(sql, change.operationId, stepIds, operation !== undefined || passed);
  });
}

export function recordAttempt(
  database: Database,
  id: OperationId,
  stepId: string,
  { attempt, lastError, nextRetryAt }: Parameters<OperationTable['recordAttempt']>[2],
): Promise<void> {
  return changeWhileRunning(database, id, stepId, 'attempt = $3, last_error = $4, next_retry_at = $5', [
    attempt,
    lastError,
    nextRetryAt,
  ]);
}

export function recordProgress(database: Database, id: OperationId, stepId: string, progress: string): Promise<void> {
  return changeWhileRunning(database, id, stepId, 'progress = $3', [progress]);
}

/** A step that has ended stays as it ended: what a worker says of it then comes too late. */
function changeWhileRunning(
  database: Database,
  id: OperationId,
  stepId: string,
  change: 'progress = $3' | 'attempt = $3, last_error = $4, next_retry_at = $5',
  values: readonly SqlValue[],
): Promise<void> {
  return database.transaction(async (sql) => {
    await holdOperation(sql, id);
    const changed = await sql.run(
      `update steps set ${change}
        where operation_id = $1 and id = $2 and state in ('pending', 'running', 'undoing')`,
      [id, stepId, ...values],
    );
    if (changed > 0) await announce(sql, id, new Set([stepId]), false);
  });
}

/** Then its row changes twice, and PostgreSQL looks for its cluster again. */
const isMilestone = ({ operation }: OperationRecord): boolean =>
  operation?.state === 'cancelling' || operation?.pointOfNoReturnPassed === true;

/** Before the operation's row, in the order in which fenced writes take them: otherwise two may wait for each other. */
async function holdClusterOf(sql: Sql, id: OperationId): Promise<void> {
  await sql.run(
    'select from clusters where id = (select cluster_id from operations where operations.id = $1) for update',
    [id],
  );
}

/** Holds the operation's row until the transaction ends; gives the seq of the newest record that changed it. */
async function holdOperation(sql: Sql, id: OperationId): Promise<number> {
  const row = z.object({ record_seq: z.number() });
  const held = first(await sql.rows(row, 'select record_seq from operations where id = $1 for update', [id]));
  if (!held) throw new HoldfastError('NOT_FOUND', { kind: 'operation', ref: id });
  return held.record_seq;
}

async function newerSteps(sql: Sql, change: OperationRecord): Promise<readonly StepChange[]> {
  if (change.steps.length === 0) return [];
  const row = z.object({ id: z.string(), record_seq: z.number() });
  const stored = await sql.rows(row, 'select id, record_seq from steps where operation_id = $1', [change.operationId]);
  const seqs = new Map(stored.map((step) => [step.id, step.record_seq]));
  return change.steps.filter(({ stepId }) => {
    const seq = seqs.get(stepId);
    if (seq === undefined) throw new HoldfastError('NOT_FOUND', { kind: 'step', ref: stepId });
    return seq < change.seq;
  });
}

/** What the first try told may be here before the record that it began: that is not of an earlier one. */
async function changeStep(sql: Sql, { operationId, seq }: OperationRecord, change: StepChange): Promise<void> {
  await sql.run(
    `update steps set
       state = $3, record_seq = $4, next_retry_at = null,
       attempt = case when $3 in ('running', 'undoing') then greatest(attempt, 1) else attempt end,
       progress = case when $3 in ('running', 'undoing') and state <> 'pending' then null else progress end,
       started_at = case when $3 = 'running' then coalesce(started_at, $5) else started_at end,
       finished_at = case when $3 in ('succeeded', 'failed', 'skipped', 'undone') then $5::timestamptz end,
       last_error = case when $3 = 'succeeded' then null else coalesce($6, last_error) end
     where operation_id = $1 and id = $2`,
    [operationId, change.stepId, change.state, seq, change.at, change.error ?? null],
  );
}

async function changeOperation(
  sql: Sql,
  { operationId, seq }: OperationRecord,
  change: OperationChange,
): Promise<void> {
  await sql.run(
    `update operations set
       state = $2, record_seq = $3, reason = $4, error = coalesce($5::jsonb, error),
       started_at = case when $2 = 'running' then coalesce(started_at, $6) else started_at end,
       finished_at = case when $7 then $6::timestamptz end
     where id = $1`,
    [
      operationId,
      change.state,
      seq,
      change.reason ?? null,
      change.error ? JSON.stringify(change.error) : null,
      change.at,
      isFinal(change.state),
    ],
  );
}

/** What was once passed stays so, also when the record that tells it is overtaken by a newer one. */
async function rememberMilestones(sql: Sql, { operationId, operation }: OperationRecord): Promise<boolean> {
  const undoBegan = operation?.state === 'cancelling';
  const noReturn = operation?.pointOfNoReturnPassed ?? false;
  const changed = await sql.run(
    `update operations set undo_began = undo_began or $2, point_of_no_return_passed = point_of_no_return_passed or $3
      where id = $1 and (($2 and not undo_began) or ($3 and not point_of_no_return_passed))`,
    [operationId, undoBegan, noReturn],
  );
  return changed > 0;
}

/**
 * An operation that was ended from outside told nothing of the step that it was at, and left its cluster `creating`.
 * @returns ids of the steps that this closed.
 */
async function endWithOperation(
  sql: Sql,
  { operationId, seq }: OperationRecord,
  change: OperationChange,
): Promise<string[]> {
  const { state, at, error } = change;
  if (state === 'failed') {
    await sql.run(
      `update clusters set state = 'failed'
        where state = 'creating' and id = (select cluster_id from operations where id = $1 and kind in ('provision', 'restore', 'drill', 'restore-database'))`,
      [operationId],
    );
  }
  if (state !== 'succeeded') {
    await sql.run(
      `update backups set state = 'failed', finished_at = $2::timestamptz, error = coalesce($3::jsonb, error)
        where operation_id = $1 and state = 'running'`,
      [operationId, at, error ? JSON.stringify(error) : null],
    );
  }
  if (state !== 'succeeded') {
    await sql.run(
      `update dumps set state = 'failed', finished_at = $2::timestamptz, error = coalesce($3::jsonb, error)
        where operation_id = $1 and state = 'running'`,
      [operationId, at, error ? JSON.stringify(error) : null],
    );
  }
  const why = error?.message ?? 'nothing tells why';
  const age = state === 'failed' ? await tellFailedBackup(sql, operationId, at, why) : null;
  await endDrill(sql, operationId, change);
  await endDump(sql, operationId, change);
  await tellEnd(sql, operationId, change, age);
  const closed = await sql.rows(
    z.object({ id: z.string() }),
    `update steps set
       state = $2, record_seq = greatest(record_seq, $3), finished_at = $4, next_retry_at = null,
       last_error = case when $2 = 'failed' then coalesce(last_error, 'The operation ended while this step ran.') end
     where operation_id = $1 and state in ('running', 'undoing') returning id`,
    [operationId, state === 'succeeded' ? 'succeeded' : 'failed', seq, at],
  );
  return closed.map(({ id }) => id);
}

async function announce(sql: Sql, id: OperationId, stepIds: ReadonlySet<string>, itself: boolean): Promise<void> {
  if (stepIds.size === 0 && !itself) return;
  const operation = await requireOperation(sql, id);
  const steps = operation.steps.filter((step) => stepIds.has(step.id));
  await appendEvents(sql, operation, { steps, operation: itself });
}
