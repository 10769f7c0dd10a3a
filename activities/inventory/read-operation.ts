import { HoldfastError } from '../../domain/errors';
import type { OperationId } from '../../domain/ids';
import type { Operation } from '../../domain/operations';
import type { Sql } from './database';
import { first } from './database';
import { operationRow } from './operation-rows';

/** What is said of an operation beside its own row: whom it is about, and what it restores. To {@link ABOUT} belongs {@link FROM_ABOUT}. */
export const ABOUT = `
  case when operation.kind in ('drill', 'restore-database') then coalesce(source.name, operation.cluster_name)
       else operation.cluster_name end as subject,
  case when operation.kind in ('restore', 'restore-database', 'restore-in-place', 'rollback') then json_build_object(
    'into', coalesce(place.name, operation.cluster_name),
    'database', extract.database,
    'target', case when operation.kind in ('restore', 'restore-database') then made.origin -> 'target' else swap.target end
  ) end as restores`;

export const FROM_ABOUT = `
  operations operation
    left join clusters made on made.id = operation.cluster_id
    left join clusters source on source.id = made.drill_of
    left join database_restores extract on extract.operation_id = operation.id
    left join clusters place on place.id = extract.cluster_id
    left join swaps swap on swap.operation_id = operation.id`;

/** Selects operations with their steps, in one statement and so of one moment. `json`: as `jsonb` it takes three times as long. */
const OPERATIONS = `
  select operation.*, ${ABOUT}, coalesce(runbook.steps, '[]') as steps
    from ${FROM_ABOUT}
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
