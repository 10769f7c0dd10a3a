import type { Cluster, Condition, StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { addressInWords } from '../../domain/endpoint-words';
import { HoldfastError } from '../../domain/errors';
import type { HostNeeds } from '../../domain/hosts';
import { GATEWAY_SIZE } from '../../domain/plans';
import type { Plan } from '../../domain/plans';
import { allNodes, dataNodesShareDomain, placeNodes } from '../../domain/topology';
import type { NodeName, NodePlan } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { isReachable, secretRef, viewCluster } from '../fleet';
import { GATEWAY_PORTS } from '../gateway/ports';
import { makeHostKey } from '../secrets/ssh-keys';
import { parseHostKey, SECRET_NAMES } from '../secrets/stored-secrets';
import type { ClusterNetwork } from '../inventory/inventory';
import { removeSoftware } from '../software/remove';
import type { CloudTraits, Enforcement, HostSpec, ReservedHost, Resource } from './cloud';
import { clusterTag, hostToken, networkToken, tagsOf } from './tokens';

/** Hosts and networks of a cluster. All are idempotent by the tokens that derive from cluster and node. */
export interface CloudActivities {
  /**
   * Chooses a failure domain for each node and says as conditions what this cloud cannot hold to.
   * Where machines are not made but had, they are reserved. Idempotent: nodes that have a place keep it. Retry: `remote`.
   * Effects: rows of the inventory. Undo: {@link CloudActivities.releasePlaces}, forgetCluster.
   */
  placeNodes(at: StepRef): Promise<void>;
  /** Gives back what placeNodes reserved; hosts that were created are deleted before. Idempotent. Retry: `remote`. */
  releasePlaces(at: StepRef): Promise<void>;
  /** Idempotency: the network's token. Retry: `remote`. Effects: network, floating address. Undo: {@link CloudActivities.deleteNetwork}. */
  createNetwork(at: StepRef): Promise<void>;
  deleteNetwork(at: StepRef): Promise<void>;
  /** Idempotency: the host's token. Retry: `remote`. Effects: host with volume, its row. Undo: {@link CloudActivities.deleteHost}. */
  createHost(at: StepRef, node: NodeName): Promise<void>;
  /** Also takes the software off a machine that is not the cloud's to throw away, as a host job. Retry: `long`. */
  deleteHost(at: StepRef, node: NodeName): Promise<void>;
  /**
   * Looks for what the cloud still has of the cluster, and deletes it again. Idempotent. Retry: `remote`.
   * @throws RESIDUE_FOUND while something is left.
   */
  checkResidue(at: StepRef): Promise<void>;
}

export function createCloudActivities(fleet: Fleet): CloudActivities {
  const view = (at: StepRef): Promise<ClusterView> => viewCluster(fleet, at.clusterId);
  return {
    placeNodes: async (at) => placeNodesOf(fleet, at, await view(at)),

    async releasePlaces(at) {
      const seen = await view(at);
      if (seen.cloud.machines) await deleteAll(seen);
    },

    createNetwork: async (at) => createNetwork(fleet, at, await view(at)),

    async deleteNetwork(at) {
      const { cluster, cloud } = await view(at);
      await cloud.deleteNetwork(networkToken(cluster));
    },

    createHost: async (at, name) => createHost(fleet, at, await view(at), name),

    async deleteHost(at, name) {
      const seen = await view(at);
      const token = hostToken(seen.cluster, name);
      // A machine that its owner has forgotten by force is dead for good.
      if (seen.cloud.machines && (await seen.cloud.findHost(token))) await removeSoftware(fleet, at, seen, name);
      await seen.cloud.deleteHost(token);
    },

    async checkResidue(at) {
      const seen = await view(at);
      const left = (): Promise<Resource[]> => seen.cloud.listByTags(clusterTag(seen.cluster));
      let residue = await left();
      if (residue.length > 0 && !seen.cloud.machines) {
        // A call that came late, of a worker that was thought dead, may have made it after it had been deleted.
        await deleteAll(seen);
        residue = await left();
      }
      if (residue.length === 0) return;
      const resources = residue.map(({ kind, id }) => `${kind} ${id}`).join(', ');
      throw new HoldfastError('RESIDUE_FOUND', { resources });
    },
  };
}

async function deleteAll({ cluster, cloud, plan }: ClusterView): Promise<void> {
  await each(allNodes(plan.topology), ({ name }) => cloud.deleteHost(hostToken(cluster, name)));
  await cloud.deleteNetwork(networkToken(cluster));
}

async function createNetwork(fleet: Fleet, at: StepRef, { cluster, cloud, network: own }: ClusterView): Promise<void> {
  const former = await formerNetwork(fleet, cluster);
  const preferred = own ?? former;
  const wanted = { token: networkToken(cluster), tags: tagsOf(cluster) };
  const network = await cloud.createNetwork({ ...wanted, ...(preferred && { preferred }) });
  const floatingAddress = await cloud.reserveAddress(network.token);
  const record = fleet.inventory.clusters.setNetwork(at, { ...network, floatingAddress });
  await recordOrTakeBack(fleet, at, record, () => cloud.deleteNetwork(network.token));
  if (!former) return;
  const told = addressInWords(former.floatingAddress, floatingAddress);
  await fleet.inventory.operations.recordProgress(at.operationId, at.stepId, told);
}

/** See CloudActivities.createHost. */
export async function createHost(fleet: Fleet, at: StepRef, seen: ClusterView, name: NodeName): Promise<void> {
  const spec = await hostSpec(fleet, seen, name);
  const host = await seen.cloud.createHost(spec);
  const record = fleet.inventory.nodes.recordHost(at, name, {
    failureDomain: host.failureDomain,
    hostId: host.id,
    privateAddress: host.privateAddress,
    ssh: host.ssh,
    hostKey: host.hostKey ?? spec.hostKey.publicLine,
    publicPorts: host.publicPorts,
  });
  await recordOrTakeBack(fleet, at, record, () => seen.cloud.deleteHost(spec.token));
}

/**
 * A step that was overtaken while the cloud worked may have made something behind the back of the deletion: nobody else
 * would remove it. The resource of a cluster that lives is left alone: the newer operation may use it.
 */
async function recordOrTakeBack(
  fleet: Fleet,
  at: StepRef,
  record: Promise<void>,
  takeBack: () => Promise<void>,
): Promise<void> {
  try {
    await record;
  } catch (error) {
    const overtaken = error instanceof HoldfastError && error.code === 'STALE_GENERATION';
    const state = overtaken && (await fleet.inventory.clusters.get(at.clusterId))?.status.state;
    if (state === 'deleting' || state === 'deleted') await takeBack();
    throw error;
  }
}

/** Of the cluster whose place this one takes; null where it takes none. */
function formerNetwork({ inventory }: Fleet, { origin }: Cluster): Promise<ClusterNetwork | null> {
  return origin?.undeletes ? inventory.clusters.getNetwork(origin.clusterId) : Promise.resolve(null);
}

async function placeNodesOf(fleet: Fleet, at: StepRef, { cluster, plan, cloud }: ClusterView): Promise<void> {
  const traits = await cloud.describe(tagsOf(cluster));
  const nodes = allNodes(plan.topology);
  const former = await formerNetwork(fleet, cluster);
  const reserved = await cloud.machines?.reserve({
    ...(former && { preferred: former }),
    step: at,
    tags: tagsOf(cluster),
    networkToken: networkToken(cluster),
    wanted: nodes.map((node) => ({ token: hostToken(cluster, node.name), needs: needsOf(node, plan, cluster) })),
  });
  const places = reserved
    ? new Map(nodes.map(({ name }) => [name, domainOf(reserved, hostToken(cluster, name))]))
    : placeNodes(nodes, traits.failureDomains, cluster.id);
  await fleet.inventory.nodes.place(
    at,
    nodes.map((node) => ({ ...node, failureDomain: places.get(node.name) ?? '' })),
  );

  // Nodes keep the place that an earlier try gave them, whatever the cloud has by now.
  const placed = await fleet.inventory.nodes.list(cluster.id);
  const domains = new Map(placed.map(({ name, failureDomain }) => [name, failureDomain]));
  const conditions = [spread(traits, dataNodesShareDomain(placed, domains)), ...enforcements(traits)];
  for (const condition of conditions) await fleet.inventory.clusters.setCondition(at, condition);
}

const domainOf = (reserved: readonly ReservedHost[], token: string): string =>
  reserved.find((host) => host.token === token)?.failureDomain ?? '';

function needsOf({ role }: NodePlan, plan: Plan, cluster: Cluster): HostNeeds {
  const { memoryBytes, cpus } = role === 'data' ? plan : GATEWAY_SIZE;
  return { role, memoryBytes, cpus, storageBytes: role === 'data' ? cluster.spec.storageBytes : 0 };
}

async function hostSpec(fleet: Fleet, { cluster, plan, nodes }: ClusterView, name: NodeName): Promise<HostSpec> {
  const node = nodes.find((candidate) => candidate.name === name);
  if (!node) throw new HoldfastError('NOT_FOUND', { kind: 'node', ref: name });
  const data = node.role === 'data';
  const size = data ? plan : GATEWAY_SIZE;
  const hostKey = await fleet.secrets.ensure(secretRef(cluster, SECRET_NAMES.hostKey(name)), () =>
    JSON.stringify(makeHostKey()),
  );
  return {
    token: hostToken(cluster, name),
    tags: tagsOf(cluster),
    networkToken: networkToken(cluster),
    hostname: `${name}.${cluster.name}`,
    failureDomain: node.failureDomain,
    memoryBytes: size.memoryBytes,
    cpus: size.cpus,
    volumeBytes: data ? cluster.spec.storageBytes : null,
    publicPorts: data ? [] : Object.values(GATEWAY_PORTS),
    hostKey: parseHostKey(hostKey),
    authorizedKey: fleet.controlPublicKey,
    ...(isReachable(node) && { former: node }),
  };
}

type NewCondition = Omit<Condition, 'since'>;

function spread({ failureDomains }: CloudTraits, shared: boolean): NewCondition {
  return {
    type: 'FailureDomainsSeparate',
    status: !shared,
    reason: shared ? 'NotEnoughDomains' : 'Separate',
    message: shared
      ? `The cloud has ${failureDomains.length} failure domain(s): data nodes share one, and its loss may stop the cluster.`
      : 'No two data nodes share a failure domain.',
  };
}

/** What the cloud holds to and what it cannot, each a condition: a plan's promise is never broken in silence. */
function enforcements(traits: CloudTraits): NewCondition[] {
  const condition = (type: Condition['type'], trait: Enforcement, whenEnforced: string): NewCondition =>
    trait.enforced
      ? { type, status: true, reason: 'Enforced', message: whenEnforced }
      : { type, status: false, reason: 'CloudCannot', message: trait.reason };
  return [
    condition('StorageSizeEnforced', traits.volumeSize, 'The volumes have the size of the plan.'),
    condition('ResourceLimitsEnforced', traits.resourceLimits, 'Memory and CPU of the plan are limits.'),
    condition('EndpointAddressFloats', traits.floatingAddress, 'The endpoint moves to a gateway that works.'),
  ];
}
