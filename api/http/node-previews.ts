import type { Cluster, ClusterNode } from '../../domain/clusters';
import { lackWithout, type NodeState } from '../../domain/heartbeats';
import type { OperationSummary } from '../../domain/operations';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import type { NodeName } from '../../domain/topology';
import { check, readinessChecks } from './previews';
import { previewSteps } from './preview-steps';

/** What a restart or a reinit of a node would do. */

export interface SeenNode {
  readonly node: ClusterNode;
  /** Of all data nodes, what they said last; null: nothing is known. */
  readonly states: ReadonlyMap<NodeName, NodeState | null>;
}

const RESTART_SECONDS = 5;
/** Of a small database; a copy takes as long as there is data. */
const REINIT_SECONDS = 30;

export function previewOfRestart(
  cluster: Cluster,
  { node, states }: SeenNode,
  working: OperationSummary | undefined,
): PreviewAnswer {
  const isPrimary = states.size === 1 ? node.role === 'data' : states.get(node.name) === 'primary';
  const switches = isPrimary && states.size > 1;
  const what = node.role === 'gateway' ? 'HAProxy and PgBouncer' : 'PostgreSQL';
  return {
    kind: 'restart-node',
    changes: [
      {
        action: 'change',
        what: `${what} of ${node.name}`,
        detail: switches ? 'the synchronous standby that is least behind becomes the primary first' : 'begins anew',
      },
    ],
    impact: switches ? 'failover' : 'restart',
    checks: readinessChecks(cluster, working),
    steps: previewSteps('restart-node', cluster.spec),
    estimatedSeconds: RESTART_SECONDS,
    price: null,
  };
}

export function previewOfReinit(
  cluster: Cluster,
  { node, states }: SeenNode,
  working: OperationSummary | undefined,
): PreviewAnswer {
  const isPrimary = states.size === 1 || states.get(node.name) === 'primary';
  const lack = lackWithout(node.name, states);
  return {
    kind: 'reinit-node',
    changes: [
      { action: 'delete', what: `data of ${node.name}`, detail: 'the primary has all of it' },
      { action: 'create', what: `data of ${node.name}`, detail: 'copied from a backup or the primary' },
    ],
    impact: 'none',
    checks: [
      ...readinessChecks(cluster, working),
      check(
        'not-the-primary',
        !isPrimary,
        isPrimary ? `${node.name} is the primary` : `${node.name} is not the primary`,
        `switch over first: POST /v1/clusters/${cluster.name}/switchover`,
      ),
      check(
        'quorum-without-it',
        lack === null,
        lack ?? 'the other data nodes can acknowledge commits',
        'wait until they are in sync',
      ),
    ],
    steps: previewSteps('reinit-node', cluster.spec),
    estimatedSeconds: REINIT_SECONDS,
    price: null,
  };
}
