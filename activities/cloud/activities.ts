import type { Cluster, StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { GATEWAY_SIZE } from '../../domain/plans';
import { allNodes, dataNodesShareDomain, placeNodes } from '../../domain/topology';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { secretRef, viewCluster } from '../fleet';
import { GATEWAY_PORTS } from '../gateway/ports';
import { makeHostKey } from '../secrets/ssh-keys';
import type { Enforcement, HostSpec, Tags } from './cloud';

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
    async placeNodes(at) {
      const { cluster, plan, cloud } = await view(at);
      const traits = await cloud.describe();
      const nodes = allNodes(plan.topology);
      const places = placeNodes(nodes, traits.failureDomains, cluster.id);
      await fleet.inventory.nodes.place(at, nodes.map((node) => ({ ...node, failureDomain: places.get(node.name) ?? '' })));

      const share = dataNodesShareDomain(nodes, places);
      await fleet.inventory.clusters.setCondition(at, {
        type: 'FailureDomainsSeparate',
        status: !share,
        reason: share ? 'NotEnoughDomains' : 'Separate',
        message: share
          ? `The cloud has ${traits.failureDomains.length} failure domain(s): data nodes share one, and its loss may stop the cluster.`
          : 'No two data nodes share a failure domain.',
      });
      await fleet.inventory.clusters.setCondition(at, { type: 'StorageSizeEnforced', ...enforcement(traits.volumeSize, 'The volumes have the size of the plan.') });
      await fleet.inventory.clusters.setCondition(at, { type: 'ResourceLimitsEnforced', ...enforcement(traits.resourceLimits, 'Memory and CPU of the plan are limits.') });
      await fleet.inventory.clusters.setCondition(at, { type: 'EndpointAddressFloats', ...enforcement(traits.floatingAddress, 'The address of the endpoint moves to a gateway that works.') });
    },

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
      if (residue.length > 0) throw new HoldfastError('RESIDUE_FOUND', { resources: residue.map(({ kind, id }) => `${kind} ${id}`).join(', ') });
    },
  };
}

async function hostSpec(fleet: Fleet, { cluster, plan, nodes }: ClusterView, name: NodeName, tags: Tags): Promise<HostSpec> {
  const node = nodes.find((candidate) => candidate.name === name);
  if (!node) throw new HoldfastError('NOT_FOUND', { kind: 'node', ref: name });
  const data = node.role === 'data';
  const size = data ? plan : GATEWAY_SIZE;
  const hostKey = await fleet.secrets.ensure(secretRef(cluster, `ssh-host-key/${name}`), () => JSON.stringify(makeHostKey()));
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

function parseHostKey(json: string): HostSpec['hostKey'] {
  const key: unknown = JSON.parse(json);
  const isKey = (value: unknown): value is HostSpec['hostKey'] =>
    typeof value === 'object' && value !== null && 'privatePem' in value && 'publicLine' in value;
  if (!isKey(key)) throw new HoldfastError('SECRET_UNREADABLE', { name: 'ssh-host-key' });
  return key;
}

function enforcement(trait: Enforcement, whenEnforced: string): { status: boolean; reason: string; message: string } {
  return trait.enforced
    ? { status: true, reason: 'Enforced', message: whenEnforced }
    : { status: false, reason: 'CloudCannot', message: trait.reason };
}

const networkToken = (cluster: Cluster): string => `${cluster.id}/network`;
const hostToken = (cluster: Cluster, node: NodeName): string => `${cluster.id}/${node}`;
