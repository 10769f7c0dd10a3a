import { HoldfastError } from '../../domain/errors';
import type { OperationId } from '../../domain/ids';
import type { Operation } from '../../domain/operations';
import type { Sql } from './database';
import { first } from './database';
import { operationRow } from './operation-rows';

/** Selects operations with their steps, in one statement and so of one moment. `json`: as `jsonb` it takes three times as long. */
const OPERATIONS = `
  select operation.*, coalesce(runbook.steps, '[]') as steps
    from operations operation
    left join lateral (
      select json_agg(step order by step.position) as steps from steps step where step.operation_id = operation.id
    ) runbook on true`;

export async function getOperation(sql: Sql, id: OperationId): Promise<Operation | null> {
  return first(await sql.rows(operationRow, `${OPERATIONS} where operation.id = $1`, [id]));
}

/** @throws NOT_FOUND. */
export async function requireOperation(sql: Sql, id: OperationId): Promise<Operation> {
  const operation = await getOperation(sql, id);
  if (!operation) throw new HoldfastError('NOT_FOUND', { kind: 'operation', ref: id });
  return operation;
}
