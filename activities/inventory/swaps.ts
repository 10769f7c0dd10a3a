import { z } from 'zod';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { ClusterId, OperationId, TimelineId } from '../../domain/ids';
import { FINAL_STATES } from '../../domain/operations';
import type { Fork, Swap } from '../../domain/swaps';
import type { Database, Sql } from './database';
import { first } from './database';
import { fenced } from './fence';
import { clusterId } from './rows';
import { passSwap } from './restored';
import { swapRow } from './swap-rows';
import { nodesAway, tellAway } from './nodes-away';
import type { FoundOldData, NewSwap, SwapTable } from './swap-table';

export function swapTable(database: Database): SwapTable {
  return {
    ofOperation: (id) => ofOperation(database, id),
    forks: (id) => findForks(database, id),
    kept: (id) => findKept(database, id),
    note: (ref, change) => fenced(database, ref, (sql) => note(sql, ref, change)),
    pass: (ref) =>
      fenced(database, ref, async (sql) => {
        await passSwap(sql, ref.operationId);
        // Whoever was away at an earlier one is there now.
        await tellAway(sql, ref.clusterId);
      }),
    ...nodesAway(database),
    keep: (ref, found) => fenced(database, ref, (sql) => keep(sql, ref.operationId, found)),
    keepLater: (id, found) => database.transaction((sql) => keep(sql, id, found)),
    release: (ref) =>
      fenced(database, ref, async (sql) => {
        await sql.run(
          'update swaps set released_at = now() where cluster_id = $1 and kept_until is not null and released_at is null',
          [ref.clusterId],
        );
      }),
    listReleased: () => database.transaction(listReleased),
    left: (id) =>
      database.rows(
        swapRow,
        'select * from swaps where cluster_id = $1 and released_at is not null and removed_at is null order by swapped_at',
        [id],
      ),
    markRemoved: async (id) => {
      await database.run('update swaps set removed_at = coalesce(removed_at, now()) where operation_id = $1', [id]);
    },
  };
}

async function note(
  sql: Sql,
  { operationId: id }: StepRef,
  { node, keptOn, oldLog, newLog, forkLsn }: Parameters<SwapTable['note']>[1],
): Promise<void> {
  await sql.run(
    `update swaps set node = coalesce($2, node), kept_on = coalesce($3, kept_on), old_log = coalesce($4, old_log),
                      new_log = coalesce($5, new_log), fork_lsn = coalesce($6, fork_lsn) where operation_id = $1`,
    [id, node ?? null, keptOn ?? null, oldLog ?? null, newLog ?? null, forkLsn ?? null],
  );
}

async function keep(
  sql: Sql,
  id: OperationId,
  { bytes, lastCommitAt, lastCommitLsn, hours }: FoundOldData,
): Promise<void> {
  await sql.run(
    `update swaps set kept_bytes = $2, last_commit_at = $3, last_commit_lsn = $5,
                      kept_until = coalesce(kept_until, now() + $4 * interval '1 hour')
      where operation_id = $1`,
    [id, bytes, lastCommitAt, hours, lastCommitLsn],
  );
}

async function ofOperation(sql: Sql, id: OperationId): Promise<Swap> {
  const found = first(await sql.rows(swapRow, 'select * from swaps where operation_id = $1', [id]));
  if (!found) throw new HoldfastError('NOT_FOUND', { kind: 'swap of operation', ref: id });
  return found;
}

export async function findForks(sql: Sql, id: TimelineId): Promise<Fork[]> {
  const rows = await sql.rows(
    swapRow,
    'select * from swaps where timeline_id = $1 and swapped_at is not null order by swapped_at',
    [id],
  );
  return rows.flatMap(({ swappedAt, ...swap }) => (swappedAt === null ? [] : { ...swap, swappedAt }));
}

export async function findKept(sql: Sql, id: ClusterId): Promise<Swap | null> {
  const query = `select * from swaps where cluster_id = $1 and kept_until is not null and released_at is null
                  order by swapped_at desc limit 1`;
  return first(await sql.rows(swapRow, query, [id]));
}

/** Writes what an operation is to do. Of what it leaves, `forksFrom` says which branch of the lineage that is. */
export async function insertSwap(
  sql: Sql,
  id: OperationId,
  cluster: ClusterId,
  { timelineId: lineage, target, site, undoes }: NewSwap,
  forksFrom: number,
): Promise<void> {
  await sql.run(
    `insert into swaps (operation_id, cluster_id, timeline_id, target, site, undoes, forks_from)
     values ($1, $2, $3, $4::jsonb, $5, $6, $7)`,
    [id, cluster, lineage, target && JSON.stringify(target), site, undoes, forksFrom],
  );
}

/** Clusters are held meanwhile: whoever orders a rollback at this moment comes before or after. */
async function listReleased(sql: Sql): Promise<Swap[]> {
  const due = await sql.rows(
    z.object({ cluster_id: clusterId }),
    `select distinct cluster_id from swaps where kept_until <= now() and released_at is null order by cluster_id`,
  );
  for (const { cluster_id: id } of due) {
    await sql.run('select from clusters where id = $1 for update', [id]);
    await sql.run(
      `update swaps set released_at = now()
        where cluster_id = $1 and kept_until <= now() and released_at is null
          and not exists (select from operations where cluster_id = $1 and lane = 'cluster' and state <> all ($2))`,
      [id, FINAL_STATES],
    );
  }
  return sql.rows(
    swapRow,
    `select swaps.* from swaps join clusters cluster on cluster.id = swaps.cluster_id and cluster.deleted_at is null
      where released_at is not null and removed_at is null
        and not exists (select from operations where cluster_id = cluster.id and lane = 'cluster' and operations.state <> all ($1))
      order by swapped_at`,
    [FINAL_STATES],
  );
}
