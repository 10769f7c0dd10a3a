/** The plans that users choose from: topology, size and price. Sizes are of each data node. */

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

export const TOPOLOGIES = ['single', 'ha'] as const;
export type Topology = (typeof TOPOLOGIES)[number];

export interface Plan {
  readonly name: string;
  readonly topology: Topology;
  readonly summary: string;
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Storage that comes with the plan; more can be asked for, up to {@link maxStorageBytes}. */
  readonly storageBytes: number;
  readonly maxStorageBytes: number;
  /** What the operator of Holdfast charges, in euro cents per month. */
  readonly priceEuroCentsPerMonth: number;
  /** How many dumps of a cluster are kept. */
  readonly dumps: DumpLimits;
  /** For how long a node may be silent before it gets a fresh host; one whose host is gone for sure gets it at once. */
  readonly replaceAfterSeconds: number;
}

export interface DumpLimits {
  /** In all: the oldest one goes once one more has succeeded. */
  readonly kept: number;
  /** Of one day (UTC): the oldest one of the day goes. */
  readonly perDay: number;
}

/** A gateway forwards bytes: its size does not grow with the plan. */
export const GATEWAY_SIZE = { memoryBytes: 256 * MIB, cpus: 0.5 } as const;

/** A host that boots answers within half of it. */
const REPLACE_AFTER_S = 30;

const SMALL_DUMPS: DumpLimits = { kept: 3, perDay: 2 };
const USUAL_DUMPS: DumpLimits = { kept: 10, perDay: 4 };
const LARGE_DUMPS: DumpLimits = { kept: 30, perDay: 8 };

const plan = (
  name: string,
  topology: Topology,
  summary: string,
  size: { memoryMiB: number; cpus: number; storageGiB: number; priceEuroCentsPerMonth: number; dumps: DumpLimits },
): Plan => ({
  name,
  topology,
  summary,
  memoryBytes: size.memoryMiB * MIB,
  cpus: size.cpus,
  storageBytes: size.storageGiB * GIB,
  maxStorageBytes: size.storageGiB * 10 * GIB,
  priceEuroCentsPerMonth: size.priceEuroCentsPerMonth,
  dumps: size.dumps,
  replaceAfterSeconds: REPLACE_AFTER_S,
});

export const PLANS: readonly Plan[] = [
  plan('sandbox', 'single', 'to try things out: one small data node, one gateway', {
    memoryMiB: 512,
    cpus: 1,
    storageGiB: 1,
    priceEuroCentsPerMonth: 500,
    dumps: SMALL_DUMPS,
  }),
  plan('single-s', 'single', 'one data node, one gateway', {
    memoryMiB: 1024,
    cpus: 1,
    storageGiB: 10,
    priceEuroCentsPerMonth: 1500,
    dumps: USUAL_DUMPS,
  }),
  plan('single-m', 'single', 'one data node, one gateway', {
    memoryMiB: 4096,
    cpus: 2,
    storageGiB: 50,
    priceEuroCentsPerMonth: 4900,
    dumps: USUAL_DUMPS,
  }),
  plan('single-l', 'single', 'one data node, one gateway', {
    memoryMiB: 16384,
    cpus: 4,
    storageGiB: 200,
    priceEuroCentsPerMonth: 17900,
    dumps: LARGE_DUMPS,
  }),
  plan('ha-s', 'ha', 'three data nodes, two gateways, no acknowledged write is lost', {
    memoryMiB: 1024,
    cpus: 1,
    storageGiB: 10,
    priceEuroCentsPerMonth: 3900,
    dumps: USUAL_DUMPS,
  }),
  plan('ha-m', 'ha', 'three data nodes, two gateways, no acknowledged write is lost', {
    memoryMiB: 4096,
    cpus: 2,
    storageGiB: 50,
    priceEuroCentsPerMonth: 13900,
    dumps: USUAL_DUMPS,
  }),
  plan('ha-l', 'ha', 'three data nodes, two gateways, no acknowledged write is lost', {
    memoryMiB: 16384,
    cpus: 4,
    storageGiB: 200,
    priceEuroCentsPerMonth: 51900,
    dumps: LARGE_DUMPS,
  }),
];

/** The plan of that name, or undefined: an unknown name is the caller's error to tell. */
export function findPlan(name: string): Plan | undefined {
  return PLANS.find((candidate) => candidate.name === name);
}
