import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { entityWorkflowId, TASK_QUEUE } from '../../../../domain/names';
import type { Past } from './seed';
import { usageOf } from './processes';

/** What clusters cost that nobody does anything with. */
export interface IdleCost {
  readonly clusters: number;
  readonly minutes: number;
  readonly newHistoryEvents: number;
  /** Of one core, by process. */
  readonly cpuShare: Readonly<Record<string, number>>;
  readonly memoryBytes: Readonly<Record<string, readonly number[]>>;
}

const STARTED_TOGETHER = 50;
const SAMPLES_PER_MINUTE = 4;

/** Starts the entities of all clusters, lets them settle, and looks for some minutes. */
export async function measureIdle(
  client: Client,
  clusters: Past['clusters'],
  pids: Readonly<Record<string, number>>,
  minutes: number,
): Promise<IdleCost> {
  await inBatches(clusters, ({ id }) =>
    client.workflow.start('clusterWorkflow', {
      workflowId: entityWorkflowId(id),
      taskQueue: TASK_QUEUE,
      args: [{ clusterId: id }],
    }),
  );
  const before = await settledEvents(client, clusters);
  const begun = Object.entries(pids).map(([name, pid]) => ({ name, pid, cpuMs: usageOf(pid).cpuMs }));
  const memoryBytes: Record<string, number[]> = Object.fromEntries(begun.map(({ name }) => [name, []]));
  const beganAt = performance.now();
  for (let sample = 0; sample < minutes * SAMPLES_PER_MINUTE; sample++) {
    await sleep(60_000 / SAMPLES_PER_MINUTE);
    for (const { name, pid } of begun) memoryBytes[name]?.push(usageOf(pid).memoryBytes);
  }
  const tookMs = performance.now() - beganAt;
  const cpuShare = begun.map(({ name, pid, cpuMs }) => [name, (usageOf(pid).cpuMs - cpuMs) / tookMs] as const);
  return {
    clusters: clusters.length,
    minutes,
    newHistoryEvents: (await countEvents(client, clusters)) - before,
    cpuShare: Object.fromEntries(cpuShare),
    memoryBytes,
  };
}

/** Counts until two counts in a row are the same: every entity has had its first task. */
async function settledEvents(client: Client, clusters: Past['clusters']): Promise<number> {
  for (let last = -1; ;) {
    const now = await countEvents(client, clusters);
    if (now === last) return now;
    last = now;
    await sleep(2_000);
  }
}

async function countEvents(client: Client, clusters: Past['clusters']): Promise<number> {
  const lengths = await inBatches(clusters, async ({ id }) => {
    const { historyLength } = await client.workflow.getHandle(entityWorkflowId(id)).describe();
    return historyLength;
  });
  return lengths.reduce((sum, length) => sum + length, 0);
}

async function inBatches<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += STARTED_TOGETHER) {
    results.push(...(await Promise.all(items.slice(from, from + STARTED_TOGETHER).map(act))));
  }
  return results;
}
