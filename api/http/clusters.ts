import { z } from 'zod';
import type { Tables } from '../../activities/inventory/inventory';
import { HoldfastError } from '../../domain/errors';
import {
  type ClusterDetailAnswer,
  clusterDetailSchema,
  clusterSchema,
  createClusterSchema,
  deleteClusterSchema,
  nodeSchema,
  updateClusterSchema,
} from '../../domain/schemas/clusters';
import { flagSchema, listOf, pageOf, pageQuery, referenceSchema } from '../../domain/schemas/pages';
import type { Cluster } from '../../domain/clusters';
import { newId } from './context';
import type { ApiDeps } from './deps';
import { findCluster, findLiveCluster, operationAt } from './find';
import { etagOf } from './headers';
import { once } from './once';
import { operationPage } from './operations';
import { currentImage, specOf } from './order';
import { readPage } from './pages';
import { previewOfCreate, previewOfDelete } from './previews';
import { type AnyCall, reply, route, type Route } from './route';
import { clusterAnswer, clusterDetail, nodeAnswers, operationSummaryAnswer } from './shapes';
import { type Accepted, acceptedOrPreview, launch, replay, submissionOf, submitAsSeen, submitNew } from './submit';

export const clusterParams = z.strictObject({
  cluster: referenceSchema.meta({ description: 'Name or id.', example: 'shop' }),
});

export const previewFlag = flagSchema.meta({ description: '`true`: only say what would be done. Nothing is written.' });
const detailAnswer = { 200: { description: 'The cluster.', schema: clusterDetailSchema, headers: ['ETag'] } } as const;
const updatedAnswer = { 200: { ...detailAnswer[200], headers: ['ETag', 'Idempotency-Replayed'] } } as const;

export function clusterRoutes(deps: ApiDeps): Route[] {
  return [
    createRoute(deps),
    listRoute(deps),
    showRoute(deps),
    updateRoute(deps),
    deleteRoute(deps),
    nodesRoute(deps),
    operationsRoute(deps),
  ];
}

function createRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'post',
    path: '/v1/clusters',
    operationId: 'createCluster',
    summary: 'Order a cluster',
    tag: 'Clusters',
    scope: 'clusters:write',
    headers: ['Idempotency-Key'],
    query: z.strictObject({ preview: previewFlag }),
    body: createClusterSchema,
    answers: acceptedOrPreview,
    errors: ['NAME_TAKEN', 'IDEMPOTENCY_KEY_REUSED'],
    async handle(call) {
      const { body, caller } = call;
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const [image, sites] = await Promise.all([currentImage(inventory.images), inventory.sites.list()]);
      const spec = specOf(body, image, sites);
      if (call.query.preview) {
        const namesake = await inventory.clusters.find(caller.projectId, body.name);
        return reply(200, previewOfCreate(body.name, spec, image, namesake));
      }
      const { projectId } = caller;
      const cluster = { id: newId('clu'), projectId, name: body.name, spec, origin: null, generation: 1 };
      const submission = submissionOf('provision', cluster, call);
      return launch(deps, submission, await submitNew(deps, cluster, submission));
    },
  });
}

function listRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/clusters',
    operationId: 'listClusters',
    summary: 'Clusters of the project, newest first',
    tag: 'Clusters',
    scope: 'clusters:read',
    query: z.strictObject({
      ...pageQuery,
      drills: flagSchema.meta({ description: '`true`: also those that are made for drills, and thrown away.' }),
      deleted: flagSchema.meta({
        description: '`true`: instead, those that were deleted and can still be undeleted, or restored by their id.',
      }),
    }),
    answers: { 200: { description: 'A page of clusters.', schema: pageOf(clusterSchema) } },
    errors: [],
    async handle({ query, caller }) {
      const { projectId } = caller;
      const page = await readPage('clu', query, (wanted) =>
        query.deleted
          ? inventory.clusters.listRestorable(projectId, wanted)
          : inventory.clusters.list(projectId, { ...wanted, drills: query.drills }),
      );
      return reply(200, { ...page, items: page.items.map(clusterAnswer) });
    },
  });
}

function showRoute(deps: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/clusters/{cluster}',
    operationId: 'showCluster',
    summary: 'A cluster: what was asked for (spec) and what is (status)',
    description: 'A deleted cluster is found by its id only.',
    tag: 'Clusters',
    scope: 'clusters:read',
    bucket: 'polling',
    params: clusterParams,
    answers: detailAnswer,
    errors: ['NOT_FOUND'],
    async handle({ params, caller }) {
      const cluster = await findCluster(deps.inventory, caller, params.cluster);
      return reply(200, await detailOf(deps.inventory, cluster), { ETag: etagOf(cluster.generation) });
    },
  });
}

