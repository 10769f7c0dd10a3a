import { z } from 'zod';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { OperationSummary } from '../../domain/operations';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import { switchoverSchema } from '../../domain/schemas/switchovers';
import { dataNodes, type NodeName } from '../../domain/topology';
import { requireReady } from '../../domain/readiness';
import { stepTitles } from '../../workflows/runbooks';
import { clusterParams, previewFlag } from './clusters';
import type { ApiDeps } from './deps';
import { findLiveCluster, operationAt } from './find';
import { check, readinessChecks } from './previews';
import { InvalidRequest } from './problem';
import { reply, route, type Route } from './route';
import { acceptedOrPreview, replay, submissionOf, submitAsSeen, topologyOf } from './submit';

/** Another data node of a cluster becomes its primary. */

const SECONDS = 5;

export function switchoverRoutes(deps: ApiDeps): Route[] {
  const { inventory } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/clusters/{cluster}/switchover',
      operationId: 'switchOver',
      summary: 'Make another data node the primary',
      description:
        'The synchronous standby that is least behind, or the one that is named. Clients of the pooled port wait for about two ' +
        'seconds and see no error; direct connections are cut once. What the old primary has acknowledged is in the new one.',
      tag: 'Clusters',
      scope: 'clusters:write',
      headers: ['If-Match', 'Idempotency-Key'],
      params: clusterParams,
      query: z.strictObject({ preview: previewFlag }),
      body: switchoverSchema.optional(),
      answers: acceptedOrPreview,
      errors: [
        'NOT_FOUND',
        'CLUSTER_BUSY',
        'CLUSTER_NOT_READY',
        'CLUSTER_STOPPED',
        'NO_STANDBY',
        'PRECONDITION_FAILED',
        'IDEMPOTENCY_KEY_REUSED',
      ],
      async handle(call) {
        const { params, query, body, caller } = call;
        const repeated = await replay(deps, call);
        if (repeated) return repeated;
        const cluster = await findLiveCluster(inventory, caller, params.cluster);
        const to = body?.to === undefined ? null : requireStandby(cluster, body.to);
        if (query.preview) return reply(200, previewOf(cluster, to, await operationAt(inventory, cluster, 'cluster')));
        return submitAsSeen(deps, cluster, call, (found) => {
          if (!hasStandbys(found)) throw new HoldfastError('NO_STANDBY', { name: found.name });
          requireReady(found);
          const submission = submissionOf('switchover', found, call);
          const summary = to === null ? 'to the best standby' : `to ${to}`;
          return { ...submission, operation: { ...submission.operation, summary }, switchTo: to };
        });
      },
    }),
  ];
}

const namesOf = ({ spec }: Cluster): NodeName[] => dataNodes(topologyOf(spec)).map(({ name }) => name);
const hasStandbys = (cluster: Cluster): boolean => namesOf(cluster).length > 1;

/** Which of them is the primary is known when the operation looks: that one is refused then. @throws VALIDATION_FAILED, NO_STANDBY. */
function requireStandby(cluster: Cluster, to: string): NodeName {
  const names = namesOf(cluster);
  if (names.length === 1) throw new HoldfastError('NO_STANDBY', { name: cluster.name });
  const found = names.find((name) => name === to);
  if (found !== undefined) return found;
  const message = `must be a data node of ${cluster.name}: ${names.join(', ')}`;
  throw new InvalidRequest([{ in: 'body', pointer: '/to', code: 'no_such_node', message }]);
}

function previewOf(cluster: Cluster, to: NodeName | null, working: OperationSummary | undefined): PreviewAnswer {
  const { name, spec } = cluster;
  return {
    kind: 'switchover',
    changes: [
      {
        action: 'change',
        what: `primary of ${name}`,
        detail: `becomes ${to ?? 'the synchronous standby that is least behind'}; the primary of today follows it`,
      },
    ],
    impact: 'failover',
    checks: [
      check(
        'has-standbys',
        hasStandbys(cluster),
        `plan ${spec.plan}`,
        'restore it into a cluster with three data nodes',
      ),
      ...readinessChecks(cluster, working),
    ],
    steps: stepTitles('switchover', topologyOf(spec)),
    estimatedSeconds: SECONDS,
    price: null,
  };
}
