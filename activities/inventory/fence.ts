import { z } from 'zod';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { FINAL_STATES } from '../../domain/operations';
import type { Database, Sql } from './database';
import { first } from './database';

const fenceRow = z.object({ newest: z.number(), unfinished: z.boolean() });

/**
 * Runs `write` in a transaction that holds cluster and operation, when the step's operation is the newest one of its lane
 * and has not ended: a step that was overtaken, or whose operation was ended from outside, changes nothing.
 * @throws STALE_GENERATION otherwise.
 */
export function fenced<T>(database: Database, ref: StepRef, write: (sql: Sql) => Promise<T>): Promise<T> {
  return database.transaction(async (sql) => {
    await refuseStale(sql, ref, 'for update of cluster for share of operation');
    return write(sql);
  });
}

/** See {@link OperationTable.requireCurrent}. */
export function requireCurrent(sql: Sql, ref: StepRef): Promise<void> {
  return refuseStale(sql, ref, '');
}

async function refuseStale(
  sql: Sql,
  ref: StepRef,
  lock: '' | 'for update of cluster for share of operation',
): Promise<void> {
  const found = first(
    await sql.rows(
      fenceRow,
      `select case operation.lane when 'backup' then cluster.backup_generation
                                  when 'dump' then cluster.dump_generation
                                  else cluster.operation_generation end as newest,
              operation.state <> all ($3) as unfinished
         from clusters cluster join operations operation on operation.cluster_id = cluster.id
        where cluster.id = $1 and operation.id = $2 ${lock}`,
      [ref.clusterId, ref.operationId, FINAL_STATES],
    ),
  );
  if (found?.newest === ref.generation && found.unfinished) return;
  throw new HoldfastError('STALE_GENERATION', { asked: ref.generation, actual: found?.newest ?? 0 });
}
