import { z } from 'zod';
import { requireReady } from '../../domain/readiness';
import { beginMaintenanceSchema, maintenanceSchema } from '../../domain/schemas/maintenance';
import { clusterParams } from './clusters';
import type { ApiDeps } from './deps';
import { findLiveCluster } from './find';
import { once } from './once';
import { reply, route, type Route } from './route';

/** Maintenance: for some time somebody works on the hosts of a cluster, and the autopilot leaves them alone. */

export function maintenanceRoutes(deps: ApiDeps): Route[] {
  return [beginRoute(deps), endRoute(deps)];
}

function beginRoute(deps: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/v1/clusters/{cluster}/maintenance',
    operationId: 'beginMaintenance',
    summary: 'Have the autopilot leave the hosts of a cluster alone for some time',
    description:
      'It neither fences nor replaces one until then; the condition `Maintenance` says so. It ends by itself, after a day at most. ' +
      'Patroni stays in charge, and fails over when its lease is over.',
    tag: 'Clusters',
    scope: 'clusters:write',
    headers: ['Idempotency-Key'],
    params: clusterParams,
    body: beginMaintenanceSchema,
    answers: {
      200: { description: 'It has begun.', schema: maintenanceSchema, headers: ['Idempotency-Replayed'] },
    },
    errors: ['NOT_FOUND', 'CLUSTER_NOT_READY', 'CLUSTER_STOPPED', 'IDEMPOTENCY_KEY_REUSED'],
    async handle(call) {
      const { params, body, caller } = call;
      const { answer, headers } = await once(deps, call, maintenanceSchema, async ({ clusters }) => {
        const cluster = await findLiveCluster({ clusters }, caller, params.cluster);
        requireReady(cluster);
        const begun = await clusters.beginMaintenance(cluster.id, body.minutes, caller.tokenName);
        const details = { cluster: cluster.name, until: begun.until };
        return { answer: begun, action: 'begin maintenance', subject: cluster.id, details };
      });
      return reply(200, answer, headers);
    },
  });
}

function endRoute(deps: ApiDeps): Route {
  return route({
    method: 'delete',
    path: '/v1/clusters/{cluster}/maintenance',
    operationId: 'endMaintenance',
    summary: 'Have the autopilot watch the hosts of a cluster again',
    description: 'Nothing to do where there is no maintenance, or no more.',
    tag: 'Clusters',
    scope: 'clusters:write',
    headers: ['Idempotency-Key'],
    params: clusterParams,
    answers: { 204: { description: 'There is none any more.', schema: null, headers: ['Idempotency-Replayed'] } },
    errors: ['NOT_FOUND', 'IDEMPOTENCY_KEY_REUSED'],
    async handle(call) {
      const { headers } = await once(deps, call, z.null(), async ({ clusters }) => {
        const { id, name } = await findLiveCluster({ clusters }, call.caller, call.params.cluster);
        await clusters.endMaintenance(id);
        return { answer: null, action: 'end maintenance', subject: id, details: { cluster: name } };
      });
      return { status: 204 as const, headers };
    },
  });
}
