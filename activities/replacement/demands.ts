import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { isMajority } from '../../domain/heartbeats';
import { hostToken } from '../cloud/tokens';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, hostOf } from '../fleet';
import { sh } from '../host/shell';
import { ETCDCTL } from '../patroni/keys';
import { lackOfCopies } from '../postgres/copies';
import { findPrimary, runSql } from '../postgres/psql';
import { sql } from '../postgres/sql';
import { askOthersFor } from '../watch/witnesses';

/** What must be so before a node is given up. */

/** A machine that has other work, or does not answer, cannot be given back: its owner has to forget it. @throws CLOUD_REFUSED. */
export async function demandReplaceable({ cluster, cloud, nodes }: ClusterView, node: ReachableNode): Promise<void> {
  const machine = cloud.machines && (await cloud.findHost(hostToken(cluster, node.name)));
  if (!machine) return;
  const beside = nodes.find(({ name, hostId }) => name !== node.name && hostId === node.hostId);
  const trouble = beside ? `its machine is that of ${beside.name}, too` : 'its machine does not answer';
  if (machine.running && !beside) return;
  const detail = `${trouble}: forget it first (holdfast host remove NAME --force)`;
  throw new HoldfastError('CLOUD_REFUSED', { cloud: cloud.name, verb: `replace ${node.name}`, detail });
}

/** Of a gateway none is needed. @throws NO_QUORUM_LEFT unless the data nodes that stay are a majority of all, and work. */
export async function demandOthers(fleet: Fleet, view: ClusterView, node: ReachableNode): Promise<void> {
  if (node.role === 'gateway') return;
  const all = dataNodesOf(view);
  const others = all.filter(({ name }) => name !== node.name);
  const troubles = await Promise.all(others.map((other) => troubleOf(fleet, view, other)));
  const found = troubles.filter((trouble) => trouble !== null);
  if (isMajority(others.length - found.length, all.length)) return;
  const detail = found.join('; ') || 'it is the only one';
  throw new HoldfastError('NO_QUORUM_LEFT', { node: node.name, name: view.cluster.name, detail });
}

/** @throws NO_QUORUM_LEFT unless the other data nodes have what it has: see {@link lackOfCopies}. @returns the primary, which it may be. */
export async function demandSpare(fleet: Fleet, view: ClusterView, { name }: ReachableNode): Promise<ReachableNode> {
  const primary = await findPrimary(fleet, view);
  const detail = await lackOfCopies(fleet, view, primary, name);
  if (detail === null) return primary;
  throw new HoldfastError('NO_QUORUM_LEFT', { node: name, name: view.cluster.name, detail });
}

/**
 * What the autopilot has ordered is for a node that answers nobody, also after the order has waited.
 * @throws NODE_BACK; NOT_YET while too few of the others tell.
 */
export async function demandAway(fleet: Fleet, at: StepRef, view: ClusterView, { name }: ReachableNode): Promise<void> {
  const operation = await fleet.inventory.operations.get(at.operationId);
  if (operation?.cause !== 'autopilot') return;
  const host = await view.cloud.findHost(hostToken(view.cluster, name));
  const said = host?.running ? await askOthersFor(fleet, view, name) : 'silent';
  if (said === 'answers') throw new HoldfastError('NODE_BACK', { node: name, name: view.cluster.name });
  if (said === 'unknown')
    throw new HoldfastError('NOT_YET', { what: `The other nodes do not tell whether ${name} answers them.` });
}

/** Its member of etcd agrees with a majority, and its PostgreSQL answers. @returns null where both are so. */
async function troubleOf(fleet: Fleet, view: ClusterView, node: ReachableNode): Promise<string | null> {
  const host = hostOf(fleet, view, node);
  try {
    await host.run(sh`${ETCDCTL} endpoint health`, { title: 'see that etcd works' });
    await runSql(view, host, 'postgres', sql`SELECT pg_is_in_recovery()`, 'see that PostgreSQL works');
    return null;
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return `${node.name}: ${error.message}`;
  }
}
