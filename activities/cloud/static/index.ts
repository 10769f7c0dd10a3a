import { setTimeout as sleep } from 'node:timers/promises';
import type { SocketAddress } from '../../../domain/clusters';
import type { HostNeeds, RegisteredHost } from '../../../domain/hosts';
import { HoldfastError } from '../../../domain/errors';
import { isId } from '../../../domain/ids';
import type { ProjectId } from '../../../domain/ids';
import { sh } from '../../host/shell';
import type { SshPool } from '../../host/ssh-pool';
import type { AddressClaim, FloatingAddressTable, HostClaim, HostTable } from '../../inventory/host-tables';
import type {
  Cloud,
  CloudHost,
  CloudTraits,
  Enforcement,
  HostSpec,
  MachinePool,
  PreferredNetwork,
  Resource,
  Tags,
} from '../cloud';
import { networkOf } from './addresses';
import { acceptsConnections } from './answers';
import type { FenceCommand } from './fence-command';
import type { Inspector } from './preflight';
import { findObstacles, look } from './preflight';
import { MARKER_FILE } from './inspect';

/**
 * Machines that the user has. This cloud makes none: it says which machine is whose, looks at them, and gives them back.
 * What is installed on them is the business of activities/software.
 */

export interface StaticCloudOptions {
  readonly hosts: HostTable;
  readonly addresses: FloatingAddressTable;
  readonly ssh: SshPool;
  /** /etc/machine-id of the control plane: it is never a host. */
  readonly ownMachineId: string | null;
  /** How machines are switched off and on; null: nobody but their owner can. */
  readonly fence: FenceCommand | null;
  /** True when something accepts connections where sshd should be. Default: a connection tells. */
  readonly answers?: (at: SocketAddress) => Promise<boolean>;
}

/** Tags that this cloud reads: whose machines may be taken, and for which cluster. */
const PROJECT_TAG = 'holdfast.project';
const CLUSTER_TAG = 'holdfast.cluster';

const POWER_OFF_MS = 90_000;

export function createStaticCloud(options: StaticCloudOptions): Cloud {
  const { hosts, addresses } = options;
  return {
    name: 'static',
    fences: options.fence !== null,
    machines: machinePool(options),
    describe: (within) => describe(options, within),
    createNetwork: async ({ token, tags, preferred }) => {
      const floating = await addresses.claim(addressClaim(token, tags, preferred));
      const facts = (await hosts.listClaims(ownTags(tags)))
        .map(({ machine }) => machine.facts)
        .find((known) => known !== null);
      if (!facts) throw refused('use the network', 'no machine of the cluster was looked at yet');
      const cidr = floating ? networkOf(floating) : `${facts.privateAddress}/32`;
      return { token, cidr, controlAddress: facts.controlAddress };
    },
    deleteNetwork: (token) => addresses.release(token),
    reserveAddress: async (token) => (await addresses.ofNetwork(token))?.address ?? null,
    createHost: (spec) => createHost(options, spec),
    deleteHost: (token) => hosts.release(token),
    findHost: async (token) => {
      const claim = await hosts.findClaim(token);
      return claim && cloudHost(claim, await answers(options, claim.machine));
    },
    powerOff: async (token) => powerOff(options, await requireClaim(hosts, token)),
    powerOn: async (token) => {
      const { machine } = await requireClaim(hosts, token);
      if (options.fence) return options.fence.on(machine);
      if (await answers(options, machine)) return;
      throw refused('power on a machine', `nobody but you can switch ${machine.name} on`);
    },
    listByTags: (tags) => listByTags(options, tags),
  };
}

function machinePool(options: StaticCloudOptions): MachinePool {
  const { hosts, addresses } = options;
  const inspector: Inspector = {
    hosts,
    connect: (host) => options.ssh.host({ label: host.name, ssh: host.ssh, hostKey: host.hostKey }),
    ownMachineId: options.ownMachineId,
  };
  return {
    async reserve({ step, tags, networkToken, wanted, preferred }) {
      const owner = ownerOf(tags);
      const claims = await hosts.claim({ ...owner, tags, wanted, step });
      await addresses.claim(addressClaim(networkToken, tags, preferred));
      return claims.map(({ token, machine }) => ({ token, failureDomain: machine.zone }));
    },
    async preflight(tags) {
      const [claims, [floating]] = await Promise.all([
        hosts.listClaims(ownTags(tags)),
        addresses.listByTags(ownTags(tags)),
      ]);
      return findObstacles(inspector, claims, floating ?? null);
    },
    async check(host) {
      const roles = ['data', 'gateway'] as const;
      return (await look(inspector, host, { ...host.size, roles })).checks;
    },
  };
}

async function describe({ hosts, addresses }: StaticCloudOptions, within: Tags | undefined): Promise<CloudTraits> {
  const cannot = (reason: string): Enforcement => ({ enforced: false, reason });
  const { projectId, cluster } = ownerOf(within ?? {});
  const [machines, known] = await Promise.all([hosts.list(projectId), addresses.list(projectId)]);
  const usable = <T extends { readonly cluster: string | null }>(all: readonly T[]): T[] =>
    all.filter((one) => one.cluster === null || one.cluster === cluster);
  const zones = [...new Set(usable(machines).map(({ zone }) => zone))].sort();
  return {
    failureDomains: zones.length > 0 ? zones : ['none'],
    volumeSize: cannot("The data lies on the machines' own disks: it can grow past the size of the plan."),
    resourceLimits: cannot('The machines are their owner’s: PostgreSQL may use all of their memory and CPU.'),
    floatingAddress:
      usable(known).length > 0
        ? { enforced: true }
        : cannot('No floating address is registered: clients name both gateways (holdfast address add).'),
  };
}

