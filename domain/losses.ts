import type { Heartbeat } from './heartbeats';
import { isMajority, STALE_MS } from './heartbeats';
import type { OperationId } from './ids';
import type { NodeName } from './topology';

/** What the silence of nodes means that do not come back. */

/** More clusters than these that lose nodes within the time are a storm: its cause is looked for before anything is replaced by itself. */
export const STORM = { clusters: 3, withinS: 600 } as const;

/** What a cluster has lost, as far as it can be heard. */
export type Silence =
  | { readonly kind: 'none' }
  /** They have not been listened to for long enough. */
  | { readonly kind: 'unknown' }
  /** A majority of the data nodes is heard: the cluster serves without these. */
  | { readonly kind: 'some'; readonly nodes: readonly NodeName[] }
  /** Too many data nodes are silent, or the control plane does not hear them. */
  | { readonly kind: 'majority'; readonly nodes: readonly NodeName[]; readonly all: boolean };

/** @param data of all data nodes. @param gateways of all gateways. */
export function silenceOf(data: readonly Heartbeat[], gateways: readonly Heartbeat[]): Silence {
  const nodes = data.filter(isSilent).map(({ node }) => node);
  if (!isMajority(data.length - nodes.length, data.length))
    return { kind: 'majority', nodes, all: nodes.length === data.length };
  const silent = [...nodes, ...gateways.filter(isSilent).map(({ node }) => node)];
  if (silent.length > 0) return { kind: 'some', nodes: silent };
  return { kind: [...data, ...gateways].every(({ role }) => role !== null) ? 'none' : 'unknown' };
}

const isSilent = ({ silentMs }: Heartbeat): boolean => silentMs >= STALE_MS;

/** What is told of nodes that are lost and not replaced by themselves. */
export interface Loss {
  readonly status: false;
  readonly reason: 'NodeLost' | 'PostgresDown' | 'ManyClustersLost' | 'NoQuorum' | 'DataNodesLost';
  readonly message: string;
}

const lost = (reason: Loss['reason'], message: string): Loss => ({ status: false, reason, message });
const answer = (nodes: readonly NodeName[]): string =>
  `${nodes.join(' and ')} ${nodes.length === 1 ? 'answers' : 'answer'} nobody any more`;
const replaceBy = (cluster: string, [node = 'pg-1']: readonly NodeName[]): string =>
  `\`holdfast node replace ${cluster} ${node}\``;

/** Machines of the user's own. */
export const machineLost = (cluster: string, nodes: readonly NodeName[]): Loss =>
  lost(
    'NodeLost',
    `${answer(nodes)}: switch the machine on, or forget it (\`holdfast host remove\` with \`--force\`), see that another one is free, and type ${replaceBy(cluster, nodes)}.`,
  );

/** The operation that was to replace it has ended without. */
export const notReplaced = (cluster: string, nodes: readonly NodeName[]): Loss =>
  lost(
    'NodeLost',
    `${answer(nodes)}, and the last replacement did not succeed: \`holdfast ops list --cluster ${cluster}\` tells why. It is tried again in ten minutes, or by ${replaceBy(cluster, nodes)}.`,
  );

/** Their hosts answer. @param all whether no other data node is left to copy from. */
export const postgresDown = (cluster: string, nodes: readonly NodeName[], all: boolean): Loss => {
  const [first = 'pg-1'] = nodes;
  const remedy = all
    ? `Where it cannot be mended, restore the cluster from its backups: \`holdfast restore create ${cluster} NEW_NAME\`.`
    : `Unless it is copying its data, \`holdfast node reinit ${cluster} ${first}\` has it copied anew, and ${replaceBy(cluster, nodes)} gives it a fresh host.`;
  return lost(
    'PostgresDown',
    `PostgreSQL of ${nodes.join(' and ')} does not come back, though the host answers: \`journalctl --unit patroni\` there and the other conditions tell why. ${remedy}`,
  );
};

export const inStorm = (cluster: string, nodes: readonly NodeName[], clusters: number): Loss =>
  lost(
    'ManyClustersLost',
    `${answer(nodes)}. ${clusters} clusters have lost nodes at once, so nothing is replaced by itself: look for the cause, or type ${replaceBy(cluster, nodes)}.`,
  );

export const withoutQuorum = (nodes: readonly NodeName[]): Loss =>
  lost(
    'NoQuorum',
    `The hosts of ${nodes.join(' and ')} are off, and nobody can write without them: switch one of them on. Where none can be, restore the cluster from its backups.`,
  );

/** How the data can come back: by an operation that waits for approval, by a restore that somebody orders, or not at all. */
export type WayBack = 'recover' | 'restore' | 'none';

export const dataNodesLost = (cluster: string, way: WayBack): Loss =>
  lost('DataNodesLost', `All hosts with data are off or gone${wayInWords(cluster, way)}`);

function wayInWords(cluster: string, way: WayBack): string {
  switch (way) {
    case 'recover':
      return `. An operation offers to bring the data back from the backups, and waits for approval: \`holdfast ops list --cluster ${cluster}\`. One that was cancelled or has failed is offered again after ten minutes.`;
    case 'restore':
      return `. If none comes back, restore the data from the backups: \`holdfast restore create ${cluster} NEW_NAME\`.`;
    case 'none':
      return ', and the cluster has no backups: only a host that comes back brings its data.';
  }
}

/** A cluster of which only its backups are left. */
export interface LostCluster {
  readonly cluster: string;
  /** The operation that brings it back. */
  readonly operation: OperationId;
  readonly upTo: string;
  /** Where its backups are. */
  readonly sites: readonly string[];
  /** Data nodes that have a host still. */
  readonly off: readonly NodeName[];
}

/** What somebody has to approve before it comes back. */
export function lossInWords({ cluster, operation, upTo, sites, off }: LostCluster): string {
  const kept = off.length === 0 ? '' : `, also what the hosts of ${off.join(' and ')} have, which are only off`;
  return `all data nodes of ${cluster} are lost. Its backups on ${sites.join(' and ')} bring back all that was committed up to ${upTo}; what came later may be lost${kept}. \`holdfast ops approve ${operation}\` has it done. If a host comes back by itself, this ends and nothing is done.`;
}

/** Why a recovery has ended by itself. */
export const backIn = (nodes: readonly NodeName[]): string =>
  `${nodes.join(' and ')} ${nodes.length === 1 ? 'is' : 'are'} back by ${nodes.length === 1 ? 'itself' : 'themselves'}: nothing was changed`;
