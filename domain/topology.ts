import type { Topology } from './plans';

/** The nodes that a cluster has, known from its plan alone, and where each may live. */

export const NODE_ROLES = ['data', 'gateway'] as const;
export type NodeRole = (typeof NODE_ROLES)[number];
/** `pg-1`, `pg-2` … are data nodes, `gw-1`, `gw-2` gateways. */
export type NodeName = `pg-${number}` | `gw-${number}`;

export interface NodePlan {
  readonly name: NodeName;
  readonly role: NodeRole;
}

const COUNTS: Record<Topology, Record<NodeRole, number>> = {
  single: { data: 1, gateway: 1 },
  ha: { data: 3, gateway: 2 },
};

const numbered = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

export function dataNodes(topology: Topology): NodePlan[] {
  return numbered(COUNTS[topology].data).map((n) => ({ name: `pg-${n}`, role: 'data' }));
}

export function gatewayNodes(topology: Topology): NodePlan[] {
  return numbered(COUNTS[topology].gateway).map((n) => ({ name: `gw-${n}`, role: 'gateway' }));
}

export function allNodes(topology: Topology): NodePlan[] {
  return [...dataNodes(topology), ...gatewayNodes(topology)];
}

/**
 * Chooses a failure domain for each node: those of one role never share one while there are enough.
 * Deterministic, so that a retry places a node where the first try did. The first domain to be used moves with
 * `seed` (any stable text, such as the cluster's id): not every first node lands on the same domain.
 */
export function placeNodes(
  nodes: readonly NodePlan[],
  domains: readonly string[],
  seed: string,
): Map<NodeName, string> {
  if (domains.length === 0) throw new Error('a cloud has at least one failure domain');
  const offset = [...seed].reduce((sum, character) => sum + (character.codePointAt(0) ?? 0), 0);
  const used: Record<NodeRole, number> = { data: 0, gateway: 0 };
  return new Map(
    nodes.map((node) => {
      const domain = domains[(offset + used[node.role]++) % domains.length];
      return [node.name, domain ?? ''];
    }),
  );
}

/** True when two data nodes of the placement share a failure domain: losing it could then stop the cluster. */
export function dataNodesShareDomain(nodes: readonly NodePlan[], placement: ReadonlyMap<NodeName, string>): boolean {
  const domains = nodes.filter((node) => node.role === 'data').map((node) => placement.get(node.name));
  return new Set(domains).size < domains.length;
}