async function createHost({ hosts }: StaticCloudOptions, spec: HostSpec): Promise<CloudHost> {
  const { token, tags, memoryBytes, cpus, volumeBytes } = spec;
  const role = volumeBytes === null ? 'gateway' : 'data';
  const needs: HostNeeds = { role, memoryBytes, cpus, storageBytes: volumeBytes ?? 0 };
  await hosts.claim({ ...ownerOf(tags), tags, wanted: [{ token, needs }] });
  const claim = await requireClaim(hosts, token);
  const host = cloudHost(claim, true);
  const publicPorts = spec.publicPorts.map((port) => [port, { host: host.ssh.host, port }] as const);
  return { ...host, publicPorts: Object.fromEntries(publicPorts) };
}

function cloudHost({ token, machine }: HostClaim, running: boolean): CloudHost {
  return {
    id: machine.id,
    token,
    failureDomain: machine.zone,
    running,
    privateAddress: machine.facts?.privateAddress ?? machine.ssh.host,
    ssh: machine.ssh,
    hostKey: machine.hostKey,
    publicPorts: {},
  };
}

/** Without a fence command there is no other way to know that a machine is off than that it was told so and falls silent. */
async function powerOff(options: StaticCloudOptions, { machine }: HostClaim): Promise<void> {
  if (options.fence) return fence(options, options.fence, machine);
  if (!(await answers(options, machine))) throw refused('power off a machine', `${machine.name} does not answer`);
  const host = options.ssh.host({ label: machine.name, ssh: machine.ssh, hostKey: machine.hostKey });
  await host.run(sh`systemctl --no-block poweroff`, { title: 'power off' });
  const deadline = Date.now() + POWER_OFF_MS;
  while (await answers(options, machine)) {
    if (Date.now() > deadline) throw refused('power off a machine', `${machine.name} still answers`);
    await sleep(500);
  }
}

/** A command that says so of a machine that still takes connections has switched off another one, or none. */
async function fence(options: StaticCloudOptions, command: FenceCommand, machine: RegisteredHost): Promise<void> {
  await command.off(machine);
  if (!(await answers(options, machine))) return;
  const detail = `${machine.name} still answers, though the fence command says that it is off`;
  throw new HoldfastError('CLOUD_UNAVAILABLE', { cloud: 'static', detail });
}

/** What is still held, and machines that were given back but still have software on them, as far as they answer. */
async function listByTags(options: StaticCloudOptions, tags: Tags): Promise<Resource[]> {
  const { hosts, addresses } = options;
  const [claims, held] = await Promise.all([hosts.listClaims(tags), addresses.listByTags(tags)]);
  const cluster = tags[CLUSTER_TAG];
  const before = cluster === undefined ? [] : await hosts.listLastHeldBy(cluster);
  const marked = await Promise.all(
    before.map(async (host) => ((await hasMarker(options, host, cluster)) ? host : null)),
  );
  return [
    ...claims.map(({ token }): Resource => ({ kind: 'host', id: token })),
    ...held.map(({ address }): Resource => ({ kind: 'address', id: address })),
    ...marked.flatMap((host): Resource[] => (host ? [{ kind: 'file', id: `${host.name}:${MARKER_FILE}` }] : [])),
  ];
}

async function hasMarker(options: StaticCloudOptions, machine: RegisteredHost, cluster = ''): Promise<boolean> {
  if (!(await answers(options, machine))) return false;
  const host = options.ssh.host({ label: machine.name, ssh: machine.ssh, hostKey: machine.hostKey });
  const marker = await host.run(sh`cat ${MARKER_FILE} 2>/dev/null || true`, { title: 'look for what is left' });
  return marker.trim() === cluster;
}

const answers = (
  { answers: ask = acceptsConnections }: StaticCloudOptions,
  { ssh }: RegisteredHost,
): Promise<boolean> => ask(ssh);

async function requireClaim(hosts: HostTable, token: string): Promise<HostClaim> {
  const claim = await hosts.findClaim(token);
  if (!claim) throw new HoldfastError('NOT_FOUND', { kind: 'host', ref: token });
  return claim;
}

interface Owner {
  readonly projectId: ProjectId;
  readonly cluster: string;
}

function ownerOf(tags: Tags): Owner {
  const projectId = tags[PROJECT_TAG] ?? '';
  if (!isId('prj', projectId)) throw refused('choose machines', `the tag ${PROJECT_TAG} names no project`);
  return { projectId, cluster: tags[CLUSTER_TAG] ?? '' };
}

/** What finds all that belongs to the same cluster. */
const ownTags = (tags: Tags): Tags => ({ [CLUSTER_TAG]: tags[CLUSTER_TAG] ?? '' });

const addressClaim = (network: string, tags: Tags, preferred?: PreferredNetwork): AddressClaim => ({
  ...ownerOf(tags),
  network,
  tags,
  preferred: preferred?.floatingAddress ?? null,
});

const refused = (verb: string, detail: string): HoldfastError =>
  new HoldfastError('CLOUD_REFUSED', { cloud: 'static', verb, detail });
