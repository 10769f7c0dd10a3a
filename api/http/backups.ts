import { z } from 'zod';
import type { Backup } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { isId } from '../../domain/ids';
import { backupSchema, takeBackupSchema } from '../../domain/schemas/backups';
import { pageOf, pageQuery, referenceSchema } from '../../domain/schemas/pages';
import { backupAnswers } from './backup-answers';
import { previewOfBackup } from './backup-previews';
import { clusterParams, previewFlag } from './clusters';
import { newId } from './context';
import type { ApiDeps } from './deps';
import { findCluster, findLiveCluster, inTheWayOf, requireTimeline } from './find';
import { readPage } from './pages';
import { reply, route, type Route } from './route';
import { acceptedOrPreview, launch, REFUSALS, replay, submissionOf } from './submit';

/** Physical backups of a cluster. */

const backupParams = clusterParams.extend({
  backup: referenceSchema.meta({ description: 'Id of the backup.', example: 'bkp_01m7xfpycdf6dnev2ndz8p0wht' }),
});

export function backupRoutes(deps: ApiDeps): Route[] {
  return [takeRoute(deps), listRoute(deps), showRoute(deps)];
}

function takeRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'post',
    path: '/v1/clusters/{cluster}/backups',
    operationId: 'takeBackup',
    summary: 'Take a backup now, to every site of the cluster',
    description:
      'It runs beside whatever else is done to the cluster, but one at a time. Its record has the id of the operation: ' +
      '`GET /v1/clusters/{cluster}/backups` has the newest first.',
    tag: 'Backups',
    scope: 'clusters:write',
    headers: ['Idempotency-Key'],
    params: clusterParams,
    query: z.strictObject({ preview: previewFlag }),
    body: takeBackupSchema.optional(),
    answers: acceptedOrPreview,
    errors: [...REFUSALS, 'BACKUPS_NOT_CONFIGURED'],
    async handle(call) {
      const { params, query, caller } = call;
      const { type, description = null } = call.body ?? takeBackupSchema.parse({});
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const cluster = await findLiveCluster(inventory, caller, params.cluster);
      if (query.preview) {
        const working = await inTheWayOf(inventory, cluster, 'backup');
        const known = await inventory.backups.list(caller.projectId, { limit: 50, clusterId: cluster.id });
        return reply(200, previewOfBackup(cluster, type, known, working));
      }
      const { id: timelineId } = await requireTimeline(inventory, cluster);
      const { version } = cluster.spec;
      const submission = submissionOf('backup', cluster, call);
      const asked = {
        ...submission,
        operation: { ...submission.operation, summary: `${type} backup` },
        backup: { id: newId('bkp'), timelineId, type, description, version },
      };
      return launch(deps, asked, await inventory.operations.submit(null, asked));
    },
  });
}

function listRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/clusters/{cluster}/backups',
    operationId: 'listBackups',
    summary: 'Backups of a cluster, newest first',
    description: 'Those of a deleted cluster by its id. One that has expired stays here without a copy.',
    tag: 'Backups',
    scope: 'clusters:read',
    params: clusterParams,
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of backups.', schema: pageOf(backupSchema) } },
    errors: ['NOT_FOUND'],
    async handle({ params, query, caller }) {
      const cluster = await findCluster(inventory, caller, params.cluster);
      const page = await readPage('bkp', query, (wanted) =>
        inventory.backups.list(caller.projectId, { ...wanted, clusterId: cluster.id }),
      );
      const answer = await backupAnswers(inventory, cluster, page.items);
      return reply(200, { ...page, items: page.items.map(answer) });
    },
  });
}

function showRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/clusters/{cluster}/backups/{backup}',
    operationId: 'showBackup',
    summary: 'A backup, with its copy on each site',
    tag: 'Backups',
    scope: 'clusters:read',
    params: backupParams,
    answers: { 200: { description: 'The backup.', schema: backupSchema } },
    errors: ['NOT_FOUND'],
    async handle({ params, caller }) {
      const cluster = await findCluster(inventory, caller, params.cluster);
      const backup = await findBackup(inventory, cluster, params.backup);
      const answer = await backupAnswers(inventory, cluster, [backup]);
      return reply(200, answer(backup));
    },
  });
}

/** One of that cluster. @throws NOT_FOUND: also for what another cluster has. */
export async function findBackup(
  { backups }: Pick<ApiDeps['inventory'], 'backups'>,
  { id, projectId }: Pick<Cluster, 'id' | 'projectId'>,
  reference: string,
): Promise<Backup> {
  const backup = isId('bkp', reference) ? await backups.find(projectId, reference) : null;
  if (backup?.clusterId !== id) throw new HoldfastError('NOT_FOUND', { kind: 'backup', ref: reference });
  return backup;
}
