import { z } from 'zod';
import type { Condition, StepRef } from '../../domain/clusters';
import type { ErrorCode } from '../../domain/errors';
import type { ClusterId, OperationId } from '../../domain/ids';
import type { OperationKind, OperationState, Replacement } from '../../domain/operations';
import { OPERATION_STATES } from '../../domain/operations';
import type { NodeName } from '../../domain/topology';
import { appendAudit } from './audit';
import { dropCondition, lockCluster, setCondition } from './clusters';
import type { Database, Sql } from './database';
import { demandNoFailover } from './failovers';
import { fenced } from './fence';
import { tellAway } from './nodes-away';
import { clusterId, nodeName } from './rows';

/** Nodes that get fresh hosts: what operations write down of it, and what the autopilot tells of nodes that are lost. */

export type NodesServe = Pick<Condition, 'status' | 'reason' | 'message'>;

/** An operation that the autopilot ordered. */
export interface RecentOrder {
  readonly clusterId: ClusterId;
  /** Null: it is about the cluster as a whole. */
  readonly node: NodeName | null;
  readonly state: OperationState;
  /** It ended, a moment ago and with its host as it was, because the others could not do without the node just then. */
  readonly hindered: boolean;
}

/** What is so for a moment: etcd had no majority, or the node itself took over. */
const HINDRANCES: readonly ErrorCode[] = ['NO_QUORUM_LEFT', 'NODE_IS_PRIMARY'];
const HINDERED_S = 30;

export interface ReplacementTable {
  /**
   * Those that the autopilot ordered within so many seconds, the oldest first; without those whose node was back before anything was done,
   * and those that were hindered half a minute ago.
   */
  listRecent(kind: Extract<OperationKind, 'replace-node' | 'recover'>, withinS: number): Promise<RecentOrder[]>;
  /** Tells of a ready cluster, as the condition `NodesServe`, which nodes it has lost; null: none. What is told already is left. */
  tell(clusterId: ClusterId, condition: NodesServe | null): Promise<void>;
  /** As {@link tell}, unless an operation works on it, which may stop PostgreSQL itself. */
  tellUnlessBusy(clusterId: ClusterId, condition: NodesServe): Promise<void>;
  /**
   * From here on the other data nodes have to decide without this one, which takes all of them: no failover begins before
   * {@link endAbsence}. @throws NOT_YET while one is under way.
   */
  beginAbsence(ref: StepRef): Promise<void>;
  /** It has its vote in etcd again. */
  endAbsence(ref: StepRef): Promise<void>;
  /** The node has its fresh host, and nothing of the former one is waited for any more. */
  end(ref: StepRef, node: NodeName): Promise<void>;
}

const recentRow = z
  .object({ cluster_id: clusterId, node: nodeName.nullable(), state: z.enum(OPERATION_STATES), hindered: z.boolean() })
  .transform(({ cluster_id, ...row }) => ({ clusterId: cluster_id, ...row }));

export function replacementTable(database: Database): ReplacementTable {
  return {
    listRecent: (kind, withinS) =>
      database.rows(
        recentRow,
        `select cluster_id, node ->> 'name' as node, state, hindered
           from operations, coalesce(error ->> 'code' = any ($4), false) as hindered
          where cause = 'autopilot' and kind = $1 and created_at > now() - $2 * interval '1 s'
            and error ->> 'code' is distinct from $3 and not (hindered and finished_at < now() - $5 * interval '1 s') order by id`,
        [kind, withinS, 'NODE_BACK' satisfies ErrorCode, HINDRANCES, HINDERED_S],
      ),
    tell: (id, condition) => database.transaction((sql) => tell(sql, id, condition)),
    tellUnlessBusy: (id, condition) =>
      database.transaction(async (sql) => {
        if (!(await isBusy(sql, id))) await tell(sql, id, condition);
      }),
    beginAbsence: (ref) =>
      fenced(database, ref, async (sql) => {
        await demandNoFailover(sql, ref.clusterId);
        await setAbsent(sql, ref, true);
      }),
    endAbsence: (ref) => fenced(database, ref, (sql) => setAbsent(sql, ref, false)),
    end: (ref, node) => fenced(database, ref, (sql) => end(sql, ref.clusterId, node)),
  };
}

async function isBusy(sql: Sql, id: ClusterId): Promise<boolean> {
  const working = `select id from operations where cluster_id = $1 and lane = 'cluster' and finished_at is null`;
  return (await sql.rows(z.object({ id: z.string() }), working, [id])).length > 0;
}

async function setAbsent(sql: Sql, { operationId: id }: StepRef, absent: boolean): Promise<void> {
  const set = `update operations set replacement = replacement || jsonb_build_object('absent', $2::boolean) where id = $1`;
  await sql.run(set, [id, absent]);
}

const TYPE = 'NodesServe';

async function tell(sql: Sql, id: ClusterId, condition: NodesServe | null): Promise<void> {
  const { status, deletedAt } = await lockCluster(sql, id, null);
  if (status.state !== 'ready' || deletedAt !== null) return;
  const before = status.conditions.find(({ type }) => type === TYPE);
  if (condition === null) return before?.status === false ? dropCondition(sql, id, TYPE) : undefined;
  const { reason, message } = condition;
  if (before?.reason === reason && before.message === message) return;
  await setCondition(sql, id, { type: TYPE, ...condition });
  const details = { reason, message };
  await appendAudit(sql, { actor: 'autopilot', action: 'nodes lost', subject: id, details });
}

async function end(sql: Sql, id: ClusterId, node: NodeName): Promise<void> {
  await sql.run('update swaps set away = away - $2::text where cluster_id = $1 and away ? $2::text', [id, node]);
  await tellAway(sql, id);
  const message = `${node} has a fresh host.`;
  await setCondition(sql, id, { type: TYPE, status: true, reason: 'Replaced', message });
}

/** With the operation. */
export async function orderReplacement(sql: Sql, id: OperationId): Promise<void> {
  const ordered: Replacement = { former: null };
  await sql.run('update operations set replacement = $2::jsonb where id = $1', [id, JSON.stringify(ordered)]);
}

/** See {@link OperationTable.recordFormerHost}. */
export async function recordFormerHost(sql: Sql, { operationId, clusterId: id }: StepRef): Promise<void> {
  await sql.run(
    `update operations set replacement = replacement || jsonb_build_object('former', (
       select jsonb_build_object('hostId', host_id, 'privateAddress', private_address)
         from nodes where cluster_id = $2 and name = operations.node ->> 'name'))
      where id = $1 and replacement -> 'former' = 'null'`,
    [operationId, id],
  );
}
