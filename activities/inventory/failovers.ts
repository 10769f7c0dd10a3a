import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import { STALE_MS } from '../../domain/heartbeats';
import type { ClusterId } from '../../domain/ids';
import { EXCLUDES_FAILOVER, FINAL_STATES } from '../../domain/operations';
import type { NodeName } from '../../domain/topology';
import { appendAudit } from './audit';
import { lockCluster, setCondition } from './clusters';
import type { Database, Sql } from './database';
import { first } from './database';
import { IN_MAINTENANCE } from './maintenance';
import { bigint, clusterId, nodeName, time } from './rows';

/** A primary that is silent to everybody, from before its host is switched off until that is on again. */
export interface Failover {
  readonly id: string;
  readonly clusterId: ClusterId;
  /** That was the primary. */
  readonly node: NodeName;
  /** When its host was off for sure; null: that is not known. */
  readonly fencedAt: string | null;
  /** The one that it held then, by etcd's revision; null: that is not known. */
  readonly lease: number | null;
}

/**
 * What became of the host of a former primary: it is on again; it could not be switched on; there is none any more; nobody knows that
 * it was off, and nothing was done to it.
 */
export type FormerHost = 'on' | 'off' | 'gone' | 'left alone';

export interface FailoverEnd {
  /** Who it is instead, or the same one where it answers again and was left alone; null: nobody is. */
  readonly primary: NodeName | null;
  readonly host: FormerHost;
}

/** What the watch has done about primaries that were lost. */
export interface FailoverTable {
  /**
   * Writes down that this primary is to be replaced, and tells of it as the condition `PrimaryServes`.
   * @returns null when that must not be: one is under way or has just ended, which another worker may not have heard yet; or an
   * operation is that stops primaries itself, or has another data node out of etcd; or maintenance.
   */
  begin(clusterId: ClusterId, node: NodeName): Promise<Failover | null>;
  listUnfinished(): Promise<Failover[]>;
  /** @throws NOT_YET while one of this cluster is under way. */
  demandNone(clusterId: ClusterId): Promise<void>;
  /** Once; later calls change nothing. */
  noteFenced(id: Failover['id'], lease: Failover['lease']): Promise<void>;
  /** Once; later calls change nothing. */
  end(id: Failover['id'], how: FailoverEnd): Promise<void>;
  /** Ready clusters of which it is told that nobody took over. */
  listWithoutPrimary(): Promise<ClusterId[]>;
  /** Somebody is the primary after all. Of a cluster that is not one of {@link listWithoutPrimary} nothing changes. */
  notePrimary(id: ClusterId, primary: NodeName): Promise<void>;
}

const failoverRow = z
  .object({
    id: z.string(),
    cluster_id: clusterId,
    node: nodeName,
    fenced_at: time.nullable(),
    lease: bigint.nullable(),
  })
  .transform(({ id, cluster_id, node, fenced_at, lease }): Failover => ({
    ...{ id, node, lease },
    clusterId: cluster_id,
    fencedAt: fenced_at,
  }));
const COLUMNS = 'id, cluster_id, node, fenced_at, lease';
/** The reason that a condition tells. */
const NOBODY = 'NobodyTookOver';

export function failoverTable(database: Database): FailoverTable {
  return {
    begin: (id, node) => database.transaction((sql) => begin(sql, id, node)),
    listUnfinished: () =>
      database.rows(failoverRow, `select ${COLUMNS} from failovers where finished_at is null order by id`),
    demandNone: (id) => demandNoFailover(database, id),
    noteFenced: async (id, lease) => {
      await database.run('update failovers set fenced_at = now(), lease = $2 where id = $1 and fenced_at is null', [
        id,
        lease,
      ]);
    },
    end: (id, how) => database.transaction((sql) => end(sql, id, how)),
    listWithoutPrimary: async () => {
      const rows = await database.rows(
        z.object({ id: clusterId }),
        `select id from clusters where state = 'ready' and conditions @> $1::jsonb`,
        [JSON.stringify([{ type: 'PrimaryServes', reason: NOBODY }])],
      );
      return rows.map(({ id }) => id);
    },
    notePrimary: (id, primary) => database.transaction((sql) => notePrimary(sql, id, primary)),
  };
}

