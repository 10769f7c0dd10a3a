import type { Cluster, ClusterNode, StepRef } from '../domain/clusters';
import { HoldfastError } from '../domain/errors';
import type { ClusterId } from '../domain/ids';
import { findPlan } from '../domain/plans';
import type { Plan } from '../domain/plans';
import type { NodeName } from '../domain/topology';
import type { Cloud } from './cloud/cloud';
import { fencedHost } from './host/fence';
import type { Host } from './host/host';
import { orReplaced } from './host/replaced';
import type { SshTarget } from './host/ssh-connect';
import type { SshPool } from './host/ssh-pool';
import type { ClusterNetwork, Inventory } from './inventory/inventory';
import type { ProveAddress } from './postgres/proof';
import type { BackupSchedules } from './schedules/schedules';
import type { SecretRef, SecretStore } from './secrets/secrets';
import type { Storage } from './storage/storage';

/** What activities work with: inventory, secrets, clouds, hosts and object stores, and a cluster as all of them see it. */
export interface Fleet {
  readonly inventory: Inventory;
  readonly secrets: SecretStore;
  readonly clouds: Readonly<Record<Cluster['spec']['cloud'], Cloud>>;
  readonly ssh: SshPool;
  /** The same hosts for the watch: over connections of its own, which are given up after two silent seconds. */
  readonly watchSsh: SshPool;
  readonly storage: Storage;
  readonly schedules: BackupSchedules;
  /** Uses an endpoint as its users do. */
  readonly proveAddress: ProveAddress;
  /** Tags everything that this installation makes in a cloud. */
  readonly installId: string;
  /** The one public key that hosts let in. */
  readonly controlPublicKey: string;
}

/** A cluster as the inventory knows it at this moment. */
export interface ClusterView {
  readonly cluster: Cluster;
  readonly plan: Plan;
  readonly cloud: Cloud;
  readonly nodes: readonly ClusterNode[];
  readonly network: ClusterNetwork | null;
}

/** A node whose host exists. */
export interface ReachableNode extends ClusterNode {
  readonly privateAddress: string;
  readonly ssh: NonNullable<ClusterNode['ssh']>;
  readonly hostKey: string;
}

/** @throws NOT_FOUND when the inventory has no such cluster. */
export async function viewCluster(fleet: Fleet, clusterId: ClusterId): Promise<ClusterView> {
  const [cluster, nodes, network] = await Promise.all([
    fleet.inventory.clusters.get(clusterId),
    fleet.inventory.nodes.list(clusterId),
    fleet.inventory.clusters.getNetwork(clusterId),
  ]);
  const plan = cluster && findPlan(cluster.spec.plan);
  if (!cluster || !plan) throw new HoldfastError('NOT_FOUND', { kind: 'cluster', ref: clusterId });
  return { cluster, plan, cloud: fleet.clouds[cluster.spec.cloud], nodes, network };
}

/** @throws NOT_FOUND when the cluster has no such node, NOT_YET when its host was not made. */
export function reachableNode(view: ClusterView, name: NodeName): ReachableNode {
  const node = view.nodes.find((candidate) => candidate.name === name);
  if (!node) throw new HoldfastError('NOT_FOUND', { kind: 'node', ref: name });
  if (!isReachable(node)) throw new HoldfastError('NOT_YET', { what: `The host of ${name} does not exist yet.` });
  return node;
}

/** How many processes of one job work at a time on a node: one for each processor, and two where it has less than that. */
export const processesOn = ({ plan }: Pick<ClusterView, 'plan'>): number => Math.max(2, Math.floor(plan.cpus));

export function dataNodesOf(view: ClusterView): ReachableNode[] {
  return view.nodes.filter((node) => node.role === 'data').map((node) => reachableNode(view, node.name));
}

/** Those beside the one with this name. */
export const otherDataNodes = (view: ClusterView, name: NodeName): ReachableNode[] =>
  dataNodesOf(view).filter((node) => node.name !== name);

export function gatewaysOf(view: ClusterView): ReachableNode[] {
  return view.nodes.filter((node) => node.role === 'gateway').map((node) => reachableNode(view, node.name));
}

/** The data node that has the same machine as this gateway, where users have fewer machines than nodes; else null. */
export function dataNodeBeside(view: Pick<ClusterView, 'nodes'>, node: ClusterNode): ClusterNode | null {
  if (node.role !== 'gateway' || node.hostId === null) return null;
  return view.nodes.find((other) => other.role === 'data' && other.hostId === node.hostId) ?? null;
}

/**
 * For looking only; what changes a host goes through {@link openNode} or {@link fencedHostOf}. One that has been replaced since
 * the cluster was looked at is away: whoever tries again finds the fresh one.
 */
export function hostOf(fleet: Pick<Fleet, 'ssh' | 'inventory'>, view: ClusterView, node: ReachableNode): Host {
  return orReplaced(fleet.ssh.host(targetOf(view, node)), async () => {
    const nodes = await fleet.inventory.nodes.list(view.cluster.id);
    return nodes.every(({ hostKey }) => hostKey !== node.hostKey);
  });
}

/** How a node is connected to. */
export function targetOf({ cluster }: ClusterView, { name, ssh, hostKey }: ReachableNode): SshTarget {
  return { label: `${cluster.name}/${name}`, ssh, hostKey };
}

/** As {@link hostOf}, for those who decide within seconds: nothing there waits for a host that went away. */
export function watchedHostOf({ watchSsh }: Pick<Fleet, 'watchSsh'>, view: ClusterView, node: ReachableNode): Host {
  return watchSsh.host(targetOf(view, node));
}

/** The host as the step may change it: it refuses the step once a newer operation has worked there. */
export function fencedHostOf(fleet: Fleet, at: StepRef, view: ClusterView, node: ReachableNode): Host {
  return fencedHost(hostOf(fleet, view, node), at);
}

/** What an activity that works on one node needs; its host is fenced. */
export interface OpenNode {
  readonly view: ClusterView;
  readonly node: ReachableNode;
  readonly host: Host;
}

/** @throws as {@link reachableNode}. */
export async function openNode(fleet: Fleet, at: StepRef, name: NodeName): Promise<OpenNode> {
  return openNodeOf(fleet, at, await viewCluster(fleet, at.clusterId), name);
}

/** As {@link openNode}, of a cluster that was looked at already. */
export function openNodeOf(fleet: Fleet, at: StepRef, view: ClusterView, name: NodeName): OpenNode {
  const node = reachableNode(view, name);
  return { view, node, host: fencedHostOf(fleet, at, view, node) };
}

export function secretRef(cluster: Pick<Cluster, 'id' | 'projectId'>, name: string): SecretRef {
  return { projectId: cluster.projectId, clusterId: cluster.id, name };
}

/** Its host was made. */
export function isReachable(node: ClusterNode): node is ReachableNode {
  return node.privateAddress !== null && node.ssh !== null && node.hostKey !== null;
}
