import { z } from 'zod';
import type { Cluster } from '../../domain/clusters';
import type { Dump, DumpRestore } from '../../domain/dumps';
import { HoldfastError } from '../../domain/errors';
import { requireReady } from '../../domain/readiness';
import { type RestoreDump, restoreDumpSchema } from '../../domain/schemas/dumps';
import { previewFlag } from './clusters';
import type { ApiDeps } from './deps';
import { previewOfDumpRestore } from './dump-previews';
import { dumpParams, findDump } from './dumps';
import { findLiveCluster, operationAt } from './find';
import { InvalidRequest } from './problem';
import { reply, route, type Route } from './route';
import { acceptedOrPreview, launch, replay, submissionOf } from './submit';

/** Databases from dumps: of the cluster itself, or of another one of the project. */

export function dumpRestoreRoutes(deps: ApiDeps): Route[] {
  const { inventory } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/dumps/{dump}/restores',
      operationId: 'restoreDump',
      summary: 'Restore a database from a dump',
      description:
        "Into the cluster that was dumped or another one, of the same or a newer major, as the role that owns the cluster's " +
        'databases. It is restored beside what is there, and gets its name at the end: one that fails changes nothing.',
      tag: 'Dumps',
      scope: 'clusters:write',
      headers: ['Idempotency-Key'],
      params: dumpParams,
      query: z.strictObject({ preview: previewFlag }),
      body: restoreDumpSchema.optional(),
      answers: acceptedOrPreview,
      errors: [
        'NOT_FOUND',
        'DATABASE_EXISTS',
        'DUMP_NOT_THERE',
        'CLUSTER_BUSY',
        'CLUSTER_NOT_READY',
        'CLUSTER_STOPPED',
        'IDEMPOTENCY_KEY_REUSED',
      ],
      async handle(call) {
        const { params, query, caller } = call;
        const body = call.body ?? restoreDumpSchema.parse({});
        const repeated = await replay(deps, call);
        if (repeated) return repeated;
        const dump = await findDump(inventory, caller, params.dump);
        const cluster = await findLiveCluster(inventory, caller, body.cluster ?? dump.clusterId);
        const restore = orderOf(body, dump, cluster);
        const working = await operationAt(inventory, cluster, 'cluster');
        if (query.preview) return reply(200, previewOfDumpRestore(cluster, dump, restore, working));
        if (!working) requireReady(cluster);
        const submission = { ...submissionOf('restore-dump', cluster, call), dumpUse: { dumpId: dump.id, restore } };
        return launch(deps, submission, await inventory.operations.submit(null, submission));
      },
    }),
  ];
}

/** @throws VALIDATION_FAILED, DUMP_NOT_THERE, DATABASE_EXISTS for the database that every cluster has. */
function orderOf(body: RestoreDump, dump: Dump, cluster: Cluster): Omit<DumpRestore, 'dumpId'> {
  if (dump.state !== 'succeeded') throw new HoldfastError('DUMP_NOT_THERE', { dump: dump.id, state: dump.state });
  const [only, ...others] = dump.databases;
  const source = body.source ?? (others.length === 0 ? only : undefined);
  const wrong = (pointer: string, code: string, message: string): InvalidRequest =>
    new InvalidRequest([{ in: 'body', pointer, code, message }]);
  if (source === undefined || !dump.databases.includes(source))
    throw wrong('/source', 'no_such_database', `must be one of those in the dump: ${dump.databases.join(', ')}`);
  const { name, spec } = cluster;
  if (Number(spec.version) < Number(dump.version))
    throw wrong(
      '/cluster',
      'older_major',
      `has PostgreSQL ${spec.version}, and the dump is of ${dump.version}: choose a cluster that is not older`,
    );
  const database = body.database ?? source;
  if (database === spec.database && !body.replace)
    throw new HoldfastError('DATABASE_EXISTS', { cluster: name, database });
  return { source, database, replace: body.replace };
}
