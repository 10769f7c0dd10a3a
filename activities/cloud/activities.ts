import type { Cluster, Condition, StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { GATEWAY_SIZE } from '../../domain/plans';
import { allNodes, dataNodesShareDomain, placeNodes } from '../../domain/topology';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { secretRef, viewCluster } from '../fleet';
import { GATEWAY_PORTS } from '../gateway/ports';
import { makeHostKey } from '../secrets/ssh-keys';
import { parseHostKey, SECRET_NAMES } from '../secrets/stored-secrets';
import type { CloudTraits, Enforcement, HostSpec, Tags } from './cloud';

/** Hosts and networks of a cluster. All are idempotent by the tokens that derive from cluster and node. */
export interface CloudActivities {
  /**
   * Chooses a failure domain for each node and says as conditions what this cloud cannot hold to.
   * Idempotent: nodes that have a place keep it. Retry: `remote`. Effects: rows of the inventory. Undo: forgetCluster.
   */
  placeNodes(at: StepRef): Promise<void>;
  /** Idempotency: the network's token. Retry: `remote`. Effects: network, floating address. Undo: {@link CloudActivities.deleteNetwork}. */
  createNetwork(at: StepRef): Promise<void>;
  deleteNetwork(at: StepRef): Promise<void>;
  /** Idempotency: the host's token. Retry: `remote`. Effects: host with volume, its row. Undo: {@link CloudActivities.deleteHost}. */
  createHost(at: StepRef, node: NodeName): Promise<void>;
  deleteHost(at: StepRef, node: NodeName): Promise<void>;
  /** Looks, changes nothing. Retry: `remote`. @throws RESIDUE_FOUND while the cloud still has something of the cluster. */
  checkResidue(at: StepRef): Promise<void>;
}

export function createCloudActivities(fleet: Fleet): CloudActivities {
  const view = (at: StepRef): Promise<ClusterView> => viewCluster(fleet, at.clusterId);
  const tags = (cluster: Cluster): Tags => ({ 'holdfast.cluster': cluster.id, 'holdfast.cluster-name': cluster.name });

  return {
    placeNodes: async (at) => placeNodesOf(fleet, at, await view(at)),

    async createNetwork(at) {
      const { cluster, cloud } = await view(at);
      const network = await cloud.createNetwork({ token: networkToken(cluster), tags: tags(cluster) });
      const floatingAddress = await cloud.reserveAddress(network.token);
      await fleet.inventory.clusters.setNetwork(at, { ...network, floatingAddress });
    },

    async deleteNetwork(at) {
      const { cluster, cloud } = await view(at);
      await cloud.deleteNetwork(networkToken(cluster));
    },

    async createHost(at, name) {
      const seen = await view(at);
      const spec = await hostSpec(fleet, seen, name, tags(seen.cluster));
      const host = await seen.cloud.createHost(spec);
      await fleet.inventory.nodes.recordHost(at, name, {
        hostId: host.id,
        privateAddress: host.privateAddress,
        ssh: host.ssh,
        hostKey: spec.hostKey.publicLine,
        publicPorts: host.publicPorts,
      });
    },

    async deleteHost(at, name) {
      const { cluster, cloud } = await view(at);
      await cloud.deleteHost(hostToken(cluster, name));
    },

    async checkResidue(at) {
      const { cluster, cloud } = await view(at);
      const residue = await cloud.listByTags(tags(cluster));
      if (residue.length > 0)
        throw new HoldfastError('RESIDUE_FOUND', {
          resources: residue.map(({ kind, id }) => `${kind} ${id}`).join(', '),
        });
    },
  };
}

async function placeNodesOf(fleet: Fleet, at: StepRef, { cluster, plan, cloud }: ClusterView): Promise<void> {
  const traits = await cloud.describe();
  const nodes = allNodes(plan.topology);
  const places = placeNodes(nodes, traits.failureDomains, cluster.id);
  await fleet.inventory.nodes.place(
    at,
    nodes.map((node) => ({ ...node, failureDomain: places.get(node.name) ?? '' })),
  );

  const conditions = [spread(traits, dataNodesShareDomain(nodes, places)), ...enforcements(traits)];
  for (const condition of conditions) await fleet.inventory.clusters.setCondition(at, condition);
}

async function hostSpec(
  fleet: Fleet,
  { cluster, plan, nodes }: ClusterView,
  name: NodeName,
  tags: Tags,
): Promise<HostSpec> {
  const node = nodes.find((candidate) => candidate.name === name);
  if (!node) throw new HoldfastError('NOT_FOUND', { kind: 'node', ref: name });
  const data = node.role === 'data';
  const size = data ? plan : GATEWAY_SIZE;
  const hostKey = await fleet.secrets.ensure(secretRef(cluster, SECRET_NAMES.hostKey(name)), () =>
    JSON.stringify(makeHostKey()),
  );
  return {
    token: hostToken(cluster, name),
    tags,
    networkToken: networkToken(cluster),
    hostname: `${name}.${cluster.name}`,
    failureDomain: node.failureDomain,
    memoryBytes: size.memoryBytes,
    cpus: size.cpus,
    volumeBytes: data ? cluster.spec.storageBytes : null,
    publicPorts: data ? [] : Object.values(GATEWAY_PORTS),
    hostKey: parseHostKey(hostKey),
    authorizedKey: fleet.controlPublicKey,
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

const networkToken = (cluster: Cluster): string => `${cluster.id}/network`;
const hostToken = (cluster: Cluster, node: NodeName): string => `${cluster.id}/${node}`;
