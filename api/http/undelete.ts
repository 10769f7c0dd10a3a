import { z } from 'zod';
import type { KnownSite } from '../../activities/inventory/backup-tables';
import type { BackupPolicy, Origin } from '../../domain/backups';
import { BACKUPS_OUTLIVE_DAYS } from '../../domain/backups';
import type { Cluster, ClusterSpec } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import { stayingOf } from './backup-policy-change';
import { clusterParams, previewFlag } from './clusters';
import { type Caller, newId } from './context';
import { usableOf } from './backup-policy';
import type { ApiDeps } from './deps';
import { currentImage, type Image } from './order';
import { restoredSpec } from './restore-order';
import { openSource, requireInside } from './restore-window';
import { reply, route, type Route } from './route';
import { acceptedOrPreview, launch, type NewCluster, replay, submissionOf, submitNew } from './submit';
import { previewOfUndelete } from './undelete-preview';

/** A deleted cluster comes back: a restore of its last state under its name, with all that was ordered. */

export function undeleteRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/clusters/{cluster}/undelete',
      operationId: 'undeleteCluster',
      summary: 'Bring a deleted cluster back, with its last state',
      description:
        'For seven days after its deletion: `GET /v1/clusters?deleted=true` lists those that can come back. Name, plan, ' +
        'settings, policy of backups, password and certificate authority are as they were; so is the address of the endpoint, ' +
        'where the cloud has one that floats and nobody has taken it since. It has a new id and a new lineage of backups; those ' +
        'of before are found by the old id until they are removed. By its name the cluster is found that was deleted last.',
      tag: 'Clusters',
      scope: 'clusters:write',
      headers: ['Idempotency-Key'],
      params: clusterParams,
      query: z.strictObject({ preview: previewFlag }),
      answers: acceptedOrPreview,
      errors: [
        'NOT_FOUND',
        'NOT_DELETED',
        'NAME_TAKEN',
        'BACKUPS_NOT_CONFIGURED',
        'BACKUPS_REMOVED',
        'RESTORE_TARGET_OUTSIDE',
        'IDEMPOTENCY_KEY_REUSED',
      ],
      async handle(call) {
        const { params, query, caller } = call;
        const repeated = await replay(deps, call);
        if (repeated) return repeated;
        const deleted = await findDeleted(deps, caller, params.cluster);
        const image = await currentImage(deps.inventory.images);
        const cluster = await sameAgain(deps, deleted, image);
        if (query.preview) return reply(200, await preview(deps, cluster, deleted, image));
        const { operation, ...submission } = submissionOf('restore', cluster, call);
        const summary = `undelete of ${deleted.id}: ${operation.summary}`;
        const named = { ...submission, operation: { ...operation, summary } };
        return launch(deps, named, await submitNew(deps, cluster, named));
      },
    }),
  ];
}

type Undeleted = NewCluster & { readonly origin: Origin };

/** What comes back: as it was ordered and changed since. */
async function sameAgain(deps: ApiDeps, deleted: Cluster, image: Image): Promise<Undeleted> {
  const { name, projectId } = deleted;
  const { deletionProtection } = deleted.spec;
  const sites = await deps.inventory.sites.list();
  const spec = restoredSpec({ name, deletionProtection, credentials: 'keep' }, deleted, image, sites);
  const backups = policyAgain(deleted.spec.backups, sites, spec);
  return {
    id: newId('clu'),
    projectId,
    name,
    spec: { ...spec, backups },
    origin: await originOf(deps, deleted),
    generation: 1,
  };
}

/** The policy of before, on those of its sites that can still be used; without any of them, that of a new cluster. */
function policyAgain(
  before: BackupPolicy | null,
  known: readonly KnownSite[],
  { cloud, backups }: ClusterSpec,
): BackupPolicy | null {
  const usable = usableOf(known, cloud);
  const sites = before?.sites.filter((site) => usable.includes(site)) ?? [];
  if (before === null || sites.length === 0) return backups;
  return { ...before, sites, dumps: { ...before.dumps, sites: stayingOf(before.dumps.sites, sites) } };
}

async function preview(
  { inventory }: ApiDeps,
  cluster: Undeleted,
  deleted: Cluster,
  image: Image,
): Promise<PreviewAnswer> {
  const { projectId, name } = deleted;
  const [namesake, network, window, [last]] = await Promise.all([
    inventory.clusters.find(projectId, name),
    inventory.clusters.getNetwork(deleted.id),
    inventory.timelines.getWindow(cluster.origin.timelineId),
    inventory.backups.list(projectId, { limit: 1, clusterId: deleted.id }),
  ]);
  const known = {
    namesake,
    address: network?.floatingAddress ?? null,
    newestCommit: window?.latest ?? null,
    databaseBytes: last?.databaseBytes ?? null,
  };
  return previewOfUndelete(cluster, deleted, image, known);
}

/** @throws NOT_FOUND; NOT_DELETED for one that is there, or on its way. */
async function findDeleted({ inventory }: ApiDeps, { projectId }: Caller, reference: string): Promise<Cluster> {
  const living = await inventory.clusters.find(projectId, reference);
  if (living !== null && living.deletedAt === null)
    throw new HoldfastError('NOT_DELETED', { name: living.name, state: living.status.state, cluster: living.id });
  const deleted = await inventory.clusters.findDeleted(projectId, reference);
  if (deleted === null) throw new HoldfastError('NOT_FOUND', { kind: 'deleted cluster', ref: reference });
  return deleted;
}

/** @throws BACKUPS_NOT_CONFIGURED, BACKUPS_REMOVED, RESTORE_TARGET_OUTSIDE. */
async function originOf(deps: ApiDeps, cluster: Cluster): Promise<Origin> {
  const source = await openSource(deps, cluster);
  const { name, deletedAt } = cluster;
  if (source.timeline === null)
    throw new HoldfastError('BACKUPS_REMOVED', { name, deletedAt: deletedAt ?? '', days: BACKUPS_OUTLIVE_DAYS });
  const target = { kind: 'latest' } as const;
  const { timeline } = await requireInside(deps, source, target, { site: null, touches: false });
  const { id: clusterId } = cluster;
  return {
    clusterId,
    timelineId: timeline.id,
    target,
    site: null,
    keepsCredentials: true,
    undeletes: true,
    onlyDatabase: null,
  };
}
