import { z } from 'zod';
import type { Cluster } from '../../domain/clusters';
import { clusterOfDrill } from '../../domain/drilled-clusters';
import type { Drill } from '../../domain/drills';
import { HoldfastError } from '../../domain/errors';
import { isId } from '../../domain/ids';
import { type DrillAnswer, type DrillDetailAnswer, drillDetailSchema, drillSchema } from '../../domain/schemas/drills';
import { pageOf, pageQuery, referenceSchema } from '../../domain/schemas/pages';
import { clusterParams, previewFlag } from './clusters';
import { newId } from './context';
import type { ApiDeps } from './deps';
import { previewOfDrill } from './drill-preview';
import { findCluster, findLiveCluster } from './find';
import { readPage } from './pages';
import { openSource, requireInside } from './restore-window';
import { reply, route, type Route } from './route';
import { clusterPath, operationPath } from './shapes';
import { acceptedOrPreview, launch, replay, submissionOf } from './submit';

/** Drills: restores into hosts that are thrown away, which prove that backups can be restored. */

const drillParams = clusterParams.extend({
  drill: referenceSchema.meta({ description: 'Id of the drill.', example: 'drl_01m7xfpycdf6dnev2ndz8p0wht' }),
});

export function drillRoutes(deps: ApiDeps): Route[] {
  return [holdRoute(deps), listRoute(deps), showRoute(deps)];
}

function holdRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'post',
    path: '/v1/clusters/{cluster}/drills',
    operationId: 'holdDrill',
    summary: 'Prove now that the backups of a cluster can be restored',
    description:
      'They are restored into hosts of their own, which are thrown away afterwards, to a time and from a site that are ' +
      'chosen by chance. The cluster and whatever else is done to it go on undisturbed; one drill of a cluster runs at a ' +
      'time. The operation is one of the cluster that is made for it.',
    tag: 'Backups',
    scope: 'clusters:write',
    headers: ['Idempotency-Key'],
    params: clusterParams,
    query: z.strictObject({ preview: previewFlag }),
    answers: acceptedOrPreview,
    errors: ['NOT_FOUND', 'BACKUPS_NOT_CONFIGURED', 'CLUSTER_BUSY', 'RESTORE_TARGET_OUTSIDE', 'IDEMPOTENCY_KEY_REUSED'],
    async handle(call) {
      const { params, query, caller } = call;
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const source = await findLiveCluster(inventory, caller, params.cluster);
      const looked = { site: null, touches: !query.preview };
      const { timeline } = await requireInside(deps, await openSource(deps, source), { kind: 'latest' }, looked);
      const operationId = newId('op');
      const cluster = clusterOfDrill(source, newId('clu'), operationId);
      if (query.preview) {
        const [last] = await inventory.drills.list(caller.projectId, { limit: 1, clusterId: source.id });
        return reply(200, previewOfDrill(source, cluster.spec, last));
      }
      const draft = submissionOf('drill', { ...cluster, generation: 1 }, call);
      const summary = `of ${source.name}, PostgreSQL ${source.spec.version}`;
      const submission = {
        ...draft,
        operation: { ...draft.operation, operationId, summary },
        drill: { id: newId('drl'), clusterId: source.id, timelineId: timeline.id },
      };
      return launch(deps, submission, await inventory.operations.submitCreate(cluster, submission));
    },
  });
}

function listRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/clusters/{cluster}/drills',
    operationId: 'listDrills',
    summary: 'Drills of the backups of a cluster, newest first',
    description: 'Those of a deleted cluster by its id.',
    tag: 'Backups',
    scope: 'clusters:read',
    params: clusterParams,
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of drills.', schema: pageOf(drillSchema) } },
    errors: ['NOT_FOUND'],
    async handle({ params, query, caller }) {
      const { id: clusterId } = await findCluster(inventory, caller, params.cluster);
      const page = await readPage('drl', query, (wanted) =>
        inventory.drills.list(caller.projectId, { ...wanted, clusterId }),
      );
      return reply(200, { ...page, items: page.items.map(drillAnswer) });
    },
  });
}

function showRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/clusters/{cluster}/drills/{drill}',
    operationId: 'showDrill',
    summary: 'A drill with its evidence: what was restored, how long it took, what was checked',
    tag: 'Backups',
    scope: 'clusters:read',
    params: drillParams,
    answers: { 200: { description: 'The drill.', schema: drillDetailSchema } },
    errors: ['NOT_FOUND'],
    async handle({ params, caller }) {
      const cluster = await findCluster(inventory, caller, params.cluster);
      const drill = await findDrill(inventory, cluster, params.drill);
      return reply(200, await drillDetail(inventory, drill));
    },
  });
}

type Inventory = ApiDeps['inventory'];

/** One of that cluster. @throws NOT_FOUND: also for what another cluster has. */
async function findDrill(
  { drills }: Pick<Inventory, 'drills'>,
  { id, projectId }: Pick<Cluster, 'id' | 'projectId'>,
  reference: string,
): Promise<Drill> {
  const drill = isId('drl', reference) ? await drills.find(projectId, reference) : null;
  if (drill?.clusterId !== id) throw new HoldfastError('NOT_FOUND', { kind: 'drill', ref: reference });
  return drill;
}

function drillAnswer(drill: Drill): DrillAnswer {
  const cluster = clusterPath(drill.clusterId);
  const links = { self: `${cluster}/drills/${drill.id}`, cluster, operation: operationPath(drill.operationId) };
  return { ...drill, links };
}

async function drillDetail({ operations }: Pick<Inventory, 'operations'>, drill: Drill): Promise<DrillDetailAnswer> {
  const steps = (await operations.get(drill.operationId))?.steps ?? [];
  const phases = steps.map(({ id, title, state, startedAt, finishedAt }) => ({
    step: id,
    title,
    state,
    seconds: startedAt === null || finishedAt === null ? null : (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000,
  }));
  return { ...drillAnswer(drill), phases };
}
