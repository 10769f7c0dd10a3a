import { z } from 'zod';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { OperationId } from '../../domain/ids';
import { ENDS_BACKUPS, EXCLUDES_BACKUPS, FINAL_STATES, laneOf, LANES } from '../../domain/operations';
import type { Operation } from '../../domain/operations';
import { requireReady, requireStateFor } from '../../domain/readiness';
import { appendAudit } from './audit';
import { insertBackup } from './backups';
import { lockCluster } from './clusters';
import type { Database, Sql } from './database';
import { first } from './database';
import { insertDatabaseRestore } from './database-restores';
import { insertDrill } from './drills';
import { insertDump, insertDumpUse } from './dumps';
import { appendEvents } from './events';
import type { Idempotency, Submission, SubmissionResult } from './inventory';
import { orderNodeWork } from './node-work';
import { changePolicy } from './policy-changes';
import { requireOperation } from './read-operation';
import { operationId } from './rows';
import { orderReplacement } from './replacements';
import { insertRestorePoint } from './restore-points';
import { orderSwitchover } from './switchovers';
import { orderSwap } from './swap-orders';

/** The transactions in which a request becomes an operation: all of it is written, or nothing. */

/** See {@link OperationTable.submitCreate}. The operation has generation 1, the cluster's first. */
export function submitCreate(
  database: Database,
  cluster: Pick<Cluster, 'id' | 'projectId' | 'name' | 'spec' | 'origin'>,
  submission: Submission,
): Promise<SubmissionResult> {
  return database.transaction(
    async (sql) => {
      const replayed = await claimKey(sql, submission);
      if (replayed) return { operation: replayed, replayed: true };
      await sql.run(
        'insert into clusters (id, project_id, name, spec, origin) values ($1, $2, $3, $4::jsonb, $5::jsonb)',
        [
          cluster.id,
          cluster.projectId,
          cluster.name,
          JSON.stringify(cluster.spec),
          cluster.origin && JSON.stringify(cluster.origin),
        ],
      );
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
    await refuseWhenBusy(sql, submission);
    requireStateFor(submission.operation.kind, cluster);
    const generation = await nextGeneration(sql, cluster, submission);
    const operation = await write(sql, submission, generation);
    if (submission.swap) await orderSwap(sql, cluster, operation.id, submission.swap);
    if (submission.restorePoint) await insertRestorePoint(sql, operation.id, cluster.id, submission.restorePoint);
    if (submission.backupPolicy) await changePolicy(sql, cluster, operation, submission.backupPolicy);
    return { operation, replayed: false };
  });
}

/** Of the operation's lane. What ends backups overtakes the one that runs, and the dump. */
async function nextGeneration(sql: Sql, cluster: Cluster, { operation }: Submission): Promise<number> {
  const lane = laneOf(operation.kind);
  if (lane !== 'cluster') {
    requireReady(cluster);
    const row = z.object({ generation: z.number() });
    const column = `${lane}_generation`;
    const raised = await sql.rows(
      row,
      `update clusters set ${column} = ${column} + 1 where id = $1 returning ${column} as generation`,
      [cluster.id],
    );
    return first(raised)?.generation ?? 0;
  }
  const generation = cluster.generation + 1;
  await sql.run(
    `update clusters set generation = $2, operation_generation = $2,
                         backup_generation = backup_generation + $3, dump_generation = dump_generation + $3
      where id = $1`,
    [cluster.id, generation, ENDS_BACKUPS.includes(operation.kind) ? 1 : 0],
  );
  return generation;
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

async function refuseWhenBusy(sql: Sql, { operation: { clusterId, kind } }: Submission): Promise<void> {
  const row = z.object({ id: operationId });
  const lane = laneOf(kind);
  const inTheWay = lane === 'cluster' ? [] : [...ENDS_BACKUPS, ...EXCLUDES_BACKUPS];
  const lanes = EXCLUDES_BACKUPS.includes(kind) ? LANES : [lane];
  const running = first(
    await sql.rows(
      row,
      'select id from operations where cluster_id = $1 and state <> all ($2) and (lane = any ($3) or kind = any ($4))',
      [clusterId, FINAL_STATES, lanes, inTheWay],
    ),
  );
  if (running) throw new HoldfastError('CLUSTER_BUSY', { operation: running.id });
}

async function write(sql: Sql, submission: Submission, generation: number): Promise<Operation> {
  const asked = submission.operation;
  await sql.run(
    `insert into operations
       (id, kind, project_id, cluster_id, cluster_name, generation, topology, summary, cause, requested_by, lane)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
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
      laneOf(asked.kind),
    ],
  );
  if (submission.backup) await insertBackup(sql, asked.operationId, submission.backup);
  if (submission.drill) await insertDrill(sql, asked.operationId, submission.drill);
  if (submission.dump) await insertDump(sql, asked.operationId, submission.dump);
  if (submission.dumpUse) await insertDumpUse(sql, asked.operationId, submission.dumpUse);
  if (submission.databaseRestore) await insertDatabaseRestore(sql, asked.operationId, submission.databaseRestore);
  if (submission.switchTo !== undefined) await orderSwitchover(sql, asked.operationId, submission.switchTo);
  if (asked.node !== undefined) await orderNodeWork(sql, asked.operationId, asked.node);
  if (asked.kind === 'replace-node') await orderReplacement(sql, asked.operationId);
  await writeSteps(sql, asked.operationId, submission.steps);
  const operation = await requireOperation(sql, asked.operationId);
  await appendEvents(sql, operation, { steps: [], operation: true });
  await appendAudit(sql, {
    actor: asked.requestedBy,
    action: asked.kind,
    subject: asked.clusterId,
    details: {
      ...{ operation: operation.id, project: asked.projectId, cluster: asked.clusterName, generation },
      ...(asked.node !== undefined && { node: asked.node }),
    },
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
