import { z } from 'zod';
import type { RestorePoint, Timeline } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import type { OperationSummary } from '../../domain/operations';
import { requireReady } from '../../domain/readiness';
import { pageOf, pageQuery } from '../../domain/schemas/pages';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import {
  createRestorePointSchema,
  type RestorePointAnswer,
  restorePointSchema,
} from '../../domain/schemas/restore-points';
import { stepTitles } from '../../workflows/runbooks';
import { clusterParams, previewFlag } from './clusters';
import type { ApiDeps } from './deps';
import { findCluster, findLiveCluster, operationAt, requirePolicy } from './find';
import { readPage } from './pages';
import { check } from './previews';
import { outside } from './restore-targets';
import { reply, route, type Route } from './route';
import { acceptedOrPreview, replay, submissionOf, submitAsSeen, topologyOf } from './submit';

/** Names for what is in a cluster at a moment, so that it can be restored to that. */

const SECONDS = 2;

export function restorePointRoutes(deps: ApiDeps): Route[] {
  return [createRoute(deps), listRoute(deps)];
}

const refusals = [
  'NOT_FOUND',
  'CLUSTER_BUSY',
  'CLUSTER_NOT_READY',
  'CLUSTER_STOPPED',
  'PRECONDITION_FAILED',
  'IDEMPOTENCY_KEY_REUSED',
  'BACKUPS_NOT_CONFIGURED',
  'RESTORE_POINT_EXISTS',
  'RESTORE_TARGET_OUTSIDE',
] as const;

function createRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'post',
    path: '/v1/clusters/{cluster}/restore-points',
    operationId: 'createRestorePoint',
    summary: 'Give what is in a cluster now a name, to restore it to that later',
    description: 'All that was committed before is part of it, and nothing that is committed afterwards.',
    tag: 'Backups',
    scope: 'clusters:write',
    headers: ['If-Match', 'Idempotency-Key'],
    params: clusterParams,
    query: z.strictObject({ preview: previewFlag }),
    body: createRestorePointSchema,
    answers: acceptedOrPreview,
    errors: refusals,
    async handle(call) {
      const { params, query, body, caller } = call;
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const cluster = await findLiveCluster(inventory, caller, params.cluster);
      const timeline = await requireBackups(deps, cluster, body.name);
      if (query.preview) {
        const namesake = await inventory.restorePoints.find(timeline.id, body.name);
        const working = await operationAt(inventory, cluster, 'cluster');
        return reply(200, previewOf(cluster, body.name, namesake, working));
      }
      return submitAsSeen(deps, cluster, call, (found) => {
        requireReady(found);
        const submission = submissionOf('create-restore-point', found, call);
        const restorePoint = { timelineId: timeline.id, name: body.name };
        return { ...submission, operation: { ...submission.operation, summary: body.name }, restorePoint };
      });
    },
  });
}

/** @throws BACKUPS_NOT_CONFIGURED; RESTORE_TARGET_OUTSIDE while there is none: nothing could ever be restored to the point. */
async function requireBackups({ inventory }: ApiDeps, cluster: Cluster, name: string): Promise<Timeline> {
  requirePolicy(cluster);
  const timeline = await inventory.timelines.current(cluster.id);
  if (timeline && (await inventory.backups.firstLsn(timeline.id, null)) !== null) return timeline;
  throw outside({ kind: 'point', name }, `cluster ${cluster.name} has no backup yet; make it when there is one`);
}

function previewOf(
  { name, spec, status }: Cluster,
  point: string,
  namesake: RestorePoint | null,
  working: OperationSummary | undefined,
): PreviewAnswer {
  return {
    kind: 'create-restore-point',
    changes: [{ action: 'create', what: `restore point ${point} of ${name}`, detail: 'a record in its log' }],
    impact: 'none',
    checks: [
      check('cluster-ready', status.state === 'ready', `cluster ${name} is ${status.state}`, 'wait until it is ready'),
      check(
        'not-busy',
        !working,
        working ? `operation ${working.id} works on ${name}` : `no operation works on ${name}`,
        'wait until the operation ends',
      ),
      check(
        'name-free',
        !namesake,
        namesake ? `there is one of that name, made at ${namesake.madeAt}` : 'no other one has that name',
        'choose another name',
      ),
    ],
    steps: stepTitles('create-restore-point', topologyOf(spec)),
    estimatedSeconds: SECONDS,
    price: null,
  };
}

function listRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/clusters/{cluster}/restore-points',
    operationId: 'listRestorePoints',
    summary: 'Restore points that a cluster can be restored to, newest first',
    description: 'One that is older than all backups is there no more. Those of a deleted cluster are found by its id.',
    tag: 'Backups',
    scope: 'clusters:read',
    params: clusterParams,
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of restore points.', schema: pageOf(restorePointSchema) } },
    errors: ['NOT_FOUND'],
    async handle({ params, query, caller }) {
      const cluster = await findCluster(inventory, caller, params.cluster);
      const timeline = await inventory.timelines.current(cluster.id);
      const page = await readPage('op', query, async (wanted) =>
        timeline === null ? [] : inventory.restorePoints.list(timeline.id, wanted),
      );
      return reply(200, { ...page, items: page.items.map(answerOf) });
    },
  });
}

const answerOf = ({ id, name, lsn, madeAt, requestedBy, timelineId }: RestorePoint): RestorePointAnswer => ({
  name,
  lsn,
  madeAt,
  requestedBy,
  timelineId,
  operationId: id,
});
