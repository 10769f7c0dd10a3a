import type { Inventory, Tables } from '../../activities/inventory/inventory';
import type { BackupPolicy, Timeline } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { isId } from '../../domain/ids';
import { ENDS_BACKUPS, EXCLUDES_BACKUPS, type Lane, LANES, laneOf } from '../../domain/operations';
import type { Operation, OperationSummary } from '../../domain/operations';
import type { Caller } from './context';

/** Finds what a path names. What another project owns is not there, and nothing tells it from what never was. */

/** @throws NOT_FOUND. */
export async function findCluster(
  inventory: Pick<Tables, 'clusters'>,
  caller: Caller,
  reference: string,
): Promise<Cluster> {
  const cluster = await inventory.clusters.find(caller.projectId, reference);
  if (cluster === null) throw noCluster(reference, await inventory.clusters.findDeleted(caller.projectId, reference));
  return cluster;
}

/** @param deleted what had that name or id. */
function noCluster(ref: string, deleted: Cluster | null): HoldfastError {
  if (deleted === null) return new HoldfastError('NOT_FOUND', { kind: 'cluster', ref });
  const { id, deletedAt, restorableUntil } = deleted;
  const since = `: it was deleted at ${deletedAt ?? 'some time'}`;
  if (restorableUntil === null) return new HoldfastError('NOT_FOUND', { kind: 'cluster', ref, since });
  const back = `${since}, and can be undeleted until ${restorableUntil}`;
  return new HoldfastError('NOT_FOUND', { kind: 'cluster', ref, since: back, cluster: id });
}

/** One that was not deleted. @throws NOT_FOUND. */
export async function findLiveCluster(
  inventory: Pick<Tables, 'clusters'>,
  caller: Caller,
  reference: string,
): Promise<Cluster> {
  const cluster = await findCluster(inventory, caller, reference);
  if (cluster.deletedAt !== null) throw noCluster(reference, cluster);
  return cluster;
}

/** @throws NOT_FOUND. */
export async function findOperation(
  inventory: Pick<Tables, 'operations'>,
  caller: Caller,
  reference: string,
): Promise<Operation> {
  const operation = isId('op', reference) ? await inventory.operations.get(reference) : null;
  if (operation?.projectId !== caller.projectId)
    throw new HoldfastError('NOT_FOUND', { kind: 'operation', ref: reference });
  return operation;
}

/** When its backups are taken and where they go. @throws BACKUPS_NOT_CONFIGURED. */
export function requirePolicy({ name, spec }: Pick<Cluster, 'name' | 'spec'>): BackupPolicy {
  if (spec.backups === null) throw new HoldfastError('BACKUPS_NOT_CONFIGURED', { name });
  return spec.backups;
}

/**
 * What its backups and dumps go into.
 *
 * @throws BACKUPS_NOT_CONFIGURED; CLUSTER_BUSY while it is given backups; CLUSTER_NOT_READY while it is being made.
 */
export async function requireTimeline(
  inventory: Pick<Inventory, 'operations' | 'timelines'>,
  cluster: Cluster,
): Promise<Timeline> {
  requirePolicy(cluster);
  const timeline = await inventory.timelines.current(cluster.id);
  if (timeline !== null) return timeline;
  const beginning = await beginningOf(inventory, cluster);
  if (beginning) throw new HoldfastError('CLUSTER_BUSY', { operation: beginning.id });
  throw new HoldfastError('CLUSTER_NOT_READY', { name: cluster.name, state: cluster.status.state });
}

/** The operation that gives it backups now: its stores and hosts can be asked for nothing before that has ended. */
export async function beginningOf(
  inventory: Pick<Tables, 'operations'>,
  cluster: Pick<Cluster, 'id' | 'projectId'>,
): Promise<OperationSummary | undefined> {
  const working = await operationAt(inventory, cluster, 'cluster');
  return working?.kind === 'begin-backups' ? working : undefined;
}

/** The operation that works on the cluster in that lane now; undefined when none does. */
export async function operationAt(
  { operations }: Pick<Tables, 'operations'>,
  { id, projectId }: Pick<Cluster, 'id' | 'projectId'>,
  lane: Lane,
): Promise<OperationSummary | undefined> {
  const unfinished = await operations.list(projectId, { limit: LANES.length, clusterId: id, unfinished: true });
  return unfinished.find(({ kind }) => laneOf(kind) === lane);
}

/** What a backup or a dump of the cluster has to wait for: another one of its lane, or what none of them runs beside. */
export async function inTheWayOf(
  inventory: Pick<Tables, 'operations'>,
  cluster: Pick<Cluster, 'id' | 'projectId'>,
  lane: 'backup' | 'dump',
): Promise<OperationSummary | undefined> {
  const other = await operationAt(inventory, cluster, lane);
  if (other) return other;
  const working = await operationAt(inventory, cluster, 'cluster');
  return working && [...ENDS_BACKUPS, ...EXCLUDES_BACKUPS].includes(working.kind) ? working : undefined;
}
