import { z } from 'zod';
import type { Submission } from '../../activities/inventory/inventory';
import type { Origin } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import type { DatabaseRestore } from '../../domain/database-restores';
import { mayLeaveOut } from '../../domain/database-restores';
import { clusterOfExtract } from '../../domain/drilled-clusters';
import { HoldfastError } from '../../domain/errors';
import type { OperationId } from '../../domain/ids';
import type { OperationSummary } from '../../domain/operations';
import { targetInWords } from '../../domain/restore-targets';
import { requireReady } from '../../domain/readiness';
import { type RestoreDatabase, restoreDatabaseSchema } from '../../domain/schemas/database-restores';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import { targetOf } from '../../domain/schemas/restores';
import { clusterParams, previewFlag } from './clusters';
import { type Caller, newId } from './context';
import { type OrderedDatabase, previewOfDatabaseRestore } from './database-restore-preview';
import type { ApiDeps } from './deps';
import { findCluster, findLiveCluster, operationAt } from './find';
import { InvalidRequest } from './problem';
import { requireSite } from './restore-order';
import { openSource, requireInside } from './restore-window';
import { type AnyCall, reply, route, type Route } from './route';
import { acceptedOrPreview, launch, replay, submissionOf } from './submit';

/** One database out of the backups of a cluster, into that cluster or another one. */

export function databaseRestoreRoutes(deps: ApiDeps): Route[] {
  const { inventory } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/clusters/{cluster}/restores/database',
      operationId: 'restoreDatabase',
      summary: 'Restore one database of a cluster, as it was at a time of its past',
      description:
        'The backups are restored into hosts that are thrown away; the database is dumped there, and restored from the dump by an ' +
        'operation of the cluster that it goes into, of the same or a newer major. That goes on undisturbed; the database gets ' +
        'its name at the end. The operation of this answer is one of the cluster that is made for it. A deleted cluster is found ' +
        'by its id.',
      tag: 'Backups',
      scope: 'clusters:write',
      headers: ['Idempotency-Key'],
      params: clusterParams,
      query: z.strictObject({ preview: previewFlag }),
      body: restoreDatabaseSchema,
      answers: acceptedOrPreview,
      errors: [
        'NOT_FOUND',
        'BACKUPS_NOT_CONFIGURED',
        'CLUSTER_NOT_READY',
        'CLUSTER_STOPPED',
        'DATABASE_EXISTS',
        'RESTORE_TARGET_OUTSIDE',
        'IDEMPOTENCY_KEY_REUSED',
      ],
      async handle(call) {
        const { params, query, body, caller } = call;
        const repeated = await replay(deps, call);
        if (repeated) return repeated;
        const ordered = await orderedBy(deps, caller, params.cluster, { body, touches: !query.preview });
        const { aside, into } = ordered;
        const working = await operationAt(inventory, into, 'cluster');
        if (query.preview) return reply(200, await preview(deps, ordered, working));
        if (!working) requireReady(into);
        const submission = submissionFor(ordered, call);
        return launch(deps, submission, await inventory.operations.submitCreate(aside, submission));
      },
    }),
  ];
}

interface Ordered extends OrderedDatabase {
  readonly operationId: OperationId;
}

/** @throws NOT_FOUND, BACKUPS_NOT_CONFIGURED, VALIDATION_FAILED, DATABASE_EXISTS, RESTORE_TARGET_OUTSIDE. */
async function orderedBy(
  deps: ApiDeps,
  caller: Caller,
  reference: string,
  { body, touches }: { readonly body: RestoreDatabase; readonly touches: boolean },
): Promise<Ordered> {
  const from = await findCluster(deps.inventory, caller, reference);
  const into = await findLiveCluster(deps.inventory, caller, body.cluster ?? from.id);
  const restore = wantedOf(body, from, into);
  const origin = await originOf(deps, from, body, { touches });
  const operationId = newId('op');
  const aside = { ...clusterOfExtract(from, newId('clu'), operationId), origin };
  return { from, into, restore, aside, operationId };
}

async function preview(
  { inventory }: ApiDeps,
  ordered: Ordered,
  working: OperationSummary | undefined,
): Promise<PreviewAnswer> {
  const { id: clusterId, projectId } = ordered.from;
  const [last] = await inventory.backups.list(projectId, { limit: 1, clusterId });
  return previewOfDatabaseRestore(ordered, { working, databaseBytes: last?.databaseBytes ?? null });
}

/** @throws VALIDATION_FAILED; DATABASE_EXISTS for the database that every cluster has. */
function wantedOf(body: RestoreDatabase, from: Cluster, into: Cluster): DatabaseRestore {
  const source = body.source ?? from.spec.database;
  const database = body.database ?? source;
  const { id, name, spec } = into;
  if (Number(spec.version) < Number(from.spec.version)) {
    const message = `has PostgreSQL ${spec.version}, and the database is of ${from.spec.version}: choose a cluster that is not older`;
    throw new InvalidRequest([{ in: 'body', pointer: '/cluster', code: 'older_major', message }]);
  }
  if (database === spec.database && !body.replace)
    throw new HoldfastError('DATABASE_EXISTS', { cluster: name, database });
  return { into: id, source, database, replace: body.replace };
}

/** @throws BACKUPS_NOT_CONFIGURED, VALIDATION_FAILED, RESTORE_TARGET_OUTSIDE, NOT_FOUND. */
async function originOf(
  deps: ApiDeps,
  from: Cluster,
  body: RestoreDatabase,
  { touches }: { readonly touches: boolean },
): Promise<Origin> {
  const source = await openSource(deps, from);
  const site = requireSite(body, source.timeline);
  const asked = targetOf(body.target);
  if (asked === null) throw new HoldfastError('NOT_FOUND', { kind: 'backup', ref: body.target?.backup ?? '' });
  const { timeline, target } = await requireInside(deps, source, asked, { site, touches });
  const onlyDatabase = mayLeaveOut(target) ? (body.source ?? from.spec.database) : null;
  return {
    clusterId: from.id,
    timelineId: timeline.id,
    target,
    site,
    keepsCredentials: false,
    undeletes: false,
    onlyDatabase,
  };
}

function submissionFor({ from, aside, restore, operationId }: Ordered, call: AnyCall): Submission {
  const draft = submissionOf('restore-database', { ...aside, generation: 1 }, call);
  const { target, timelineId } = aside.origin;
  const { source: database } = restore;
  return {
    ...draft,
    operation: { ...draft.operation, operationId, summary: `${database} of ${from.name}, ${targetInWords(target)}` },
    dump: { id: newId('dmp'), timelineId, database, description: null, version: from.spec.version },
    databaseRestore: { ...restore, from: from.id },
  };
}
