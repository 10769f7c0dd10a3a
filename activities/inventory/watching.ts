import { z } from 'zod';
import type { ConditionType } from '../../domain/clusters';
import { CONDITION_TYPES } from '../../domain/clusters';
import type { DiskAct } from '../../domain/disk-ladder';
import type { ClusterId } from '../../domain/ids';
import type { NodeName } from '../../domain/topology';
import type { Told } from '../../domain/watching';
import { appendAudit } from './audit';
import type { Database } from './database';
import { clusterId } from './rows';
import { tell } from './tell';

/** What the watch writes of the nodes of clusters. */
export interface WatchingTable {
  /** Those that are ready. */
  listReady(): Promise<ReadyCluster[]>;
  /** Sets conditions of a cluster that is still ready; the audit log has each change of a reason. */
  tell(clusterId: ClusterId, conditions: readonly Told[]): Promise<void>;
  /** Writes down what the host of a data node did, and tells the audit log: each act once, however often it is handed in. */
  recordActs(clusterId: ClusterId, node: NodeName, acts: readonly DiskAct[]): Promise<void>;
}

export interface ReadyCluster {
  readonly clusterId: ClusterId;
  /** An operation works on it, which may stop what belongs to it. */
  readonly busy: boolean;
  /** The conditions as they are. */
  readonly told: readonly Told[];
}

const readyRow = z
  .object({
    id: clusterId,
    busy: z.boolean(),
    told: z.array(
      z.object({ type: z.enum(CONDITION_TYPES), status: z.boolean(), reason: z.string(), message: z.string() }),
    ),
  })
  .transform(({ id, ...row }): ReadyCluster => ({ clusterId: id, ...row }));

/** What the audit log calls a change of it. */
const ACTIONS: Partial<Record<ConditionType, string>> = {
  DiskSpace: 'disk space changed',
  StandbysStream: 'standbys changed',
  GatewaysServe: 'gateways changed',
  EtcdWhole: 'etcd members changed',
  CertificatesValid: 'certificates changed',
};

export function watchingTable(database: Database): WatchingTable {
  return {
    listReady: () =>
      database.rows(
        readyRow,
        `select id, conditions as told,
                exists (select from operations
                         where cluster_id = clusters.id and lane = 'cluster' and finished_at is null) as busy
           from clusters where state = 'ready' and deleted_at is null order by id`,
      ),
    tell: (id, conditions) =>
      database.transaction(async (sql) => {
        for (const condition of conditions)
          await tell(sql, id, condition, ACTIONS[condition.type] ?? 'condition changed');
      }),
    recordActs: async (id, node, acts) => {
      if (acts.length === 0) return;
      await database.transaction(async (sql) => {
        const fresh = await sql.rows(
          z.object({ at: z.string(), act: z.string(), detail: z.string() }),
          `insert into disk_acts (cluster_id, node, at, act, detail)
           select $1, $2, at, act, detail from unnest($3::timestamptz[], $4::text[], $5::text[]) as one (at, act, detail)
               on conflict do nothing
           returning to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, act, detail`,
          [id, node, acts.map(({ at }) => at), acts.map(({ act }) => act), acts.map(({ detail }) => detail)],
        );
        for (const { at, act, detail } of fresh)
          await appendAudit(sql, { actor: 'autopilot', action: act, subject: id, details: { node, at, detail } });
      });
    },
  };
}
