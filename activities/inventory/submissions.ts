import { z } from 'zod';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { ClusterId, OperationId } from '../../domain/ids';
import { FINAL_STATES } from '../../domain/operations';
import type { Operation } from '../../domain/operations';
import { appendAudit } from './audit';
import { lockCluster } from './clusters';
import type { Database, Sql } from './database';
import { first } from './database';
import { appendEvents } from './events';
import type { Idempotency, Submission, SubmissionResult } from './inventory';
import { requireOperation } from './read-operation';
import { operationId } from './rows';

/** The transactions in which a request becomes an operation: all of it is written, or nothing. */

/** See {@link OperationTable.submitCreate}. The operation has generation 1, the cluster's first. */
export function submitCreate(
  database: Database,
  cluster: Pick<Cluster, 'id' | 'projectId' | 'name' | 'spec'>,
  submission: Submission,
): Promise<SubmissionResult> {
  return database.transaction(
    async (sql) => {
      const replayed = await claimKey(sql, submission);
      if (replayed) return { operation: replayed, replayed: true };
      await sql.run('insert into clusters (id, project_id, name, spec) values ($1, $2, $3, $4::jsonb)', [
        cluster.id,
        cluster.projectId,
        cluster.name,
        JSON.stringify(cluster.spec),
      ]);
      return { operation: await write(sql, submission, 1), replayed: false };
    },
    { clusterName: cluster.name },
  );
}

/** See {@link OperationTable.submit}. */
export function submit(
  database: Database,
  expectedGeneration: number | null,
  submission: Submission,
): Promise<SubmissionResult> {
  return database.transaction(async (sql) => {
    const replayed = await claimKey(sql, submission);
    if (replayed) return { operation: replayed, replayed: true };
    const { clusterId } = submission.operation;
    const cluster = await lockCluster(sql, clusterId, expectedGeneration);
    if (cluster.deletedAt !== null) throw new HoldfastError('NOT_FOUND', { kind: 'cluster', ref: clusterId });
    await refuseWhenBusy(sql, clusterId);
    const generation = cluster.generation + 1;
    await sql.run('update clusters set generation = $2, operation_generation = $2 where id = $1', [
      clusterId,
      generation,
    ]);
    return { operation: await write(sql, submission, generation), replayed: false };
  });
}

/** See {@link OperationTable.findReplay}. */
export async function findReplay(sql: Sql, idempotency: Idempotency): Promise<Operation | null> {
  const row = z.object({ request_hash: z.string(), operation_id: operationId.nullable() });
  const known = first(
    await sql.rows(row, 'select request_hash, operation_id from idempotency_keys where principal = $1 and key = $2', [
      idempotency.principal,
      idempotency.key,
    ]),
  );
  if (!known) return null;
  if (known.request_hash !== idempotency.requestHash || known.operation_id === null)
    throw new HoldfastError('IDEMPOTENCY_KEY_REUSED');
  return requireOperation(sql, known.operation_id);
}

/** Takes the key for this operation, or gives the one that has it. Waits while another request is about to take it. */
async function claimKey(sql: Sql, { idempotency, operation }: Submission): Promise<Operation | null> {
  if (!idempotency) return null;
  const claimed = await sql.run(
    `insert into idempotency_keys (principal, key, request_hash, operation_id) values ($1, $2, $3, $4)
         on conflict do nothing`,
    [idempotency.principal, idempotency.key, idempotency.requestHash, operation.operationId],
  );
  return claimed > 0 ? null : findReplay(sql, idempotency);
}

async function refuseWhenBusy(sql: Sql, clusterId: ClusterId): Promise<void> {
  const row = z.object({ id: operationId });
  const running = first(
    await sql.rows(row, 'select id from operations where cluster_id = $1 and state <> all ($2)', [
      clusterId,
      FINAL_STATES,
    ]),
  );
  if (running) throw new HoldfastError('CLUSTER_BUSY', { operation: running.id });
}

async function write(sql: Sql, submission: Submission, generation: number): Promise<Operation> {
  const asked = submission.operation;
  await sql.run(
    `insert into operations
       (id, kind, project_id, cluster_id, cluster_name, generation, topology, summary, cause, requested_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      asked.operationId,
      asked.kind,
      asked.projectId,
      asked.clusterId,
      asked.clusterName,
      generation,
      asked.topology,
      asked.summary,
      asked.cause,
      asked.requestedBy,
    ],
  );
  await writeSteps(sql, asked.operationId, submission.steps);
  const operation = await requireOperation(sql, asked.operationId);
  await appendEvents(sql, operation, { steps: [], operation: true });
  await appendAudit(sql, {
    actor: asked.requestedBy,
    action: asked.kind,
    subject: asked.clusterId,
    details: { operation: operation.id, project: asked.projectId, cluster: asked.clusterName, generation },
  });
  return operation;
}

async function writeSteps(sql: Sql, id: OperationId, steps: Submission['steps']): Promise<void> {
  await sql.run(
    `insert into steps (operation_id, id, title, position)
     select $1, * from unnest($2::text[], $3::text[]) with ordinality`,
    [id, steps.map((step) => step.id), steps.map((step) => step.title)],
  );
}
