import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  Cloud,
  CloudHost,
  CloudTraits,
  HostSpec,
  NetworkSpec,
  Resource,
  Tags,
} from '../../activities/cloud/cloud';
import type { CloudName } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { createOnce, moveOnce, readIfThere } from './files';
import { enter, furnish, halt } from './machine';
import type { HostRecord, SimulatedHost, SimulatedNetwork, World } from './world';
import { cloudHost } from './world';

/**
 * A cloud that makes networks and hosts in a {@link World}. What a call does happens at once and stays, also when the
 * caller is killed before the answer comes.
 */

/** Before and after each call's deed: long enough for a caller to be killed in between. */
const LATENCY_MS = 5;
const ADDRESSES_OF_A_NETWORK = 60;
const FIRST_HOST = 10;

const CANNOT = 'a simulated host is a folder on the disk of the test, which it shares with all others';
const TRAITS: CloudTraits = {
  failureDomains: ['here', 'there', 'elsewhere'],
  volumeSize: { enforced: false, reason: CANNOT },
  resourceLimits: { enforced: false, reason: CANNOT },
  floatingAddress: { enforced: true },
};

/** @param firstSubnet blocks of addresses are taken from here on, where those of several worlds must differ; default 0. */
export function createSimulatedCloud(world: World, name: CloudName, firstSubnet = 0): Cloud {
  async function call<T>(deed: () => T): Promise<T> {
    await sleep(LATENCY_MS);
    const answer = deed();
    await sleep(LATENCY_MS);
    return answer;
  }
  const refuse = (verb: string, detail: string): HoldfastError =>
    new HoldfastError('CLOUD_REFUSED', { cloud: name, verb, detail });
  const power = (token: string): SimulatedHost => {
    const host = world.host(token);
    if (!host) throw refuse('switch the power', `there is no host ${token}`);
    return host;
  };

  return {
    name,
    fences: true,
    describe: () => call(() => TRAITS),
    createNetwork: (spec) => call(() => asked(createNetwork(world, spec, firstSubnet))),
    deleteNetwork: (token) =>
      call(() => {
        if (hostsOf(world, token).length > 0) throw refuse('delete a network', 'it has hosts');
        deleteNetwork(world, token);
      }),
    reserveAddress: (token) => call(() => world.network(token)?.floatingAddress ?? null),
    createHost: (spec) =>
      call(() => {
        if (!world.network(spec.networkToken)) throw refuse('create a host', `there is no ${spec.networkToken}`);
        return createHost(world, spec);
      }),
    deleteHost: (token) => call(() => deleteHost(world, token)),
    findHost: (token) =>
      call(() => {
        const host = world.host(token);
        return host && cloudHost(host);
      }),
    powerOff: (token) => call(() => powerOff(world, power(token))),
    powerOn: (token) => call(() => powerOn(world, power(token))),
    listByTags: (tags) => call(() => listByTags(world, tags)),
  };
}

const asked = ({
  token,
  cidr,
  controlAddress,
}: SimulatedNetwork): Omit<SimulatedNetwork, 'tags' | 'floatingAddress'> => ({
  token,
  cidr,
  controlAddress,
});

function createNetwork(world: World, spec: NetworkSpec, firstSubnet: number): SimulatedNetwork {
  const { token, tags, preferred } = spec;
  const known = world.network(token);
  if (known) return known;
  const subnets = join(world.folder, 'subnets');
  const { number, file } = takePreferred(subnets, preferred?.cidr, token) ?? takeNumber(subnets, firstSubnet, token);
  const prefix = `10.${64 + Math.floor(number / 1024)}.${Math.floor(number / 4) % 256}`;
  const at = (n: number): string => `${prefix}.${(number % 4) * 64 + n}`;
  const made: SimulatedNetwork = {
    token,
    tags,
    cidr: `${at(0)}/26`,
    controlAddress: at(1),
    floatingAddress: at(ADDRESSES_OF_A_NETWORK),
  };
  if (createOnce(world.networkFile(token), JSON.stringify(made))) {
    writeFileSync(join(world.wire(token), 'subnet'), file);
    world.happened(token, 'create network');
    return made;
  }
  rmSync(file);
  return createNetwork(world, spec, firstSubnet);
}

/** That of a range that was one of ours, where nobody has it. */
function takePreferred(folder: string, cidr = '', owner: string): { number: number; file: string } | null {
  const [, b, c, d] = /^10\.(\d+)\.(\d+)\.(\d+)\/26$/.exec(cidr) ?? [];
  if (b === undefined) return null;
  const number = (Number(b) - 64) * 1024 + Number(c) * 4 + Number(d) / 64;
  const file = join(folder, String(number));
  return createOnce(file, owner) ? { number, file } : null;
}

function deleteNetwork(world: World, token: string): void {
  const wire = world.wire(token);
  const grave = join(wire, 'deleted');
  if (!moveOnce(world.networkFile(token), grave)) return;
  world.happened(token, 'delete network');
  const subnet = readIfThere(join(wire, 'subnet'));
  for (const path of [subnet, ...readdirSync(wire).map((entry) => join(wire, entry))])
    if (path !== null && basename(path) !== 'effects') rmSync(path, { recursive: true });
}

/** That of the host that it takes the place of: it is kept for it. */
function sameAgain(folder: string, { token, former }: HostSpec, base: number): { number: number; file: string } | null {
  const number = Number(former?.privateAddress.split('.')[3]) - base;
  const file = join(folder, String(number));
  return readIfThere(file) === token ? { number, file } : null;
}

