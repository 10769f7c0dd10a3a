import { z } from 'zod';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { OperationSummary } from '../../domain/operations';
import { requireReady, requireStateFor } from '../../domain/readiness';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import { clusterParams, previewFlag } from './clusters';
import type { ApiDeps } from './deps';
import { findLiveCluster, operationAt } from './find';
import { busyCheck, check, readinessChecks } from './previews';
import { previewSteps } from './preview-steps';
import { reply, route, type Route } from './route';
import { acceptedOrPreview, replay, submissionOf, submitAsSeen } from './submit';

/** A whole cluster is stopped, and started again. */

const STOP_SECONDS = 20;
const START_SECONDS = 20;

export function powerRoutes(deps: ApiDeps): Route[] {
  return [
    powerRoute(deps, {
      kind: 'stop',
      summary: 'Stop a cluster; its data stays on its hosts',
      description:
        'Nobody is served until it is started again. The log is archived before, PostgreSQL is shut down with the primary last, and the ' +
        'hosts are switched off where the cloud can switch them on again. Its schedules are paused. A stopped cluster can be started and deleted, nothing else.',
      demand: requireReady,
      preview: previewOfStop,
    }),
    powerRoute(deps, {
      kind: 'start',
      summary: 'Start a cluster that is stopped',
      description: 'It serves at the same endpoint, with the same primary, and its schedules go on.',
      demand: (cluster) => requireStateFor('start', cluster),
      preview: previewOfStart,
    }),
  ];
}

interface Power {
  readonly kind: 'stop' | 'start';
  readonly summary: string;
  readonly description: string;
  /** @throws when the cluster is not in a state for it. */
  readonly demand: (cluster: Cluster) => void;
  readonly preview: (cluster: Cluster, working: OperationSummary | undefined) => PreviewAnswer;
}

function powerRoute(deps: ApiDeps, { kind, summary, description, demand, preview }: Power): Route {
  const { inventory } = deps;
  return route({
    method: 'post',
    path: `/v1/clusters/{cluster}/${kind}`,
    operationId: `${kind}Cluster`,
    summary,
    description,
    tag: 'Clusters',
    scope: 'clusters:write',
    headers: ['If-Match', 'Idempotency-Key'],
    params: clusterParams,
    query: z.strictObject({ preview: previewFlag }),
    answers: acceptedOrPreview,
    errors: [
      'NOT_FOUND',
      'CLUSTER_BUSY',
      'CLUSTER_NOT_READY',
      'CLUSTER_STOPPED',
      'CLUSTER_NOT_STOPPED',
      'PRECONDITION_FAILED',
      'IDEMPOTENCY_KEY_REUSED',
    ],
    async handle(call) {
      const { params, query, caller } = call;
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const cluster = await findLiveCluster(inventory, caller, params.cluster);
      const working = await workingOn(deps, cluster, kind);
      if (query.preview) return reply(200, preview(cluster, working));
      return submitAsSeen(deps, cluster, call, async (found) => {
        const busy = await workingOn(deps, found, kind);
        if (busy) throw new HoldfastError('CLUSTER_BUSY', { operation: busy.id });
        demand(found);
        return submissionOf(kind, found, call);
      });
    },
  });
}

/** A backup or a dump that runs is not cut off by a stop. */
async function workingOn(
  { inventory }: ApiDeps,
  cluster: Cluster,
  kind: Power['kind'],
): Promise<OperationSummary | undefined> {
  const own = await operationAt(inventory, cluster, 'cluster');
  if (own || kind === 'start') return own;
  return (await operationAt(inventory, cluster, 'backup')) ?? (await operationAt(inventory, cluster, 'dump'));
}

function previewOfStop(cluster: Cluster, working: OperationSummary | undefined): PreviewAnswer {
  const { name, spec } = cluster;
  return {
    kind: 'stop',
    changes: [
      { action: 'change', what: `cluster ${name}`, detail: 'answers nobody until it is started; all its data stays' },
      ...(spec.backups === null
        ? []
        : [{ action: 'change' as const, what: 'schedules', detail: 'of backups, drills and dumps are paused' }]),
    ],
    impact: 'outage',
    checks: readinessChecks(cluster, working),
    steps: previewSteps('stop', spec),
    estimatedSeconds: STOP_SECONDS,
    price: null,
  };
}

function previewOfStart(cluster: Cluster, working: OperationSummary | undefined): PreviewAnswer {
  const { name, spec, status } = cluster;
  return {
    kind: 'start',
    changes: [{ action: 'change', what: `cluster ${name}`, detail: 'serves again, at the same endpoint' }],
    impact: 'none',
    checks: [
      check('cluster-stopped', status.state === 'stopped', `cluster ${name} is ${status.state}`, 'stop it first'),
      busyCheck(cluster, working),
    ],
    steps: previewSteps('start', spec),
    estimatedSeconds: START_SECONDS,
    price: null,
  };
}