function updateRoute(deps: ApiDeps): Route {
  return route({
    method: 'patch',
    path: '/v1/clusters/{cluster}',
    operationId: 'updateCluster',
    summary: 'Switch deletion protection on or off',
    tag: 'Clusters',
    scope: 'clusters:write',
    headers: ['If-Match', 'Idempotency-Key'],
    params: clusterParams,
    body: updateClusterSchema,
    answers: updatedAnswer,
    errors: ['NOT_FOUND', 'PRECONDITION_FAILED', 'IDEMPOTENCY_KEY_REUSED'],
    async handle(call) {
      const { params, body, caller } = call;
      const { answer, headers } = await once(deps, call, clusterDetailSchema, async (tables) => {
        const { id } = await findLiveCluster(tables, caller, params.cluster);
        const cluster = await tables.clusters.updateSpec(id, call.headers.ifMatch, body);
        const details = { cluster: cluster.name, deletionProtection: String(body.deletionProtection) };
        return { answer: await detailOf(tables, cluster), action: 'update cluster', subject: id, details };
      });
      return reply(200, answer, { ETag: etagOf(answer.generation), ...headers });
    },
  });
}

async function detailOf(
  { nodes, heartbeats, operations, archiving }: Pick<Tables, 'nodes' | 'heartbeats' | 'operations' | 'archiving'>,
  cluster: Cluster,
): Promise<ClusterDetailAnswer> {
  // One after the other: inside a transaction both go over one connection.
  const all = nodeAnswers(await nodes.list(cluster.id), await heartbeats.of(cluster.id));
  const working =
    (await operationAt({ operations }, cluster, 'cluster')) ?? (await operationAt({ operations }, cluster, 'backup'));
  return clusterDetail(cluster, all, working, await archiving.get(cluster.id));
}

function deleteRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'delete',
    path: '/v1/clusters/{cluster}',
    operationId: 'deleteCluster',
    summary: 'Delete a cluster with all its data',
    description: 'Type the name of the cluster as `confirm`, in the body or in the query.',
    tag: 'Clusters',
    scope: 'clusters:write',
    headers: ['If-Match', 'Idempotency-Key'],
    params: clusterParams,
    query: z.strictObject({
      preview: previewFlag,
      confirm: z.string().optional().meta({ description: 'For clients that send no body with DELETE.' }),
    }),
    body: deleteClusterSchema.optional(),
    answers: acceptedOrPreview,
    errors: [
      'CONFIRMATION_MISMATCH',
      'NOT_FOUND',
      'DELETION_PROTECTED',
      'CLUSTER_BUSY',
      'PRECONDITION_FAILED',
      'IDEMPOTENCY_KEY_REUSED',
    ],
    async handle(call) {
      const { params, query, body, caller } = call;
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const cluster = await findLiveCluster(inventory, caller, params.cluster);
      if (query.preview) {
        const nodes = await inventory.nodes.list(cluster.id);
        return reply(200, previewOfDelete(cluster, nodes, await operationAt(inventory, cluster, 'cluster')));
      }
      if ((body?.confirm ?? query.confirm) !== cluster.name)
        throw new HoldfastError('CONFIRMATION_MISMATCH', { name: cluster.name });
      return submitDelete(deps, cluster, call);
    },
  });
}

/** Protection that someone switches on in this very moment raises the generation. @throws DELETION_PROTECTED. */
const submitDelete = (deps: ApiDeps, cluster: Cluster, call: AnyCall): Promise<Accepted> =>
  submitAsSeen(deps, cluster, call, (seen) => {
    if (seen.spec.deletionProtection) throw new HoldfastError('DELETION_PROTECTED', { name: seen.name });
    return submissionOf('delete', seen, call);
  });

function nodesRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/clusters/{cluster}/nodes',
    operationId: 'listNodes',
    summary: 'Nodes of a cluster',
    tag: 'Clusters',
    scope: 'clusters:read',
    params: clusterParams,
    answers: { 200: { description: 'All its nodes.', schema: listOf(nodeSchema) } },
    errors: ['NOT_FOUND'],
    async handle({ params, caller }) {
      const { id } = await findCluster(inventory, caller, params.cluster);
      const items = nodeAnswers(await inventory.nodes.list(id), await inventory.heartbeats.of(id));
      return reply(200, { items });
    },
  });
}

function operationsRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'get',
    path: '/v1/clusters/{cluster}/operations',
    operationId: 'listClusterOperations',
    summary: 'Operations of a cluster, newest first',
    tag: 'Clusters',
    scope: 'clusters:read',
    params: clusterParams,
    query: z.strictObject(pageQuery),
    answers: { 200: operationPage },
    errors: ['NOT_FOUND'],
    async handle({ params, query, caller }) {
      const { id } = await findCluster(inventory, caller, params.cluster);
      const page = await readPage('op', query, (wanted) =>
        inventory.operations.list(caller.projectId, { ...wanted, clusterId: id }),
      );
      return reply(200, { ...page, items: page.items.map((item) => operationSummaryAnswer(deps, item)) });
    },
  });
}