/** The lowest number that nobody has; `file` keeps it taken. */
function takeNumber(folder: string, first: number, owner: string): { number: number; file: string } {
  for (let number = first; ; number++) {
    const file = join(folder, String(number));
    if (createOnce(file, owner)) return { number, file };
  }
}

function createHost(world: World, spec: HostSpec): CloudHost {
  const known = world.host(spec.token);
  if (known) {
    if (!known.running) powerOn(world, known);
    return cloudHost({ ...known, running: true });
  }
  const network = world.network(spec.networkToken);
  const base = Number(network?.controlAddress.split('.')[3]) - 1;
  const addresses = join(world.wire(spec.networkToken), 'addresses');
  const { number, file } = sameAgain(addresses, spec, base) ?? takeNumber(addresses, FIRST_HOST, spec.token);
  const record: HostRecord = {
    id: `sim-${randomBytes(6).toString('hex')}`,
    token: spec.token,
    networkToken: spec.networkToken,
    failureDomain: spec.failureDomain,
    privateAddress: `${network?.controlAddress.replace(/\d+$/, '')}${base + number}`,
    publicPorts: [...spec.publicPorts],
    hostKey: spec.hostKey.publicLine,
    authorizedKey: spec.authorizedKey,
    tags: { ...spec.tags },
  };
  const fresh = join(world.folder, 'staging', record.id);
  mkdirSync(fresh, { recursive: true });
  mkdirSync(dirname(world.hostFolder(spec.token)), { recursive: true });
  writeFileSync(join(fresh, 'host.json'), JSON.stringify(record));
  writeFileSync(join(fresh, 'running'), '');
  furnish(join(fresh, 'root'), {
    hostname: spec.hostname,
    address: record.privateAddress,
    wire: world.wire(spec.networkToken),
  });
  if (moveOnce(fresh, world.hostFolder(spec.token))) {
    world.happened(spec.networkToken, `create host ${nameOf(spec.token)}`);
  } else {
    if (world.host(spec.token)?.privateAddress !== record.privateAddress) rmSync(file);
    rmSync(fresh, { recursive: true });
  }
  return createHost(world, spec);
}

function deleteHost(world: World, token: string): void {
  const host = world.host(token);
  if (!host) return;
  const grave = join(world.folder, 'staging', `${host.id}-deleted`);
  mkdirSync(dirname(grave), { recursive: true });
  if (!moveOnce(host.folder, grave)) return;
  world.happened(host.networkToken, `delete host ${nameOf(token)}`);
  halt(join(grave, 'root'));
  rmSync(grave, { recursive: true, force: true });
  forgetPatroni(world, host);
  forgetMembers(world, host);
}

/** Patroni's word for itself does not outlive it for long. */
function forgetPatroni(world: World, { networkToken, token }: SimulatedHost): void {
  const patroni = join(world.wire(networkToken), 'patroni');
  for (const cluster of existsSync(patroni) ? readdirSync(patroni) : [])
    rmSync(join(patroni, cluster, 'members', nameOf(token)), { force: true });
}

/** What etcd knows is on the disks of its members: with the last of them it is gone. */
function forgetMembers(world: World, { networkToken, token }: SimulatedHost): void {
  const [cluster = ''] = token.split('/');
  if (world.hostTokens().some((other) => other.startsWith(`${cluster}/pg-`))) return;
  for (const part of ['etcd', 'members', 'patroni'])
    rmSync(join(world.wire(networkToken), part, cluster), { recursive: true, force: true });
}

function powerOff(world: World, host: SimulatedHost): void {
  if (!moveOnce(join(host.folder, 'running'), join(host.folder, 'stopped'))) return;
  halt(host.root);
  forgetPatroni(world, host);
  world.happened(host.networkToken, `power off ${nameOf(host.token)}`);
}

/** What is wanted at boot is started; nobody waits for it. */
const BOOT =
  'for unit in /etc/systemd/system/multi-user.target.wants/*.service; do systemctl start "$(basename "$unit")"; done';
const BOOT_S = 60;

function powerOn(world: World, host: SimulatedHost): void {
  if (!moveOnce(join(host.folder, 'stopped'), join(host.folder, 'running'))) return;
  world.happened(host.networkToken, `power on ${nameOf(host.token)}`);
  enter(host.root, BOOT, BOOT_S, {}).unref();
}

function listByTags(world: World, tags: Tags): Resource[] {
  const carries = (of: Tags): boolean => Object.entries(tags).every(([tag, value]) => of[tag] === value);
  const networks = world.networkTokens().map((token) => world.network(token));
  const hosts = world.hostTokens().map((token) => world.host(token));
  return [
    ...networks.flatMap((one) => (one && carries(one.tags) ? [{ kind: 'network', id: one.token } as const] : [])),
    ...hosts.flatMap((one) => (one && carries(one.tags) ? [{ kind: 'host', id: one.id } as const] : [])),
  ];
}

function hostsOf(world: World, networkToken: string): SimulatedHost[] {
  const hosts = world.hostTokens().map((token) => world.host(token));
  return hosts.filter((host) => host !== null).filter((host) => host.networkToken === networkToken);
}

/** `pg-1` of `clu_…/pg-1`. */
export const nameOf = (token: string): string => token.slice(token.lastIndexOf('/') + 1);
