import { z } from 'zod';
import type { Submission } from '../../activities/inventory/inventory';
import type { Cluster, ClusterNode } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { lackWithout, type NodeState } from '../../domain/heartbeats';
import { requireReady } from '../../domain/readiness';
import type { NodeName } from '../../domain/topology';
import { clusterParams, previewFlag } from './clusters';
import type { ApiDeps } from './deps';
import { findLiveCluster, operationAt } from './find';
import { previewOfReinit, previewOfRestart, type SeenNode } from './node-previews';
import { InvalidRequest } from './problem';
import { type AnyCall, reply, route, type Route } from './route';
import { nodeAnswers } from './shapes';
import { acceptedOrPreview, REFUSALS, replay, submissionOf, submitAsSeen } from './submit';

/** What is done with one node of a cluster that serves. */

export function nodeRoutes(deps: ApiDeps): Route[] {
  return [restartRoute(deps), reinitRoute(deps)];
}

const nodeParams = clusterParams.extend({
  node: z.string().max(20).meta({ description: 'Name of the node.', example: 'pg-2' }),
});

const refusals = [...REFUSALS, 'PRECONDITION_FAILED'] as const;

function restartRoute(deps: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/v1/clusters/{cluster}/nodes/{node}/restart',
    operationId: 'restartNode',
    summary: 'Restart PostgreSQL of a data node, or HAProxy and PgBouncer of a gateway',
    description:
      'The primary is switched over first, where a standby is in sync; clients of the pooled port wait and see no error. ' +
      'A gateway lets pooled transactions end, then cuts its connections once; the floating address stays.',
    tag: 'Clusters',
    scope: 'clusters:write',
    headers: ['If-Match', 'Idempotency-Key'],
    params: nodeParams,
    query: z.strictObject({ preview: previewFlag }),
    answers: acceptedOrPreview,
    errors: refusals,
    async handle(call) {
      const { params, query, caller } = call;
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const cluster = await findLiveCluster(deps.inventory, caller, params.cluster);
      const seen = await seenNode(deps, cluster, params.node);
      if (query.preview)
        return reply(200, previewOfRestart(cluster, seen, await operationAt(deps.inventory, cluster, 'cluster')));
      return submitAsSeen(deps, cluster, call, (found) => orderFor('restart-node', found, seen.node.name, call));
    },
  });
}

function reinitRoute(deps: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/v1/clusters/{cluster}/nodes/{node}/reinit',
    operationId: 'reinitNode',
    summary: 'Throw the data of a replica away and copy it anew from the primary',
    description: 'Refused for the primary, and where the other data nodes could not acknowledge commits without it.',
    tag: 'Clusters',
    scope: 'clusters:write',
    headers: ['If-Match', 'Idempotency-Key'],
    params: nodeParams,
    query: z.strictObject({ preview: previewFlag }),
    answers: acceptedOrPreview,
    errors: [...refusals, 'VALIDATION_FAILED', 'NODE_IS_PRIMARY', 'NO_QUORUM_LEFT'],
    async handle(call) {
      const { params, query, caller } = call;
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const cluster = await findLiveCluster(deps.inventory, caller, params.cluster);
      const seen = await seenNode(deps, cluster, params.node);
      requireDataNode(seen);
      if (query.preview)
        return reply(200, previewOfReinit(cluster, seen, await operationAt(deps.inventory, cluster, 'cluster')));
      return submitAsSeen(deps, cluster, call, (found) => {
        const order = orderFor('reinit-node', found, seen.node.name, call);
        requireSpare(found, seen);
        return order;
      });
    },
  });
}

/** The node, and what each data node said last. @throws NOT_FOUND. */
async function seenNode({ inventory }: ApiDeps, cluster: Cluster, ref: string): Promise<SeenNode> {
  const nodes = await inventory.nodes.list(cluster.id);
  const node = nodes.find(({ name }) => name === ref);
  if (!node) throw new HoldfastError('NOT_FOUND', { kind: 'node', ref });
  const answers = nodeAnswers(nodes, await inventory.heartbeats.of(cluster.id));
  return { node, states: statesOf(nodes, (name) => answers.find((answer) => answer.name === name)?.state ?? null) };
}

const statesOf = (
  nodes: readonly ClusterNode[],
  stateOf: (name: NodeName) => NodeState | null,
): ReadonlyMap<NodeName, NodeState | null> =>
  new Map(nodes.filter(({ role }) => role === 'data').map(({ name }) => [name, stateOf(name)]));

/** @throws VALIDATION_FAILED. */
function requireDataNode({ node, states }: SeenNode): void {
  if (node.role === 'data') return;
  const message = `must be a data node: ${[...states.keys()].join(', ')}`;
  throw new InvalidRequest([{ in: 'path', pointer: '/node', code: 'no_data_node', message }]);
}

/** The operation looks again, and has the last word. @throws NODE_IS_PRIMARY, NO_QUORUM_LEFT. */
function requireSpare({ name }: Cluster, { node, states }: SeenNode): void {
  if (states.size === 1 || states.get(node.name) === 'primary')
    throw new HoldfastError('NODE_IS_PRIMARY', { node: node.name, name });
  const detail = lackWithout(node.name, states);
  if (detail !== null) throw new HoldfastError('NO_QUORUM_LEFT', { node: node.name, name, detail });
}

/** @throws CLUSTER_STOPPED, CLUSTER_NOT_READY. */
function orderFor(kind: 'restart-node' | 'reinit-node', cluster: Cluster, node: NodeName, call: AnyCall): Submission {
  requireReady(cluster);
  return submissionOf(kind, cluster, call, node);
}
