import { z } from 'zod';
import type { Heartbeat, HeartbeatRole } from '../../domain/heartbeats';
import { HEARTBEAT_ROLES } from '../../domain/heartbeats';
import type { ClusterId } from '../../domain/ids';
import type { NodeName } from '../../domain/topology';
import type { Database } from './database';
import { clusterId, nodeName, time } from './rows';

/** What a node said last. */
export interface Beat extends Heartbeat {
  readonly clusterId: ClusterId;
  readonly role: HeartbeatRole;
}

export interface Heard extends Omit<Beat, 'clusterId'> {
  readonly heardAt: string;
}

/** What the watch hears of nodes, for whoever asks how they are. */
export interface HeartbeatTable {
  /** Ready clusters; `nodes` is another text whenever other nodes are there, or the same ones elsewhere. */
  listHeard(): Promise<{ readonly clusterId: ClusterId; readonly nodes: string }[]>;
  /** Of nodes that are there; what others wrote later stays. */
  record(beats: readonly Beat[]): Promise<void>;
  /** Nothing of a cluster that is not ready: nobody listens to it. */
  of(clusterId: ClusterId): Promise<ReadonlyMap<NodeName, Heard>>;
}

const watchedRow = z
  .object({ id: clusterId, nodes: z.string() })
  .transform(({ id, nodes }) => ({ clusterId: id, nodes }));
const heardRow = z
  .object({ node: nodeName, role: z.enum(HEARTBEAT_ROLES), heard_at: time, silent_ms: z.number() })
  .transform(({ node, role, heard_at, silent_ms }): Heard => ({ node, role, heardAt: heard_at, silentMs: silent_ms }));

export function heartbeatTable(database: Database): HeartbeatTable {
  return {
    listHeard: () =>
      database.rows(
        watchedRow,
        `select clusters.id, string_agg(concat_ws(' ', nodes.name, private_address, ssh_host, ssh_port, ssh_user, host_key), ',' order by nodes.name) as nodes
           from clusters join nodes on cluster_id = clusters.id and private_address is not null
          where state = 'ready' and deleted_at is null group by clusters.id order by clusters.id`,
      ),
    record: async (beats) => {
      await database.run(
        `insert into heartbeats (cluster_id, node, role, heard_at)
         select beat.cluster_id, name, beat.role, now() - beat.silent_ms * interval '1 ms'
           from unnest($1::text[], $2::text[], $3::text[], $4::float8[]) as beat (cluster_id, node, role, silent_ms)
           join nodes on nodes.cluster_id = beat.cluster_id and name = beat.node
             on conflict (cluster_id, node) do update set role = excluded.role, heard_at = excluded.heard_at
          where heartbeats.heard_at < excluded.heard_at`,
        [
          beats.map((beat) => beat.clusterId),
          beats.map(({ node }) => node),
          beats.map(({ role }) => role),
          beats.map(({ silentMs }) => silentMs),
        ],
      );
    },
    of: async (id) => {
      const rows = await database.rows(
        heardRow,
        `select node, role, heard_at, extract(epoch from now() - heard_at)::float8 * 1000 as silent_ms
           from heartbeats join clusters on clusters.id = cluster_id and clusters.state = 'ready' where cluster_id = $1`,
        [id],
      );
      return new Map(rows.map((heard) => [heard.node, heard]));
    },
  };
}
