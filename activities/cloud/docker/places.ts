import type { SocketAddress } from '../../../domain/clusters';
import { ask, full, troubleOf } from './errors';
import { isFree, LOOPBACK } from './free-port';
import { LABEL } from './names';
import type { FoundNetwork } from './networks';
import { inTurn } from './once';
import type { DockerCloudOptions } from './options';
import { hostAddresses } from './subnets';

/**
 * Where a host is found: fixed at its creation, because the addresses and ports that Docker chooses change with every
 * start. Written into its labels, so that a host which is off keeps its place.
 */
export interface Place {
  /** In the private network. */
  readonly address: string;
  /** Where the control plane's machine reaches each port of the host. */
  readonly ports: Readonly<Record<number, SocketAddress>>;
}

/** Below the ports that Linux and macOS hand out to clients, one of which could else sit on ours while a host is off. */
const PUBLISHED = { first: 20_000, last: 32_000 } as const;

export interface Places {
  /**
   * Runs `use` with a place that no other host has. Of two processes that choose the same one at once, the engine
   * refuses one of the hosts at its start ("address taken"), which then asks again.
   *
   * @param wanted this one, where it is free; null: any.
   */
  withFreePlace<T>(
    network: FoundNetwork,
    ports: readonly number[],
    wanted: Place | null,
    use: (place: Place) => Promise<T>,
  ): Promise<T>;
}

export function createPlaces({ docker, reach }: Pick<DockerCloudOptions, 'docker' | 'reach'>): Places {
  /** Chosen by this process for hosts that the engine's list does not show yet. */
  const held = new Set<string>();
  const choosing = inTurn();

  const listTaken = async (): Promise<Set<string>> => {
    // Before the list: what is released while it is on its way is in neither.
    const before = [...held];
    const hosts = await ask('list hosts', docker.listContainers({ all: true, filters: { label: [LABEL.ports] } }));
    return new Set([...before, ...hosts.flatMap(({ Labels }) => keysOf(placeFromLabels(Labels)))]);
  };
  const chooseAny = async (network: FoundNetwork, ports: readonly number[], taken: Set<string>): Promise<Place> => {
    const address = hostAddresses(network.cidr).find((candidate) => !taken.has(candidate));
    if (address === undefined) throw full(`network ${network.token} has no free address`);
    return reach === 'direct' ? directPlace(address, ports) : publishedPlace(address, ports, taken);
  };
  const choose = async (network: FoundNetwork, ports: readonly number[], wanted: Place | null): Promise<Place> => {
    const taken = await listTaken();
    const again = wanted !== null && (await isFreeIn(network, wanted, taken));
    const place = again ? wanted : await chooseAny(network, ports, taken);
    for (const key of keysOf(place)) held.add(key);
    return place;
  };

  return {
    async withFreePlace(network, ports, wanted, use) {
      const place = await choosing(() => choose(network, ports, wanted));
      const release = (): void => keysOf(place).forEach((key) => held.delete(key));
      try {
        const result = await use(place);
        release();
        return result;
      } catch (error) {
        // Taken by something that the list does not show: not to be chosen again.
        if (troubleOf(error) !== 'address taken') release();
        throw error;
      }
    },
  };
}

export function placeLabels({ address, ports }: Place): Record<string, string> {
  const words = Object.entries(ports).map(([port, at]) => `${port}=${at.host}:${at.port}`);
  return { [LABEL.address]: address, [LABEL.ports]: words.join(' ') };
}

export function placeFromLabels(labels: Readonly<Record<string, string>>): Place {
  const words = (labels[LABEL.ports] ?? '').matchAll(/(\d+)=([^ ]+):(\d+)/g);
  const ports = Array.from(
    words,
    ([, port, host, at]) => [Number(port), { host: host ?? '', port: Number(at) }] as const,
  );
  return { address: labels[LABEL.address] ?? '', ports: Object.fromEntries(ports) };
}

/** Ports to publish, as the engine wants them; none where hosts are reached directly. */
export function portBindings({ address, ports }: Place): Record<string, { HostIp: string; HostPort: string }[]> {
  const published = Object.entries(ports).filter(([, at]) => at.host !== address);
  return Object.fromEntries(
    published.map(([port, at]) => [`${port}/tcp`, [{ HostIp: at.host, HostPort: String(at.port) }]]),
  );
}

/** What two hosts may not share. */
function keysOf({ address, ports }: Place): string[] {
  return [address, ...Object.values(ports).flatMap(({ host, port }) => (host === LOOPBACK ? [`${host}:${port}`] : []))];
}

async function isFreeIn(network: FoundNetwork, place: Place, taken: ReadonlySet<string>): Promise<boolean> {
  if (!hostAddresses(network.cidr).includes(place.address) || keysOf(place).some((key) => taken.has(key))) return false;
  const published = Object.values(place.ports).filter(({ host }) => host === LOOPBACK);
  return (await Promise.all(published.map(({ port }) => isFree(port)))).every(Boolean);
}

function directPlace(address: string, ports: readonly number[]): Place {
  return { address, ports: Object.fromEntries(ports.map((port) => [port, { host: address, port }])) };
}

async function publishedPlace(address: string, ports: readonly number[], taken: ReadonlySet<string>): Promise<Place> {
  const chosen: Record<number, SocketAddress> = {};
  let candidate: number = PUBLISHED.first;
  for (const port of ports) {
    while (taken.has(`${LOOPBACK}:${candidate}`) || !(await isFree(candidate))) candidate++;
    if (candidate > PUBLISHED.last) throw full('no port is free on loopback');
    chosen[port] = { host: LOOPBACK, port: candidate++ };
  }
  return { address, ports: chosen };
}
