import { z } from 'zod';
import type { Heard } from '../../activities/inventory/heartbeats';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { lackWithout, stateOf } from '../../domain/heartbeats';
import type { OperationSummary } from '../../domain/operations';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import { allNodes, dataNodes, type NodeName, type NodePlan } from '../../domain/topology';
import { clusterParams, previewFlag } from './clusters';
import type { ApiDeps } from './deps';
import { findLiveCluster, operationAt } from './find';
import { previewSteps } from './preview-steps';
import { check } from './previews';
import { reply, route, type Route } from './route';
import { acceptedOrPreview, replay, submissionOf, submitAsSeen, topologyOf } from './submit';

/** A node of a cluster gets a fresh host. */

const SECONDS = { data: 45, gateway: 10 } as const;

export function replacementRoutes(deps: ApiDeps): Route[] {
  const { inventory } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/clusters/{cluster}/nodes/{node}/replace',
      operationId: 'replaceNode',
      summary: 'Give a node a fresh host',
      description:
        'Its host is switched off and deleted, and another one takes its place under the same name: a data node copies a backup or the ' +
        'primary, a gateway has the same address. The cluster serves meanwhile. One that is the primary hands over first, as in a switchover. The ' +
        'autopilot does the same with nodes that do not come back.',
      tag: 'Clusters',
      scope: 'clusters:write',
      headers: ['If-Match', 'Idempotency-Key'],
      params: clusterParams.extend({ node: z.string().meta({ description: 'Its name.', example: 'pg-2' }) }),
      query: z.strictObject({ preview: previewFlag }),
      answers: acceptedOrPreview,
      errors: [
        'NOT_FOUND',
        'CLUSTER_BUSY',
        'CLUSTER_NOT_READY',
        'LAST_DATA_NODE',
        'NO_QUORUM_LEFT',
        'PRECONDITION_FAILED',
        'IDEMPOTENCY_KEY_REUSED',
      ],
      async handle(call) {
        const { params, query, caller } = call;
        const repeated = await replay(deps, call);
        if (repeated) return repeated;
        const cluster = await findLiveCluster(inventory, caller, params.cluster);
        const node = requireNode(cluster, params.node);
        if (query.preview) {
          const heard = await inventory.heartbeats.of(cluster.id);
          return reply(200, previewOf(cluster, node, heard, await operationAt(inventory, cluster, 'cluster')));
        }
        return submitAsSeen(deps, cluster, call, async (found) => {
          await demandReplaceable(deps, found, node);
          return submissionOf('replace-node', found, call, node.name);
        });
      },
    }),
  ];
}

/** What works on it now is told first. @throws LAST_DATA_NODE, CLUSTER_NOT_READY, NO_QUORUM_LEFT. */
async function demandReplaceable({ inventory }: ApiDeps, cluster: Cluster, node: NodePlan): Promise<void> {
  const { name, id, status } = cluster;
  if (isOnlyDataNode(cluster, node)) throw new HoldfastError('LAST_DATA_NODE', { node: node.name, name });
  if (status.state !== 'ready') throw new HoldfastError('CLUSTER_NOT_READY', { name, state: status.state });
  if (await operationAt(inventory, cluster, 'cluster')) return;
  const detail = inTheWay(cluster, node, await inventory.heartbeats.of(id));
  if (detail !== null) throw new HoldfastError('NO_QUORUM_LEFT', { node: node.name, name, detail });
}

/** @throws NOT_FOUND. */
function requireNode({ spec }: Cluster, name: string): NodePlan {
  const found = allNodes(topologyOf(spec)).find((node) => node.name === name);
  if (!found) throw new HoldfastError('NOT_FOUND', { kind: 'node', ref: name });
  return found;
}

const othersOf = ({ spec }: Cluster, { name }: NodePlan): NodeName[] =>
  dataNodes(topologyOf(spec)).flatMap((other) => (other.name === name ? [] : [other.name]));

const isOnlyDataNode = (cluster: Cluster, node: NodePlan): boolean =>
  node.role === 'data' && othersOf(cluster, node).length === 0;

/** Why no majority would be left without it; null where one is. */
function inTheWay(cluster: Cluster, node: NodePlan, heard: ReadonlyMap<NodeName, Heard>): string | null {
  if (node.role === 'gateway') return null;
  const states = dataNodes(topologyOf(cluster.spec)).map(({ name }) => {
    const last = heard.get(name);
    // Where no worker hears the nodes none could replace one either.
    return [name, last ? stateOf(last.role, last.silentMs) : 'silent'] as const;
  });
  return lackWithout(node.name, new Map(states));
}

function previewOf(
  cluster: Cluster,
  node: NodePlan,
  heard: ReadonlyMap<NodeName, Heard>,
  working: OperationSummary | undefined,
): PreviewAnswer {
  const isPrimary = heard.get(node.name)?.role === 'primary';
  return {
    kind: 'replace-node',
    changes: changesOf(node),
    impact: isPrimary ? 'failover' : 'none',
    checks: checksOf(cluster, node, inTheWay(cluster, node, heard), working),
    steps: previewSteps('replace-node', cluster.spec, node.name),
    estimatedSeconds: SECONDS[node.role],
    price: null,
  };
}

function changesOf({ name, role }: NodePlan): PreviewAnswer['changes'] {
  const what = `host of ${name}`;
  const [lost, found] =
    role === 'data'
      ? ['with its copy of the data; the other data nodes have what it has', '; it copies a backup or the primary']
      : ['a gateway keeps no data', ''];
  return [
    { action: 'delete', what, detail: lost },
    { action: 'create', what, detail: `in the same failure domain${found}` },
  ];
}

function checksOf(
  cluster: Cluster,
  node: NodePlan,
  obstacle: string | null,
  working: OperationSummary | undefined,
): PreviewAnswer['checks'] {
  const { name, spec, status } = cluster;
  return [
    check(
      'has-other-data-nodes',
      !isOnlyDataNode(cluster, node),
      `plan ${spec.plan}`,
      'restore the cluster from its backups',
    ),
    check(
      'quorum-left',
      obstacle === null,
      obstacle ?? 'the other data nodes are a majority',
      'wait until the others serve again',
    ),
    check('cluster-ready', status.state === 'ready', `cluster ${name} is ${status.state}`, 'wait until it is ready'),
    check(
      'not-busy',
      !working,
      working ? `operation ${working.id} works on ${name}` : `no operation works on ${name}`,
      'wait until the operation ends',
    ),
  ];
}
