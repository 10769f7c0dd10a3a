import type { ClusterNode } from '../../domain/clusters';
import type { NodeName } from '../../domain/topology';

/** A mirror that hangs is noticed by APT itself before; unpacking the biggest package takes less on any disk. */
export const STALL_MS = 10 * 60_000;

/** A job's name within its operation: the machine counts, not the node. */
export const jobName = (what: string, { hostId }: Pick<ClusterNode, 'hostId'>): string =>
  `${what}-${(hostId ?? '').replaceAll(/[^A-Za-z0-9]/g, '-')}`;

/** The installation's own words of what it does. */
export const toldBy =
  (node: NodeName) =>
  (line: string): string =>
    `${node}: ${line.replace(/^(un)?install: /, '').slice(0, 120)}`;
