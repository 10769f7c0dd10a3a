import { appendFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { CloudHost, Network } from '../../activities/cloud/cloud';
import { readIfThere } from './files';

/**
 * The simulated world is a folder: networks, hosts and what happened to them. It belongs to no process, so a worker that
 * is killed loses nothing of it, as with a real cloud.
 *
 * ```
 * networks/<token>        what a cloud made
 * hosts/<token>/          host.json, `running` while it has power, and its file system in root/
 * wires/<token>/          what hosts of a network see of one another; its `effects` outlives the network
 * sites/<name>/           what object stores hold
 * subnets/<n>             which network has the n-th block of addresses
 * ```
 */
export interface World {
  readonly folder: string;
  networkFile(token: string): string;
  networkTokens(): string[];
  network(token: string): SimulatedNetwork | null;
  hostFolder(token: string): string;
  hostTokens(): string[];
  /** A host, whether it runs or not; null when there is none. */
  host(token: string): SimulatedHost | null;
  /** The host that answers at that address. */
  hostAt(address: string): SimulatedHost | null;
  wire(networkToken: string): string;
  /** Appends to what happened. One line, one effect: it changed something that was not so before. */
  happened(networkToken: string, effect: string): void;
  /** All that happened on that network and to its hosts, in order. */
  effects(networkToken: string): string[];
}

const networkSchema = z.object({
  token: z.string(),
  cidr: z.string(),
  controlAddress: z.string(),
  floatingAddress: z.string(),
  tags: z.record(z.string(), z.string()),
});
export interface SimulatedNetwork extends Network {
  readonly floatingAddress: string;
  readonly tags: Readonly<Record<string, string>>;
}

const hostSchema = z.object({
  id: z.string(),
  token: z.string(),
  networkToken: z.string(),
  failureDomain: z.string(),
  privateAddress: z.string(),
  publicPorts: z.array(z.number()),
  hostKey: z.string(),
  authorizedKey: z.string(),
  tags: z.record(z.string(), z.string()),
});
export type HostRecord = z.infer<typeof hostSchema>;

export interface SimulatedHost extends HostRecord {
  readonly running: boolean;
  readonly folder: string;
  /** Its file system. */
  readonly root: string;
}

/** Opens the world of a folder, which may be empty: processes that open the same folder share it. */
export function openWorld(folder: string): World {
  const name = encodeURIComponent;
  const tokensIn = (kind: string): string[] => {
    const path = join(folder, kind);
    const names = existsSync(path) ? readdirSync(path) : [];
    return names.filter((entry) => !entry.endsWith('.fresh')).map((entry) => decodeURIComponent(entry));
  };
  const world: World = {
    folder,
    networkFile: (token) => join(folder, 'networks', name(token)),
    networkTokens: () => tokensIn('networks'),
    network: (token) => {
      const text = readIfThere(world.networkFile(token));
      return text === null ? null : networkSchema.parse(JSON.parse(text));
    },
    hostFolder: (token) => join(folder, 'hosts', name(token)),
    hostTokens: () => tokensIn('hosts'),
    host: (token) => readHost(world.hostFolder(token)),
    hostAt: (address) => {
      const hosts = world.hostTokens().map((token) => world.host(token));
      return hosts.find((host) => host?.privateAddress === address) ?? null;
    },
    wire: (token) => {
      const path = join(folder, 'wires', name(token));
      mkdirSync(path, { recursive: true });
      return path;
    },
    happened: (token, effect) => appendFileSync(join(world.wire(token), 'effects'), `${effect}\n`),
    effects: (token) => (readIfThere(join(world.wire(token), 'effects')) ?? '').split('\n').filter(Boolean),
  };
  return world;
}

function readHost(folder: string): SimulatedHost | null {
  const text = readIfThere(join(folder, 'host.json'));
  if (text === null) return null;
  const record = hostSchema.parse(JSON.parse(text));
  return { ...record, folder, root: join(folder, 'root'), running: existsSync(join(folder, 'running')) };
}

/** As the interface of clouds shows it. */
export function cloudHost(host: SimulatedHost): CloudHost {
  const { id, token, failureDomain, running, privateAddress } = host;
  const ssh = { host: privateAddress, port: 22 };
  const publicPorts = Object.fromEntries(host.publicPorts.map((port) => [port, { host: privateAddress, port }]));
  return { id, token, failureDomain, running, privateAddress, ssh, publicPorts };
}
