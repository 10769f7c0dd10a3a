import { z } from 'zod';
import type { Dump } from '../../domain/dumps';
import { HoldfastError } from '../../domain/errors';
import { isId } from '../../domain/ids';
import { dumpSchema, takeDumpSchema } from '../../domain/schemas/dumps';
import { pageOf, pageQuery, referenceSchema } from '../../domain/schemas/pages';
import { clusterParams, previewFlag } from './clusters';
import type { Caller } from './context';
import { newId } from './context';
import type { ApiDeps } from './deps';
import { previewOfDump } from './dump-previews';
import { findCluster, findLiveCluster, inTheWayOf, requireTimeline } from './find';
import { readPage } from './pages';
import { reply, route, type Route } from './route';
import { dumpAnswer } from './shapes';
import { acceptedAnswer, acceptedOrPreview, launch, REFUSALS, replay, submissionOf } from './submit';

/** Logical dumps of a cluster's databases. */

export const dumpParams = z.strictObject({
  dump: referenceSchema.meta({ description: 'Id of the dump.', example: 'dmp_01m7xfpycdf6dnev2ndz8p0wht' }),
});

export function dumpRoutes(deps: ApiDeps): Route[] {
  return [takeRoute(deps), listOfClusterRoute(deps), listRoute(deps), showRoute(deps), deleteRoute(deps)];
}

function takeRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'post',
    path: '/v1/clusters/{cluster}/dumps',
    operationId: 'takeDump',
    summary: 'Dump a database, or all of them with the roles',
    description:
      'pg_dump in its directory format, on the replica that is least behind, as one archive on each site of the cluster. ' +
      'It runs beside whatever else is done to the cluster but a restore in place, a rollback and a deletion; one at a time. ' +
      'What the plan does not keep is deleted once it has succeeded.',
    tag: 'Dumps',
    scope: 'clusters:write',
    headers: ['Idempotency-Key'],
    params: clusterParams,
    query: z.strictObject({ preview: previewFlag }),
    body: takeDumpSchema.optional(),
    answers: acceptedOrPreview,
    errors: [...REFUSALS, 'BACKUPS_NOT_CONFIGURED'],
    async handle(call) {
      const { params, query, caller } = call;
      const { database: asked, all, description = null } = call.body ?? takeDumpSchema.parse({});
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const cluster = await findLiveCluster(inventory, caller, params.cluster);
      const database = all ? null : (asked ?? cluster.spec.database);
      if (query.preview) {
        const good = await inventory.dumps.listGood(cluster.id);
        return reply(200, previewOfDump(cluster, database, good, await inTheWayOf(inventory, cluster, 'dump')));
      }
      const { id: timelineId } = await requireTimeline(inventory, cluster);
      const { version } = cluster.spec;
      const submission = submissionOf('dump', cluster, call);
      const asking = {
        ...submission,
        operation: { ...submission.operation, summary: `dump of ${database === null ? 'all' : 'one'}` },
        dump: { id: newId('dmp'), timelineId, database, description, version },
      };
      return launch(deps, asking, await inventory.operations.submit(null, asking));
    },
  });
}

const dumpPage = { 200: { description: 'A page of dumps.', schema: pageOf(dumpSchema) } } as const;

function listOfClusterRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/clusters/{cluster}/dumps',
    operationId: 'listDumpsOfCluster',
    summary: 'Dumps of a cluster, newest first',
    description: 'Those of a deleted cluster by its id. One that was deleted stays here without a copy.',
    tag: 'Dumps',
    scope: 'clusters:read',
    params: clusterParams,
    query: z.strictObject(pageQuery),
    answers: dumpPage,
    errors: ['NOT_FOUND'],
    async handle({ params, query, caller }) {
      const { id: clusterId } = await findCluster(inventory, caller, params.cluster);
      const page = await readPage('dmp', query, (wanted) =>
        inventory.dumps.list(caller.projectId, { ...wanted, clusterId }),
      );
      return reply(200, { ...page, items: page.items.map(dumpAnswer) });
    },
  });
}

function listRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/dumps',
    operationId: 'listDumps',
    summary: 'Dumps of all clusters, newest first',
    tag: 'Dumps',
    scope: 'clusters:read',
    query: z.strictObject(pageQuery),
    answers: dumpPage,
    errors: [],
    async handle({ query, caller }) {
      const page = await readPage('dmp', query, (wanted) => inventory.dumps.list(caller.projectId, wanted));
      return reply(200, { ...page, items: page.items.map(dumpAnswer) });
    },
  });
}

function showRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/dumps/{dump}',
    operationId: 'showDump',
    summary: 'A dump, with its copy on each site',
    tag: 'Dumps',
    scope: 'clusters:read',
    params: dumpParams,
    answers: { 200: { description: 'The dump.', schema: dumpSchema } },
    errors: ['NOT_FOUND'],
    async handle({ params, caller }) {
      return reply(200, dumpAnswer(await findDump(inventory, caller, params.dump)));
    },
  });
}

function deleteRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'delete',
    path: '/v1/dumps/{dump}',
    operationId: 'deleteDump',
    summary: 'Delete a dump from all its sites',
    description: 'Not while it is being taken or restored. Dumps of a deleted cluster go with its backups.',
    tag: 'Dumps',
    scope: 'clusters:write',
    headers: ['Idempotency-Key'],
    params: dumpParams,
    answers: acceptedAnswer,
    errors: [
      'NOT_FOUND',
      'DUMP_NOT_THERE',
      'CLUSTER_BUSY',
      'CLUSTER_NOT_READY',
      'CLUSTER_STOPPED',
      'IDEMPOTENCY_KEY_REUSED',
    ],
    async handle(call) {
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const { id: dumpId, clusterId } = await findDump(inventory, call.caller, call.params.dump);
      const cluster = await findLiveCluster(inventory, call.caller, clusterId);
      const submission = { ...submissionOf('delete-dump', cluster, call), dumpUse: { dumpId, restore: null } };
      return launch(deps, submission, await inventory.operations.submit(null, submission));
    },
  });
}

/** @throws NOT_FOUND: also for what another project has. */
export async function findDump(
  { dumps }: Pick<ApiDeps['inventory'], 'dumps'>,
  { projectId }: Pick<Caller, 'projectId'>,
  reference: string,
): Promise<Dump> {
  const dump = isId('dmp', reference) ? await dumps.find(projectId, reference) : null;
  if (!dump) throw new HoldfastError('NOT_FOUND', { kind: 'dump', ref: reference });
  return dump;
}
