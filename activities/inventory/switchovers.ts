import type { StepRef } from '../../domain/clusters';
import type { OperationId } from '../../domain/ids';
import type { Switchover } from '../../domain/operations';
import type { NodeName } from '../../domain/topology';
import type { Sql } from './database';

/** Who was the primary before a switchover and who is afterwards, on the operation itself. */

/** With the operation. @param to null: the best one. */
export async function orderSwitchover(sql: Sql, id: OperationId, to: NodeName | null): Promise<void> {
  const ordered: Switchover = { from: null, to };
  await sql.run('update operations set switchover = $2::jsonb where id = $1', [id, JSON.stringify(ordered)]);
}

/** See {@link OperationTable.recordSwitchover}. */
export async function recordSwitchover(sql: Sql, { operationId }: StepRef, change: Switchover): Promise<void> {
  await sql.run(
    `update operations set switchover = $2::jsonb where id = $1 and coalesce(switchover -> 'from', 'null') = 'null'`,
    [operationId, JSON.stringify(change)],
  );
}
