import type { StepRef } from '../../domain/clusters';
import type { OperationId } from '../../domain/ids';
import type { NodeWork } from '../../domain/operations';
import type { NodeName } from '../../domain/topology';
import type { Sql } from './database';

/** Which node an operation is about, on the operation itself. */

/** With the operation. */
export async function orderNodeWork(sql: Sql, id: OperationId, name: NodeName): Promise<void> {
  const ordered: NodeWork = { name, was: null, run: null };
  await sql.run('update operations set node = $2::jsonb where id = $1', [id, JSON.stringify(ordered)]);
}

/** See {@link OperationTable.recordNode}. */
export async function recordNode(sql: Sql, { operationId }: StepRef, work: NodeWork): Promise<void> {
  await sql.run(`update operations set node = $2::jsonb where id = $1 and node -> 'was' = 'null'`, [
    operationId,
    JSON.stringify(work),
  ]);
}
