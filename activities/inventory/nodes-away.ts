import { z } from 'zod';
import type { ClusterId } from '../../domain/ids';
import { FINAL_STATES } from '../../domain/operations';
import { dropCondition, setCondition } from './clusters';
import type { Database, Sql } from './database';
import { first } from './database';
import { fenced } from './fence';
import { nodeName } from './rows';
import type { SwapTable } from './swap-table';
import { swapRow } from './swap-rows';

/** Data nodes that were away when the data of their cluster was exchanged, or since: the condition `NodesPresent`. */
export function nodesAway(
  database: Database,
): Pick<SwapTable, 'away' | 'nodeOf' | 'noteAway' | 'listWithNodesAway' | 'noteBack'> {
  return {
    async away(id) {
      const query = 'select jsonb_object_keys(away) as name from swaps where operation_id = $1 order by name';
      return (await database.rows(z.object({ name: nodeName }), query, [id])).map(({ name }) => name);
    },
    async nodeOf(id) {
      const row = z.object({ node: nodeName.nullable() });
      return first(await database.rows(row, 'select node from swaps where operation_id = $1', [id]))?.node ?? null;
    },
    noteAway: (ref, node) =>
      fenced(database, ref, async (sql) => {
        const noted = 'update swaps set away = jsonb_build_object($2::text, now()) || away where operation_id = $1';
        await sql.run(noted, [ref.operationId, node]);
        await tellAway(sql, ref.clusterId);
      }),
    // A later swap has found all nodes, and given each of them its data.
    listWithNodesAway: () =>
      database.rows(
        swapRow,
        `select swaps.* from swaps join clusters cluster on cluster.id = swaps.cluster_id and cluster.state = 'ready'
          where away <> '{}'
            and not exists (select from swaps later where later.cluster_id = cluster.id and later.swapped_at > swaps.swapped_at)
            and not exists (select from operations where cluster_id = cluster.id and lane = 'cluster' and operations.state <> all ($1))
          order by swapped_at`,
        [FINAL_STATES],
      ),
    noteBack: ({ operationId, clusterId }, node) =>
      database.transaction(async (sql) => {
        await sql.run('update swaps set away = away - $2::text where operation_id = $1', [operationId, node]);
        await tellAway(sql, clusterId);
      }),
  };
}

/** Tells of the cluster which nodes are away since its newest swap. */
export async function tellAway(sql: Sql, id: ClusterId): Promise<void> {
  const left = await sql.rows(
    z.object({ name: nodeName, since: z.string() }),
    `select name, since from swaps, jsonb_each_text(away) as one (name, since)
      where cluster_id = $1 and swapped_at = (select max(swapped_at) from swaps where cluster_id = $1) order by name`,
    [id],
  );
  if (left.length === 0) return dropCondition(sql, id, 'NodesPresent');
  const names = left.map(({ name, since }) => `${name} since ${new Date(since).toISOString()}`).join(', ');
  const message = `Away when the data was exchanged, or since then: ${names}. Within an hour after it answers again it gets the data of the cluster.`;
  await setCondition(sql, id, { type: 'NodesPresent', status: false, reason: 'Away', message });
}
