import type { Cluster, ClusterStatus, Condition, StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { ClusterId, ProjectId } from '../../domain/ids';
import { isId } from '../../domain/ids';
import type { Database, Sql } from './database';
import { first } from './database';
import { fenced } from './fence';
import type { ClusterTable, PageRequest } from './inventory';
import { beginMaintenance, endMaintenance, MAINTENANCE } from './maintenance';
import { clusterRow, networkRow } from './rows';

export function clusterTable(database: Database): ClusterTable {
  return {
    get: (id) => getCluster(database, id),
    find: (projectId, idOrName) => find(database, projectId, idOrName),
    findDeleted: (projectId, idOrName) => findDeleted(database, projectId, idOrName),
    list: (projectId, page) => list(database, projectId, page),
    listRestorable: (projectId, page) => listRestorable(database, projectId, page),
    updateSpec: (id, expectedGeneration, change) => updateSpec(database, id, expectedGeneration, change),
    setStatus: (ref, change) => fenced(database, ref, (sql) => setStatus(sql, ref.clusterId, change)),
    setCondition: (ref, condition) => fenced(database, ref, (sql) => setCondition(sql, ref.clusterId, condition)),
    markDeleted: (ref) => fenced(database, ref, (sql) => markDeleted(sql, ref)),
    beginMaintenance: (id, minutes, by) => database.transaction((sql) => beginMaintenance(sql, id, minutes, by)),
    endMaintenance: (id) => endMaintenance(database, id),
    setNetwork: (ref, network) =>
      fenced(database, ref, async (sql) => {
        const text = JSON.stringify(network);
        await sql.run('update clusters set network = $2::jsonb where id = $1', [ref.clusterId, text]);
      }),
    getNetwork: async (id) =>
      first(await database.rows(networkRow, 'select network from clusters where id = $1', [id]))?.network ?? null,
  };
}

/**
 * Of a `cluster` that was deleted: when the lineage is due to be removed that it can be undeleted from. Null: it has none, or none that
 * holds a backup, or that one is due by now. An undelete says the same, with the reason.
 */
const RESTORABLE_UNTIL = `
  case when cluster.deleted_at is not null and cluster.drill_of is null and cluster.spec ->> 'backups' is not null then (
    select expires_at from (
      select * from timelines where cluster_id = cluster.id and removed_at is null order by id desc limit 1
    ) timeline where expires_at > now() and restorable_from is not null
  ) end`;

const COLUMNS = `cluster.*, ${RESTORABLE_UNTIL} as restorable_until, ${MAINTENANCE} as maintenance`;
const SELECT = `select ${COLUMNS} from clusters cluster`;

async function getCluster(sql: Sql, id: ClusterId): Promise<Cluster | null> {
  return first(await sql.rows(clusterRow, `${SELECT} where id = $1`, [id]));
}

/** The cluster, its row held until the transaction ends. @throws NOT_FOUND, PRECONDITION_FAILED. */
export async function lockCluster(sql: Sql, id: ClusterId, expectedGeneration: number | null): Promise<Cluster> {
  const cluster = first(await sql.rows(clusterRow, `${SELECT} where id = $1 for update`, [id]));
  if (!cluster) throw new HoldfastError('NOT_FOUND', { kind: 'cluster', ref: id });
  if (expectedGeneration !== null && cluster.generation !== expectedGeneration) {
    throw new HoldfastError('PRECONDITION_FAILED', { asked: expectedGeneration, actual: cluster.generation });
  }
  return cluster;
}

async function find(sql: Sql, projectId: ProjectId, idOrName: string): Promise<Cluster | null> {
  const which = isId('clu', idOrName) ? 'id = $2' : 'name = $2 and deleted_at is null';
  return first(await sql.rows(clusterRow, `${SELECT} where project_id = $1 and ${which}`, [projectId, idOrName]));
}

async function findDeleted(sql: Sql, projectId: ProjectId, idOrName: string): Promise<Cluster | null> {
  const which = isId('clu', idOrName) ? 'id = $2' : 'name = $2';
  const query = `
    ${SELECT} where project_id = $1 and ${which} and deleted_at is not null and drill_of is null
     order by ${RESTORABLE_UNTIL} is not null desc, deleted_at desc limit 1`;
  return first(await sql.rows(clusterRow, query, [projectId, idOrName]));
}

function list(sql: Sql, projectId: ProjectId, page: Parameters<ClusterTable['list']>[1]): Promise<Cluster[]> {
  return sql.rows(
    clusterRow,
    `${SELECT}
      where project_id = $1 and deleted_at is null and ($2::text is null or id < $2) and ($4 or drill_of is null)
      order by id desc limit $3`,
    [projectId, page.before ?? null, page.limit, page.drills ?? false],
  );
}

/** Most of what was ever deleted has no lineage any more: those that have one are found first. */
function listRestorable(sql: Sql, projectId: ProjectId, page: PageRequest): Promise<Cluster[]> {
  return sql.rows(
    clusterRow,
    `${SELECT}
      where project_id = $1 and ($2::text is null or id < $2)
        and id in (select cluster_id from timelines where removed_at is null and expires_at > now())
        and ${RESTORABLE_UNTIL} is not null
      order by id desc limit $3`,
    [projectId, page.before ?? null, page.limit],
  );
}

function updateSpec(
  database: Database,
  id: ClusterId,
  expectedGeneration: number | null,
  change: Partial<Cluster['spec']>,
): Promise<Cluster> {
  return database.transaction(async (sql) => {
    const { spec } = await lockCluster(sql, id, expectedGeneration);
    const [cluster] = await sql.rows(
      clusterRow,
      `update clusters cluster set spec = $2::jsonb, generation = generation + 1 where id = $1 returning ${COLUMNS}`,
      [id, JSON.stringify({ ...spec, ...change })],
    );
    if (!cluster) throw new HoldfastError('NOT_FOUND', { kind: 'cluster', ref: id });
    return cluster;
  });
}

async function setStatus(sql: Sql, id: ClusterId, change: Partial<Omit<ClusterStatus, 'conditions'>>): Promise<void> {
  const { status } = await lockCluster(sql, id, null);
  const { state, postgresqlVersion, endpoint } = { ...status, ...change };
  await sql.run('update clusters set state = $2, postgresql_version = $3, endpoint = $4::jsonb where id = $1', [
    id,
    state,
    postgresqlVersion,
    endpoint && JSON.stringify(endpoint),
  ]);
}

/** See {@link ClusterTable.setCondition}; in the transaction of what it tells of. */
export async function setCondition(sql: Sql, id: ClusterId, condition: Omit<Condition, 'since'>): Promise<void> {
  const { status } = await lockCluster(sql, id, null);
  const before = status.conditions.find(({ type }) => type === condition.type);
  const since = before?.status === condition.status ? before.since : new Date().toISOString();
  const others = storedOf(status.conditions).filter(({ type }) => type !== condition.type);
  await sql.run('update clusters set conditions = $2::jsonb where id = $1', [
    id,
    JSON.stringify([...others, { ...condition, since }]),
  ]);
}

/** The others follow from what else is known of the cluster, as long as that is so. */
const storedOf = (conditions: readonly Condition[]): Condition[] =>
  conditions.filter(({ type }) => type !== 'Maintenance');

/** Nothing is told of it any more. */
export async function dropCondition(sql: Sql, id: ClusterId, type: Condition['type']): Promise<void> {
  const { status } = await lockCluster(sql, id, null);
  const stored = storedOf(status.conditions);
  const others = stored.filter((condition) => condition.type !== type);
  if (others.length === stored.length) return;
  await sql.run('update clusters set conditions = $2::jsonb where id = $1', [id, JSON.stringify(others)]);
}

async function markDeleted(sql: Sql, ref: StepRef): Promise<void> {
  await sql.run(`update clusters set state = 'deleted', deleted_at = coalesce(deleted_at, now()) where id = $1`, [
    ref.clusterId,
  ]);
}
