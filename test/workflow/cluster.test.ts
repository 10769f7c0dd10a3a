import { ApplicationFailure } from '@temporalio/common';
import { entityOf } from '../support/entity';
import { eventually } from '../support/eventually';
import type { ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';

/** The entity of a cluster: one operation after the other, each once. */

jest.setTimeout(60_000);

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal();
});
afterAll(() => engine?.stop());

test('operations of a cluster run one after the other, and the entity ends with its cluster', async () => {
  await engine.withWorker(
    () => undefined,
    async (run) => {
      const entity = entityOf(engine, run);
      await entity.submit(run.input);
      await entity.submit(entity.another('delete'));
      await entity.handle.result();
      expect(run.calls.lastIndexOf('declareReady')).toBeLessThan(run.calls.indexOf('declareDeleting'));
      expect(run.calls.at(-1)).toBe('forgetCluster');
    },
  );
});

test('an operation that is submitted twice runs once', async () => {
  await engine.withWorker(
    () => undefined,
    async (run) => {
      const entity = entityOf(engine, run);
      await Promise.all([entity.submit(run.input), entity.submit(run.input)]);
      await entity.finished(run.input);
      await entity.submit(run.input);
      await entity.submit(entity.another('delete'));
      await entity.handle.result();
      expect(run.calls.filter((call) => call === 'declareReady')).toHaveLength(1);
    },
  );
});

test('an operation that an operator terminated is recorded as failed, and the cluster takes the next one', async () => {
  await engine.withWorker(
    ({ name }) => {
      if (name === 'createNetwork') throw ApplicationFailure.nonRetryable('no room', 'CLOUD_FULL');
    },
    async (run) => {
      const entity = entityOf(engine, run);
      await entity.submit(run.input);
      await eventually(() => run.records.at(-1)?.operation?.state === 'waiting');
      await engine.temporal.client.workflow.getHandle(run.input.operationId).terminate('by an operator');
      await eventually(() => run.records.at(-1)?.operation?.state === 'failed');
      await entity.submit(entity.another('delete'));
      await entity.handle.result();
      expect(run.calls.at(-1)).toBe('forgetCluster');
    },
  );
});

test('a terminated entity starts anew with the next operation and waits for nothing', async () => {
  await engine.withWorker(
    () => undefined,
    async (run) => {
      const entity = entityOf(engine, run);
      await entity.submit(run.input);
      await entity.finished(run.input);
      await entity.handle.terminate('by an operator');
      await entity.submit(entity.another('delete'));
      await entity.handle.result();
      expect(run.calls.at(-1)).toBe('forgetCluster');
    },
  );
});

test('operators read in the Web UI what an operation is about and how far it is', async () => {
  await engine.withWorker(
    ({ name }) => {
      if (name === 'createNetwork') throw ApplicationFailure.nonRetryable('no room', 'CLOUD_FULL');
    },
    async (run) => {
      const entity = entityOf(engine, run);
      await entity.submit(run.input);
      await eventually(() => run.records.at(-1)?.operation?.state === 'waiting');
      const handle = engine.temporal.client.workflow.getHandle(run.input.operationId);
      const description = await handle.describe();
      expect(await description.staticSummary()).toBe('provision orders: sandbox, PostgreSQL 18');
      expect(description.searchAttributes).toMatchObject({
        HoldfastCluster: ['orders'],
        HoldfastOperationKind: ['provision'],
      });
      const metadata = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
      expect(metadata.currentDetails).toContain('❌ create the private network');
      const { events } = await handle.fetchHistory();
      const scheduled = events?.find(
        (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'createNetwork',
      );
      expect(Buffer.from(scheduled?.userMetadata?.summary?.data ?? []).toString()).toContain(
        'create the private network',
      );
      await entity.submit(run.input);
      await handle.terminate();
    },
  );
});
