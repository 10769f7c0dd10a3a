import type { StepRef } from '../../domain/clusters';
import type { OperationId } from '../../domain/ids';
import type { Restored } from '../../domain/restored';
import type { Sql } from './database';

/** What restores read and found, and which of them the data of a cluster is from. */

/** What the data of `operation.cluster_id` began with, by what its operation read. */
const FROM = `jsonb_build_object('operationId', operation.id, 'site', operation.restored #>> '{from,site}',
                                 'setId', operation.restored #>> '{from,setId}')`;

/** See {@link OperationTable.recordRestored}. */
export async function recordRestored(sql: Sql, { operationId }: StepRef, change: Partial<Restored>): Promise<void> {
  await sql.run(`update operations set restored = coalesce(restored, '{}') || $2::jsonb where id = $1`, [
    operationId,
    JSON.stringify(change),
  ]);
  await sql.run(
    `update clusters cluster set restored_from = ${FROM} from operations operation
      where operation.id = $1 and operation.kind <> 'restore-in-place' and cluster.id = operation.cluster_id
        and operation.restored -> 'from' <> 'null'`,
    [operationId],
  );
}

/**
 * The new data has taken the place of the old, now; only the first time counts. What a rollback puts back is what that was
 * made from which the other swap has replaced.
 */
export async function passSwap(sql: Sql, id: OperationId): Promise<void> {
  const passed = await sql.run(
    `update swaps set swapped_at = clock_timestamp(),
                      replaced = (select restored_from from clusters where clusters.id = swaps.cluster_id)
      where operation_id = $1 and swapped_at is null`,
    [id],
  );
  if (passed === 0) return;
  await sql.run(
    `update clusters cluster
        set restored_from = case when swap.undoes is null and operation.restored -> 'from' <> 'null' then ${FROM}
                                 else undone.replaced end
       from operations operation join swaps swap on swap.operation_id = operation.id
                                 left join swaps undone on undone.operation_id = swap.undoes
      where operation.id = $1 and cluster.id = operation.cluster_id`,
    [id],
  );
  // It serves from now on: what a later rollback would put back is what this one has replaced, as soon as that is found.
  await sql.run(
    `update swaps kept set released_at = coalesce(kept.released_at, now())
       from swaps undoing where undoing.operation_id = $1 and kept.operation_id = undoing.undoes`,
    [id],
  );
}
