import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { WithStartWorkflowOperation } from '@temporalio/client';
import { z } from 'zod';
import type { OpenInventory } from '../../../../activities/inventory/open';
import { makeId } from '../../../../domain/ids';
import type { Id, IdPrefix } from '../../../../domain/ids';
import { entityWorkflowId } from '../../../../domain/names';
import type { OperationInput } from '../../../../domain/operations';
import { NODE_FLAGS } from '../../../../infra/local/node-flags';
import { compiled } from '../../../../infra/local/project';
import { clusterWorkflow, submitOperation } from '../../../../workflows/cluster';
import { titlesOf } from '../../../../workflows/runbook';
import { usageOf } from './processes';
import { emptyRunbook } from './workflows';

/** What one worker gets done when all is asked of it at once. */
export interface Throughput {
  readonly operations: number;
  /** From the first submission to the end of the last. */
  readonly tookMs: number;
  /** How long each took, from its own submission on. */
  readonly operationMs: readonly number[];
  readonly states: Readonly<Record<string, number>>;
  readonly eventsPerOperation: number;
  readonly workerCpuMs: number;
  readonly workerMemoryBytes: number;
}

const ended = z.object({ state: z.string(), count: z.coerce.number() });
const duration = z.object({ ms: z.coerce.number() });
const newId = <P extends IdPrefix>(prefix: P): Id<P> => makeId(prefix, Date.now(), randomBytes(16));

/** Submits so many operations of {@link emptyRunbook} at once, each on a cluster of its own, and waits for their ends. */
export async function measureThroughput(
  client: Client,
  inventory: OpenInventory,
  env: NodeJS.ProcessEnv,
  operations: number,
): Promise<Throughput> {
  const taskQueue = `bench-${randomBytes(4).toString('hex')}`;
  const worker = fork(compiled('test', 'bench', 'support', 'engine', 'worker.js'), [taskQueue], {
    env,
    execArgv: [...NODE_FLAGS],
  });
  try {
    await Promise.race([once(worker, 'message'), once(worker, 'exit').then(refuse)]);
    const pid = worker.pid ?? 0;
    const beganAt = performance.now();
    const inputs = await Promise.all(Array.from({ length: operations }, () => submit(client, inventory, taskQueue)));
    const ids = inputs.map(({ operationId }) => operationId);
    const states = await untilAllEnded(inventory, ids);
    const tookMs = performance.now() - beganAt;
    const { cpuMs, memoryBytes } = usageOf(pid);
    const { historyLength } = await client.workflow.getHandle(ids[0] ?? '').describe();
    return {
      operations,
      tookMs,
      operationMs: await durations(inventory, ids),
      states,
      eventsPerOperation: historyLength,
      workerCpuMs: cpuMs,
      workerMemoryBytes: memoryBytes,
    };
  } finally {
    const gone = once(worker, 'exit');
    worker.kill('SIGTERM');
    if (worker.exitCode === null) await gone;
  }
}

const refuse = (): never => {
  throw new Error('the worker ended before it was ready');
};

async function submit(client: Client, inventory: OpenInventory, taskQueue: string): Promise<OperationInput> {
  const project = await inventory.projects.ensure('default');
  const cluster = { id: newId('clu'), projectId: project.id, name: `load-${randomBytes(6).toString('hex')}` };
  const input: OperationInput = {
    operationId: newId('op'),
    kind: 'provision',
    clusterId: cluster.id,
    clusterName: cluster.name,
    projectId: project.id,
    projectName: project.name,
    generation: 1,
    topology: 'single',
    summary: 'nothing at all',
  };
  await inventory.operations.submitCreate(
    { ...cluster, spec: { ...SPEC }, origin: null },
    {
      operation: { ...input, cause: 'user', requestedBy: 'bench' },
      steps: titlesOf(emptyRunbook),
      idempotency: null,
    },
  );
  const startWorkflowOperation = new WithStartWorkflowOperation(clusterWorkflow, {
    workflowId: entityWorkflowId(cluster.id),
    taskQueue,
    args: [{ clusterId: cluster.id }],
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  await client.workflow.executeUpdateWithStart(submitOperation, {
    updateId: input.operationId,
    args: [input],
    startWorkflowOperation,
  });
  return input;
}

async function untilAllEnded({ database }: OpenInventory, ids: readonly string[]): Promise<Record<string, number>> {
  for (;;) {
    const rows = await database.rows(
      ended,
      'select state, count(*) from operations where id = any($1) and finished_at is not null group by state',
      [ids],
    );
    const states = Object.fromEntries(rows.map(({ state, count }) => [state, count]));
    if (rows.reduce((sum, { count }) => sum + count, 0) === ids.length) return states;
    await sleep(50);
  }
}

async function durations({ database }: OpenInventory, ids: readonly string[]): Promise<number[]> {
  const rows = await database.rows(
    duration,
    'select extract(epoch from finished_at - created_at) * 1000 as ms from operations where id = any($1)',
    [ids],
  );
  return rows.map(({ ms }) => ms);
}

const SPEC = {
  plan: 'sandbox',
  version: '18',
  cloud: 'docker',
  storageBytes: 1024 ** 3,
  database: 'app',
  owner: 'app',
  allowedIps: [],
  deletionProtection: false,
  backups: null,
} as const;
