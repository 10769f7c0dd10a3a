import type Docker from 'dockerode';
import type { Network, NetworkSpec } from '../cloud';
import { ask, askUnless, full, refused, troubleOf } from './errors';
import { LABEL, labelFilter, labelsOf, objectName } from './names';
import type { DockerCloudOptions } from './options';
import { floatingAddress, freeSubnets, machineSubnets } from './subnets';
import type { Subnet } from './subnets';

/** A private network: a bridge of its own, which Docker lets no other bridge reach. */
export interface FoundNetwork extends Network {
  readonly id: string;
}

export async function createNetwork(options: DockerCloudOptions, spec: NetworkSpec): Promise<FoundNetwork> {
  const used = await usedSubnets(options.docker);
  for (const subnet of freeSubnets(options.installId + spec.token, used, spec.preferred?.cidr)) {
    const found = await findNetwork(options, spec.token);
    if (found) return found;
    try {
      const made = await ask('create the network', options.docker.createNetwork(bridge(options, spec, subnet)));
      await keepOldest(options, spec.token, made.id);
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble !== 'overlap' && trouble !== 'exists') throw error;
    }
  }
  const found = await findNetwork(options, spec.token);
  if (!found) throw full('all subnets for private networks are in use');
  return found;
}

export async function deleteNetwork(options: DockerCloudOptions, token: string): Promise<void> {
  for (const { Id } of await networksOf(options, token)) {
    await askUnless('delete the network', ['absent'], options.docker.getNetwork(Id).remove());
  }
}

async function findNetwork(options: DockerCloudOptions, token: string): Promise<FoundNetwork | null> {
  const [oldest] = await networksOf(options, token);
  const config = oldest?.IPAM?.Config?.[0];
  if (!oldest || !config?.Subnet || !config.Gateway) return null;
  return { id: oldest.Id, token, cidr: config.Subnet, controlAddress: config.Gateway };
}

/** @throws CLOUD_REFUSED when there is no such network. */
export async function requireNetwork(options: DockerCloudOptions, token: string): Promise<FoundNetwork> {
  const network = await findNetwork(options, token);
  if (!network) throw refused('use the network', `there is no network ${token}`);
  return network;
}

/** The network's one address that no host has. Where ports are published on loopback none can float. */
export async function reserveAddress(options: DockerCloudOptions, token: string): Promise<string | null> {
  const { cidr } = await requireNetwork(options, token);
  return options.reach === 'direct' ? floatingAddress(cidr) : null;
}

function bridge(options: DockerCloudOptions, spec: NetworkSpec, subnet: Subnet): Docker.NetworkCreateOptions {
  return {
    Name: objectName(options.installId, spec.token),
    CheckDuplicate: true,
    Driver: 'bridge',
    // Hosts need no way out. But an internal network can't publish ports.
    Internal: options.reach === 'direct',
    IPAM: { Config: [{ Subnet: subnet.cidr, Gateway: subnet.gateway, IPRange: subnet.dynamicRange }] },
    Labels: labelsOf(options, spec.token, spec.tags),
  };
}

/** Docker's check for duplicate names is not atomic: of two made at once, all agree that the older one counts. */
async function keepOldest(options: DockerCloudOptions, token: string, mine: string): Promise<void> {
  const [oldest] = await networksOf(options, token);
  if (oldest && oldest.Id !== mine) {
    await askUnless('delete the network', ['absent'], options.docker.getNetwork(mine).remove());
  }
}

/** Oldest first. */
async function networksOf(
  { docker, installId }: DockerCloudOptions,
  token: string,
): Promise<Docker.NetworkInspectInfo[]> {
  const filters = labelFilter({ [LABEL.install]: installId, [LABEL.token]: token });
  const networks = await ask('list networks', docker.listNetworks({ filters }));
  return networks.sort((a, b) => Date.parse(a.Created) - Date.parse(b.Created) || a.Id.localeCompare(b.Id));
}

async function usedSubnets(docker: Docker): Promise<string[]> {
  const networks = await ask('list networks', docker.listNetworks());
  const ofEngine = networks.flatMap(({ IPAM }) => (IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []));
  return [...ofEngine, ...machineSubnets()];
}