/** See {@link FailoverTable.demandNone}; nobody begins one while the cluster's row is held. */
export async function demandNoFailover(sql: Sql, id: ClusterId): Promise<void> {
  const unfinished = 'select id from failovers where cluster_id = $1 and finished_at is null';
  if ((await sql.rows(z.object({ id: z.string() }), unfinished, [id])).length > 0)
    throw new HoldfastError('NOT_YET', { what: 'A failover of the cluster is under way.' });
}

/** Of an operation that replaces a data node: from before that one is off until its fresh host votes in etcd all others are needed. */
const HAS_ABSENT_NODE = `replacement ->> 'absent' = 'true'`;

async function begin(sql: Sql, id: ClusterId, node: NodeName): Promise<Failover | null> {
  const { status, deletedAt } = await lockCluster(sql, id, null);
  if (status.state !== 'ready' || deletedAt !== null) return null;
  const [begun] = await sql.rows(
    failoverRow,
    `insert into failovers (cluster_id, node) select $1, $2
      where not exists (select from operations where cluster_id = $1 and state <> all ($3) and (kind = any ($4) or ${HAS_ABSENT_NODE}))
        and not exists (select from failovers where cluster_id = $1 and node = $2 and finished_at > now() - $5 * interval '1 ms')
        and not exists (select from clusters cluster where id = $1 and ${IN_MAINTENANCE})
         on conflict do nothing returning ${COLUMNS}`,
    [id, node, FINAL_STATES, EXCLUDES_FAILOVER, STALE_MS],
  );
  if (!begun) return null;
  const message = `${node} was the primary and answers nobody any more: its host is switched off, and another node takes over.`;
  await setCondition(sql, id, { type: 'PrimaryServes', status: false, reason: 'FailingOver', message });
  await appendAudit(sql, { actor: 'autopilot', action: 'failover began', subject: id, details: { node } });
  return begun;
}

async function end(sql: Sql, id: Failover['id'], how: FailoverEnd): Promise<void> {
  const failover = first(await sql.rows(failoverRow, `select ${COLUMNS} from failovers where id = $1`, [id]));
  if (!failover) throw new Error(`no failover ${id}`);
  const { clusterId: subject, node, fencedAt } = failover;
  await lockCluster(sql, subject, null);
  const ended = first(
    await sql.rows(
      z.object({ took_ms: z.number() }),
      `update failovers set finished_at = now(), new_primary = $2 where id = $1 and finished_at is null
       returning (extract(epoch from now() - begun_at) * 1000)::int as took_ms`,
      [id, how.primary],
    ),
  );
  if (!ended) return;
  await setCondition(sql, subject, conditionOf(node, how, fencedAt !== null));
  const details = { node, primary: how.primary ?? 'none', host: how.host, tookMs: ended.took_ms };
  await appendAudit(sql, { actor: 'autopilot', action: 'failover ended', subject, details });
}

async function notePrimary(sql: Sql, id: ClusterId, primary: NodeName): Promise<void> {
  const { status } = await lockCluster(sql, id, null);
  const told = status.conditions.find(({ type }) => type === 'PrimaryServes');
  if (told?.reason !== NOBODY) return;
  const message = `${primary} is the primary, after a while without one.`;
  await setCondition(sql, id, { type: 'PrimaryServes', status: true, reason: 'PrimaryFound', message });
}

function conditionOf(
  node: NodeName,
  { primary, host }: FailoverEnd,
  wasFenced: boolean,
): Parameters<typeof setCondition>[2] {
  const type = 'PrimaryServes';
  if (primary === node) {
    const message =
      wasFenced || host === 'on'
        ? `${node} was switched off, and is the primary again.`
        : `${node} answers again: nothing was done.`;
    return { type, status: true, reason: 'AnswersAgain', message };
  }
  const after = `The host of ${node} ${WHAT_BECAME_OF_IT[host]}.`;
  if (primary !== null)
    return { type, status: true, reason: 'FailedOver', message: `${primary} took over from ${node}. ${after}` };
  return { type, status: false, reason: NOBODY, message: `No data node took over from ${node}. ${after}` };
}

const WHAT_BECAME_OF_IT: Readonly<Record<FormerHost, string>> = {
  on: 'is switched on again',
  off: 'could not be switched on again',
  gone: 'is gone',
  'left alone': 'was left alone',
};
