import { z } from 'zod';
import { nextDrills, nextDumps, nextRuns } from '../../domain/backup-times';
import type { BackupPolicy } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { requireReady } from '../../domain/readiness';
import { type BackupPolicyDetailAnswer, backupPolicyDetailSchema } from '../../domain/schemas/backup-policies';
import { backupPolicyRequestSchema } from '../../domain/schemas/backups';
import { kindOfChange, policyAsAsked, previewOfPolicy } from './backup-policy-change';
import { clusterParams, previewFlag } from './clusters';
import type { ApiDeps } from './deps';
import { findCluster, findLiveCluster, operationAt, requirePolicy } from './find';
import { etagOf } from './headers';
import { type AnyCall, reply, route, type Route } from './route';
import { type Accepted, acceptedOrPreview, replay, submissionOf, submitAsSeen } from './submit';

/** The policy of a cluster's backups: when they are taken, where they go, how long they are kept. */

const NEXT_RUNS = 3;

export function backupPolicyRoutes(deps: ApiDeps): Route[] {
  return [showRoute(deps), changeRoute(deps)];
}

function showRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/clusters/{cluster}/backup-policy',
    operationId: 'showBackupPolicy',
    summary: 'When the backups of a cluster are taken, where they go and how long they are kept',
    tag: 'Backups',
    scope: 'clusters:read',
    params: clusterParams,
    answers: { 200: { description: 'The policy.', schema: backupPolicyDetailSchema, headers: ['ETag'] } },
    errors: ['NOT_FOUND', 'BACKUPS_NOT_CONFIGURED'],
    async handle({ params, caller }) {
      const cluster = await findCluster(inventory, caller, params.cluster);
      return reply(200, detailOf(requirePolicy(cluster)), { ETag: etagOf(cluster.generation) });
    },
  });
}

/** From the policy itself: the answer does not depend on whether Temporal is there. */
function detailOf(policy: BackupPolicy): BackupPolicyDetailAnswer {
  const now = new Date();
  return {
    ...policy,
    nextRuns: {
      full: nextRuns(policy, 'full', NEXT_RUNS, now),
      differential: nextRuns(policy, 'differential', NEXT_RUNS, now),
      incremental: nextRuns(policy, 'incremental', NEXT_RUNS, now),
      drill: nextDrills(policy, NEXT_RUNS, now),
      dump: nextDumps(policy, NEXT_RUNS, now),
    },
  };
}

function changeRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'patch',
    path: '/v1/clusters/{cluster}/backup-policy',
    operationId: 'changeBackupPolicy',
    summary: 'Change when backups are taken, where they go and how long they are kept',
    description:
      'What is left out stays as it is. Sites can be added behind those that are there, and left out of the list: their copies are deleted. A cluster that has no backups gets them, by the defaults of an order where the request says nothing else, and the first one is taken at once. PostgreSQL is not restarted.',
    tag: 'Backups',
    scope: 'clusters:write',
    headers: ['If-Match', 'Idempotency-Key'],
    params: clusterParams,
    query: z.strictObject({ preview: previewFlag }),
    body: backupPolicyRequestSchema,
    answers: acceptedOrPreview,
    errors: [
      'NOT_FOUND',
      'CLUSTER_BUSY',
      'CLUSTER_NOT_READY',
      'CLUSTER_STOPPED',
      'PRECONDITION_FAILED',
      'IDEMPOTENCY_KEY_REUSED',
    ],
    async handle(call) {
      const { params, query, body, caller } = call;
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const cluster = await findLiveCluster(inventory, caller, params.cluster);
      const known = await inventory.sites.list();
      const change = ({ spec }: Cluster): BackupPolicy => policyAsAsked(spec, body, known);
      if (query.preview)
        return reply(200, previewOfPolicy(cluster, change(cluster), await operationAt(inventory, cluster, 'cluster')));
      return submitChange(deps, cluster, change, call);
    },
  });
}

const submitChange = (
  deps: ApiDeps,
  cluster: Cluster,
  change: (cluster: Cluster) => BackupPolicy,
  call: AnyCall,
): Promise<Accepted> =>
  submitAsSeen(deps, cluster, call, async (seen) => {
    const submission = { ...submissionOf(kindOfChange(seen.spec), seen, call), backupPolicy: change(seen) };
    const working = await operationAt(deps.inventory, seen, 'cluster');
    if (working) throw new HoldfastError('CLUSTER_BUSY', { operation: working.id });
    requireReady(seen);
    return submission;
  });
