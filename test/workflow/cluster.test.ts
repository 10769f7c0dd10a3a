import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { entityOf } from '../support/entity';
import { eventually } from '../support/eventually';
import type { ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';

/** The entity of a cluster: one operation after the other, backups beside them, each once. */

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

test('a backup runs beside the operation that runs, and beside the queue behind it', async () => {
  let backedUp = false;
  await engine.withWorker(
    // Without that the provision would never end.
    async ({ name }) => {
      if (name === 'waitForPrimary') await eventually(() => backedUp);
    },
    async (run) => {
      const entity = entityOf(engine, run);
      await entity.submit(run.input);
      await eventually(() => run.calls.includes('waitForPrimary'));
      await entity.submit(entity.another('delete'));
      const backup = entity.another('backup');
      await Promise.all([entity.submit(backup), entity.submit(backup)]);
      await entity.finished(backup);
      await entity.submit(backup);
      expect(run.calls.filter((call) => call === 'takeBackup')).toHaveLength(1);
      backedUp = true;
      await entity.handle.result();
      expect(run.calls.filter((call) => call === 'takeBackup')).toHaveLength(1);
      expect(run.calls.at(-1)).toBe('forgetCluster');
    },
  );
});

test('other operations run beside a backup that takes long, and the entity ends with its cluster before it', async () => {
  let deleted = false;
  await engine.withWorker(
    async ({ name }) => {
      if (name !== 'takeBackup') return;
      await eventually(() => deleted);
      throw ApplicationFailure.nonRetryable('overtaken', 'STALE_GENERATION');
    },
    async (run) => {
      const entity = entityOf(engine, run);
      const backup = entity.another('backup');
      await entity.submit(backup);
      await eventually(() => run.calls.includes('takeBackup'));
      await entity.submit(run.input);
      await entity.submit(entity.another('delete'));
      await entity.handle.result();
      expect(run.calls.at(-1)).toBe('forgetCluster');
      deleted = true;
      await entity.finished(backup);
      const end = run.records.findLast(({ operationId }) => operationId === backup.operationId)?.operation;
      expect(end).toMatchObject({ state: 'failed', error: { code: 'STALE_GENERATION' } });
    },
  );
});

test('a backup that an operator terminated is recorded as failed, and the next one runs', async () => {
  await engine.withWorker(
    async ({ name, times }) => {
      if (name === 'takeBackup' && times === 1) await Context.current().cancelled;
    },
    async (run) => {
      const entity = entityOf(engine, run);
      const [backup, next] = [entity.another('backup'), entity.another('backup', 'next')];
      await entity.submit(backup);
      await eventually(() => run.calls.includes('takeBackup'));
      await engine.temporal.client.workflow.getHandle(backup.operationId).terminate('by an operator');
      await eventually(() => run.records.at(-1)?.operation?.state === 'failed');
      expect(run.records.at(-1)).toMatchObject({
        operationId: backup.operationId,
        operation: { error: { code: 'OPERATION_LOST' } },
      });
      await entity.submit(next);
      await entity.finished(next);
      expect(run.calls.at(-1)).toBe('runPostScript');
      await entity.handle.terminate();
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
