import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { OperationId } from '../../domain/ids';
import { branchAt, branchOf } from '../../domain/swaps';
import type { Fork } from '../../domain/swaps';
import { first } from './database';
import type { Sql } from './database';
import type { NewSwap } from './swap-table';
import { findForks, findKept, insertSwap } from './swaps';
import { z } from 'zod';
import { time } from './rows';

/**
 * Writes a swap with its operation, while the cluster is held.
 * @throws NOTHING_KEPT for a rollback of what was let go meanwhile, OLD_DATA_KEPT where old data is in the way.
 */
export async function orderSwap(sql: Sql, cluster: Cluster, id: OperationId, swap: NewSwap): Promise<void> {
  const kept = await findKept(sql, cluster.id);
  if (swap.undoes !== null && kept?.operationId !== swap.undoes)
    throw new HoldfastError('NOTHING_KEPT', { name: cluster.name });
  if (swap.undoes === null && kept?.keptUntil)
    throw new HoldfastError('OLD_DATA_KEPT', { name: cluster.name, until: kept.keptUntil });
  await insertSwap(sql, id, cluster.id, swap, await branchLeft(sql, swap, await findForks(sql, swap.timelineId)));
}

/** The branch of the lineage on which the data that is wanted lies. */
async function branchLeft(sql: Sql, { target, undoes }: NewSwap, forks: readonly Fork[]): Promise<number> {
  // What was kept is the end of the branch that came before.
  if (undoes !== null) return forks.findIndex(({ operationId }) => operationId === undoes);
  if (target === null) return forks.length;
  if (target.kind !== 'backup') return branchOf(forks, target);
  const ended = await sql.rows(
    z.object({ ended: time.nullable() }),
    'select finished_at as ended from backups where id = $1',
    [target.backup],
  );
  const at = first(ended)?.ended ?? null;
  return at === null ? forks.length : branchAt(forks, at);
}
