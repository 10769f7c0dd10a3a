import type { HostNeeds, HostSize } from './hosts';
import type { HostId } from './ids';

/** Which of the machines that a project has become the hosts of a cluster. */

export interface Machine {
  readonly id: HostId;
  readonly zone: string;
  readonly size: HostSize;
}

export interface WantedHost {
  readonly token: string;
  readonly needs: HostNeeds;
}

/** A host that has its machine already. */
export interface PlacedHost extends WantedHost {
  readonly machine: Machine;
}

/**
 * Data nodes get a machine each, in zones that have fewest of them, and the smallest that is big enough. Gateways get
 * machines of their own when there are enough for all of them, else they share those of data nodes, one each.
 * Deterministic.
 * @param free machines that nobody has.
 * @param placed hosts of the same cluster that have a machine.
 * @returns every wanted host with its machine, or one sentence that says what is missing.
 */
export function chooseMachines(
  wanted: readonly WantedHost[],
  free: readonly Machine[],
  placed: readonly PlacedHost[] = [],
): readonly PlacedHost[] | string {
  const data = wanted.filter(({ needs }) => needs.role === 'data');
  const gateways = wanted.filter(({ needs }) => needs.role === 'gateway');
  const chosen = chooseApart(data, free, withRole(placed, 'data'));
  if (chosen === null) return missing(data, free);

  const left = free.filter(({ id }) => !chosen.some(({ machine }) => machine.id === id));
  const apart = chooseApart(gateways, left, withRole(placed, 'gateway'));
  if (apart !== null) return [...chosen, ...apart];
  const shared = share(gateways, [...withRole(placed, 'data'), ...chosen], withRole(placed, 'gateway'));
  return shared === null ? missing(gateways, left) : [...chosen, ...shared];
}

/** A machine for each, or null when there are not enough. */
function chooseApart(
  wanted: readonly WantedHost[],
  free: readonly Machine[],
  placed: readonly PlacedHost[],
): readonly PlacedHost[] | null {
  const chosen: PlacedHost[] = [];
  for (const host of wanted) {
    const used = [...placed, ...chosen].map(({ machine }) => machine.zone);
    const load = ({ zone }: Machine): number => used.filter((other) => other === zone).length;
    const taken = new Set(chosen.map(({ machine }) => machine.id));
    const [machine] = free
      .filter((candidate) => !taken.has(candidate.id) && fits(candidate.size, host.needs))
      .sort((a, b) => load(a) - load(b) || bySize(a.size, b.size) || (a.id < b.id ? -1 : 1));
    if (machine === undefined) return null;
    chosen.push({ ...host, machine });
  }
  return chosen;
}

/** Two gateways on one machine would be lost together, so each has a data node of its own. */
function share(
  gateways: readonly WantedHost[],
  data: readonly PlacedHost[],
  placed: readonly PlacedHost[],
): readonly PlacedHost[] | null {
  const open = data.filter(({ machine }) => !placed.some((other) => other.machine.id === machine.id));
  if (open.length < gateways.length) return null;
  return gateways.flatMap((host, i) => {
    const machine = open[i]?.machine;
    return machine === undefined ? [] : [{ ...host, machine }];
  });
}

const withRole = (hosts: readonly PlacedHost[], role: HostNeeds['role']): PlacedHost[] =>
  hosts.filter(({ needs }) => needs.role === role);

const fits = (size: HostSize, needs: HostNeeds): boolean =>
  size.memoryBytes >= needs.memoryBytes && size.cpus >= needs.cpus && size.storageBytes >= needs.storageBytes;

const bySize = (a: HostSize, b: HostSize): number =>
  a.memoryBytes - b.memoryBytes || a.storageBytes - b.storageBytes || a.cpus - b.cpus;

function missing(wanted: readonly WantedHost[], free: readonly Machine[]): string {
  const needs = wanted[0]?.needs;
  const fitting = needs ? free.filter(({ size }) => fits(size, needs)).length : 0;
  const gib = (bytes: number): string => `${Number((bytes / 1024 ** 3).toFixed(2))} GiB`;
  const size = needs
    ? `${gib(needs.memoryBytes)} of memory, ${needs.cpus} CPU and ${gib(needs.storageBytes)} of storage`
    : 'any size';
  return `${wanted.length} machine(s) of at least ${size} are needed, ${fitting} of the ${free.length} free one(s) of this project are big enough; register more with holdfast host add`;
}
