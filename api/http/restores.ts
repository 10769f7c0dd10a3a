import { z } from 'zod';
import type { Origin, RestoreWindow } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { plainLsn } from '../../domain/restore-targets';
import { type RestoreWindowAnswer, restoreWindowSchema } from '../../domain/schemas/restore-window';
import { pageQuery } from '../../domain/schemas/pages';
import { type RestoreCluster, restoreClusterSchema, targetOf } from '../../domain/schemas/restores';
import { previewOfRestore } from './backup-previews';
import { clusterParams, previewFlag } from './clusters';
import { newId } from './context';
import type { ApiDeps } from './deps';
import { findCluster } from './find';
import { operationPage } from './operations';
import { currentImage } from './order';
import { readPage } from './pages';
import { requireSite, restoredSpec } from './restore-order';
import { openSource, readWindow, requireInside, type Source } from './restore-window';
import { reply, route, type Route } from './route';
import { operationSummaryAnswer } from './shapes';
import { acceptedOrPreview, launch, replay, submissionOf, submitNew } from './submit';

/** New clusters with the data of another one. */

export function restoreRoutes(deps: ApiDeps): Route[] {
  // The window before anything that would take a name there.
  return [windowRoute(deps), restoreRoute(deps), listRoute(deps)];
}

function windowRoute(deps: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/clusters/{cluster}/restores/window',
    operationId: 'showRestoreWindow',
    summary: 'From where to where a cluster can be restored',
    description:
      'A worker asks the stores and the primary: this can take 30 s, after which the last look is told. The end is the ' +
      'newest commit in the archive, not the time by the clock. A deleted cluster is found by its id.',
    tag: 'Backups',
    scope: 'clusters:read',
    params: clusterParams,
    answers: { 200: { description: 'The window.', schema: restoreWindowSchema } },
    errors: ['NOT_FOUND', 'BACKUPS_NOT_CONFIGURED'],
    async handle({ params, caller }) {
      const source = await openSource(deps, await findCluster(deps.inventory, caller, params.cluster));
      const { window, asOf } = await readWindow(deps, source);
      return reply(200, await windowAnswer(deps, source, window, asOf));
    },
  });
}

async function windowAnswer(
  { inventory }: ApiDeps,
  { timeline }: Source,
  window: RestoreWindow | null,
  asOf: RestoreWindowAnswer['asOf'],
): Promise<RestoreWindowAnswer> {
  const { earliest = null, latest = null, lastLsn, lastTransaction = null, gaps = [] } = window ?? {};
  return {
    earliest,
    latest,
    firstLsn: window && timeline && (await inventory.backups.firstLsn(timeline.id, null)),
    lastLsn: lastLsn === undefined ? null : plainLsn(lastLsn),
    lastTransaction,
    gaps: [...gaps],
    asOf,
    timelineId: timeline?.id ?? null,
  };
}

function restoreRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'post',
    path: '/v1/clusters/{cluster}/restores',
    operationId: 'restoreCluster',
    summary: 'Order a new cluster with the data of this one, as it was at a time of its past',
    description:
      'This cluster goes on undisturbed. A deleted one is found by its id, as long as its backups outlive it. What the ' +
      'request leaves out is as in the source. The target is checked before anything is written.',
    tag: 'Backups',
    scope: 'clusters:write',
    headers: ['Idempotency-Key'],
    params: clusterParams,
    query: z.strictObject({ preview: previewFlag }),
    body: restoreClusterSchema,
    answers: acceptedOrPreview,
    errors: ['NOT_FOUND', 'NAME_TAKEN', 'BACKUPS_NOT_CONFIGURED', 'RESTORE_TARGET_OUTSIDE', 'IDEMPOTENCY_KEY_REUSED'],
    async handle(call) {
      const { params, query, body, caller } = call;
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const cluster = await findCluster(inventory, caller, params.cluster);
      const [image, sites] = await Promise.all([currentImage(inventory.images), inventory.sites.list()]);
      const spec = restoredSpec(body, cluster, image, sites);
      const { origin, isArchived } = await originOf(deps, cluster, body, { touches: !query.preview });
      const { projectId } = caller;
      const restored = { id: newId('clu'), projectId, name: body.name, spec, origin, generation: 1 };
      if (query.preview) {
        const namesake = await inventory.clusters.find(projectId, body.name);
        const [last] = await inventory.backups.list(projectId, { limit: 1, clusterId: cluster.id });
        const databaseBytes = last?.databaseBytes ?? null;
        return reply(200, previewOfRestore(restored, cluster, image, { namesake, databaseBytes, isArchived }));
      }
      const submission = submissionOf('restore', restored, call);
      return launch(deps, submission, await submitNew(deps, restored, submission));
    },
  });
}

/** @throws BACKUPS_NOT_CONFIGURED, VALIDATION_FAILED, RESTORE_TARGET_OUTSIDE, NOT_FOUND. */
async function originOf(
  deps: ApiDeps,
  cluster: Cluster,
  request: RestoreCluster,
  { touches }: { readonly touches: boolean },
): Promise<{ readonly origin: Origin; readonly isArchived: boolean }> {
  const source = await openSource(deps, cluster);
  const site = requireSite(request, source.timeline);
  const asked = targetOf(request.target);
  if (asked === null) throw new HoldfastError('NOT_FOUND', { kind: 'backup', ref: request.target?.backup ?? '' });
  const { timeline, target, isArchived } = await requireInside(deps, source, asked, { site, touches });
  const keepsCredentials = request.credentials === 'keep';
  const origin = {
    clusterId: cluster.id,
    timelineId: timeline.id,
    target,
    site,
    keepsCredentials,
    undeletes: false,
    onlyDatabase: null,
  };
  return { origin, isArchived };
}

function listRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'get',
    path: '/v1/clusters/{cluster}/restores',
    operationId: 'listRestores',
    summary: 'Operations that restore data of this cluster, newest first',
    description:
      'Into new clusters, of one database (`restore-database`, an operation of the cluster that is made for it), in place, and ' +
      'rollbacks of that.',
    tag: 'Backups',
    scope: 'clusters:read',
    params: clusterParams,
    query: z.strictObject(pageQuery),
    answers: { 200: operationPage },
    errors: ['NOT_FOUND'],
    async handle({ params, query, caller }) {
      const { id: restoredFrom } = await findCluster(inventory, caller, params.cluster);
      const page = await readPage('op', query, (wanted) =>
        inventory.operations.list(caller.projectId, { ...wanted, restoredFrom }),
      );
      return reply(200, { ...page, items: page.items.map((item) => operationSummaryAnswer(deps, item)) });
    },
  });
}
