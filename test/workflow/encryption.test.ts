import { randomBytes } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { Worker } from '@temporalio/worker';
import { createPayloadCodec } from '../../activities/secrets/payload-codec';
import { bundleWorkflows } from '../../workers/bundle';
import { FAILURE_CONVERTER } from '../../workers/worker';
import { decideOperation } from '../../workflows/operation';
import { eventually } from '../support/eventually';
import { historyKeysOf } from '../support/history-keys';
import type { ScriptedRun, ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';

/** What Temporal's server gets to see of a provision that fails, waits, is retried and ends. */

const SAID = 'the disk of orders is full';
const codec = createPayloadCodec(historyKeysOf(randomBytes(32)));
const dataConverter = { failureConverterPath: FAILURE_CONVERTER, payloadCodecs: [codec] };

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal();
});
afterAll(() => engine?.stop());

async function provisionThatFailsOnce(encrypted: boolean): Promise<{ run: ScriptedRun; client: Client }> {
  const client = encrypted
    ? new Client({ connection: engine.temporal.connection, dataConverter })
    : engine.temporal.client;
  const behave = ({ name, times }: { name: string; times: number }): void => {
    if (name === 'createNetwork' && times === 1) throw ApplicationFailure.nonRetryable(SAID, 'CLOUD_FULL');
  };
  return engine.withWorker(
    behave,
    async (run) => {
      const handle = await client.workflow.start('provision', {
        workflowId: run.input.operationId,
        taskQueue: run.taskQueue,
        args: [run.input],
        staticSummary: 'provision orders',
      });
      await eventually(() => run.records.some(({ operation }) => operation?.state === 'waiting'));
      await handle.signal(decideOperation, 'retry');
      expect(await handle.result()).toBe('succeeded');
      return { run, client };
    },
    encrypted ? codec : undefined,
  );
}

/** The history as Temporal's server keeps it. */
async function rawHistory(workflowId: string): Promise<{ bytes: Buffer; history: temporal.api.history.v1.IHistory }> {
  const history = await engine.temporal.client.workflow.getHandle(workflowId).fetchHistory();
  return { bytes: Buffer.from(temporal.api.history.v1.History.encode(history).finish()), history };
}

const CONFIDENTIAL = [SAID, 'activities/', '"clusterName"', 'provision orders', 'create the private network'];

test('is nothing of what was said and given; without the codec it would be', async () => {
  const { run } = await provisionThatFailsOnce(true);
  const { bytes } = await rawHistory(run.input.operationId);
  for (const text of CONFIDENTIAL) expect([text, bytes.includes(text)]).toEqual([text, false]);
  expect(bytes.includes('Encoded failure')).toBe(true);

  const plain = await provisionThatFailsOnce(false);
  const seen = await rawHistory(plain.run.input.operationId);
  for (const text of [SAID, '"clusterName"', 'provision orders'])
    expect([text, seen.bytes.includes(text)]).toEqual([text, true]);
});

test('is by design: ids, types of workflows, activities, signals and failures, the task queue', async () => {
  const { run } = await provisionThatFailsOnce(true);
  const { bytes } = await rawHistory(run.input.operationId);
  for (const text of ['createNetwork', 'decideOperation', 'CLOUD_FULL', run.taskQueue])
    expect([text, bytes.includes(text)]).toEqual([text, true]);
  const { type } = await engine.temporal.client.workflow.getHandle(run.input.operationId).describe();
  expect(type).toBe('provision');
});

test('is read by who has the codec: the summary, and why it waited in the records', async () => {
  const { run, client } = await provisionThatFailsOnce(true);
  const description = await client.workflow.getHandle(run.input.operationId).describe();
  expect(await description.staticSummary()).toBe('provision orders');
  const waiting = run.records.find(({ operation }) => operation?.state === 'waiting')?.operation;
  expect(waiting?.reason).toContain(SAID);
});

test('goes on after a replay with the codec, and not without it', async () => {
  const { run } = await provisionThatFailsOnce(true);
  const { history } = await rawHistory(run.input.operationId);
  const workflowBundle = { code: await bundleWorkflows() };
  await Worker.runReplayHistory({ workflowBundle, dataConverter }, history, run.input.operationId);
  await expect(Worker.runReplayHistory({ workflowBundle }, history, run.input.operationId)).rejects.toThrow();
});
