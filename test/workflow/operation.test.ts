import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import type { OperationRecord } from '../../domain/operations';
import type { Decision } from '../../workflows/operation';
import { decideOperationNow } from '../../workflows/operation';
import { stepTitles } from '../../workflows/runbooks';
import type { ScriptedRun, ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';
import { eventually } from '../support/eventually';
import { statesOf, stepsIn } from '../support/operation-records';

/** What the engine of operations does with the success, failure and cancellation of activities. */

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal();
});
afterAll(() => engine?.stop());

const withWorker: ScriptedTemporal['withWorker'] = (behave, act) => engine.withWorker(behave, act);
const start = (workflow: string, { input, taskQueue }: ScriptedRun): Promise<WorkflowHandleWithFirstExecutionRunId> =>
  engine.temporal.client.workflow.start(workflow, { workflowId: input.operationId, taskQueue, args: [input] });
const decide = (handle: WorkflowHandle, decision: Decision): Promise<void> =>
  handle.executeUpdate(decideOperationNow, { args: [decision] });
const isWaiting = (records: OperationRecord[]): boolean => statesOf(records).at(-1) === 'waiting';
const diskFull = (): never => {
  throw ApplicationFailure.nonRetryable('the disk is full', 'CLOUD_FULL');
};

test('a provision runs every step of its runbook once and records each as succeeded', async () => {
  await withWorker(
    () => undefined,
    async (run) => {
      const handle = await start('provision', run);
      expect(await handle.result()).toBe('succeeded');
      const ids = stepTitles('provision', 'single').map(({ id }) => id);
      expect(new Set(stepsIn(run.records, 'succeeded'))).toEqual(new Set(ids));
      expect(statesOf(run.records).at(-1)).toBe('succeeded');
      expect(run.calls.filter((call) => call === 'createHost pg-1')).toHaveLength(1);
      expect(run.calls.indexOf('createHost pg-1')).toBeLessThan(run.calls.indexOf('joinEtcd pg-1'));
      expect(run.calls.at(-1)).toBe('declareReady');
    },
  );
});

test('records of an operation are numbered in the order in which they were written', async () => {
  await withWorker(
    () => undefined,
    async (run) => {
      await (await start('provision', run)).result();
      expect(run.records.map((record) => record.seq)).toEqual(run.records.map((_, i) => i + 1));
    },
  );
});

test('a transient error is tried again by itself', async () => {
  await withWorker(
    ({ name, times }) => {
      if (name === 'joinEtcd pg-1' && times < 3) throw new Error('connection reset');
    },
    async (run) => {
      expect(await (await start('provision', run)).result()).toBe('succeeded');
      expect(run.calls.filter((call) => call === 'joinEtcd pg-1')).toHaveLength(3);
      expect(statesOf(run.records)).not.toContain('waiting');
    },
  );
});

test('an error that no retry cures waits for attention and goes on from that step when told', async () => {
  await withWorker(
    ({ name, times }) => {
      if (name === 'createHost pg-1' && times === 1) diskFull();
    },
    async (run) => {
      const handle = await start('provision', run);
      await eventually(() => isWaiting(run.records));
      const reason = run.records.findLast((record) => record.operation)?.operation?.reason;
      expect(reason).toBe('needs attention: "create the hosts" failed: the disk is full');
      await decide(handle, 'retry');
      expect(await handle.result()).toBe('succeeded');
      expect(run.calls.filter((call) => call === 'createNetwork')).toHaveLength(1);
      expect(run.calls.filter((call) => call === 'createHost pg-1')).toHaveLength(2);
    },
  );
});

test('a cancel undoes what began, in reverse, and ends cancelled', async () => {
  await withWorker(
    ({ name }) => {
      if (name === 'joinEtcd pg-1') diskFull();
    },
    async (run) => {
      const handle = await start('provision', run);
      await eventually(() => isWaiting(run.records));
      await decide(handle, 'cancel');
      expect(await handle.result()).toBe('cancelled');
      const undone = run.calls.filter((call) => /^(delete|forget)/.test(call));
      expect(undone.slice(0, 2).sort()).toEqual(['deleteHost gw-1', 'deleteHost pg-1']);
      expect(undone.slice(2)).toEqual(['deleteNetwork', 'forgetCluster']);
      expect(statesOf(run.records).slice(-2)).toEqual(['cancelling', 'cancelled']);
    },
  );
});

test('nothing is undone before an activity that still works has ended', async () => {
  const events: string[] = [];
  await withWorker(
    async ({ name }) => {
      if (name === 'deleteHost pg-1') events.push('undo');
      if (name !== 'createHost pg-1') return;
      events.push('began');
      const { cancelled } = Context.current();
      const heart = setInterval(() => Context.current().heartbeat(), 50);
      await cancelled.catch(() => undefined).finally(() => clearInterval(heart));
      await new Promise((resolve) => setImmediate(resolve));
      events.push('ended');
      Context.current().cancellationSignal.throwIfAborted();
    },
    async (run) => {
      const handle = await start('provision', run);
      await eventually(() => events.includes('began'));
      await decide(handle, 'cancel');
      expect(await handle.result()).toBe('cancelled');
      expect(events).toEqual(['began', 'ended', 'undo']);
    },
  );
});

test('a cancel from the Temporal Web UI undoes too', async () => {
  await withWorker(
    ({ name }) => {
      if (name === 'openGateway gw-1') diskFull();
    },
    async (run) => {
      const handle = await start('provision', run);
      await eventually(() => isWaiting(run.records));
      await handle.cancel();
      expect(await handle.result()).toBe('cancelled');
      expect(run.calls.at(-1)).toBe('forgetCluster');
    },
  );
});

test('an operation that was overtaken fails and undoes nothing', async () => {
  await withWorker(
    ({ name }) => {
      if (name === 'startPatroni pg-1') throw ApplicationFailure.nonRetryable('overtaken', 'STALE_GENERATION');
    },
    async (run) => {
      expect(await (await start('provision', run)).result()).toBe('failed');
      expect(run.calls.filter((call) => /^(delete|forget)/.test(call))).toEqual([]);
      const last = run.records.findLast((record) => record.operation)?.operation;
      expect(last).toMatchObject({ state: 'failed', error: { code: 'STALE_GENERATION', message: 'overtaken' } });
    },
  );
});

test('one that is overtaken while it undoes fails, and undoes nothing more', async () => {
  await withWorker(
    ({ name }) => {
      if (name === 'joinEtcd pg-1') diskFull();
      if (name === 'deleteNetwork') throw ApplicationFailure.nonRetryable('overtaken', 'STALE_GENERATION');
    },
    async (run) => {
      const handle = await start('provision', run);
      await eventually(() => isWaiting(run.records));
      await decide(handle, 'cancel');
      expect(await handle.result()).toBe('failed');
      expect(run.calls.at(-1)).toBe('deleteNetwork');
      const last = run.records.findLast((record) => record.operation)?.operation;
      expect(last).toMatchObject({ state: 'failed', error: { code: 'STALE_GENERATION', message: 'overtaken' } });
    },
  );
});

test('the end of a step and the begin of the next are one record', async () => {
  let records: OperationRecord[] = [];
  const holding = (stepId: string, state: string): OperationRecord | undefined =>
    records.find(({ steps }) => steps.some((step) => step.stepId === stepId && step.state === state));
  await withWorker(
    async ({ name }) => {
      // Its begin was written: nothing else is being written when it ends.
      if (name === 'joinEtcd pg-1')
        await eventually(() => holding('form-the-etcd-cluster', 'running'), { everyMs: 500 });
    },
    async (run) => {
      records = run.records;
      await (await start('provision', run)).result();
      const end = holding('form-the-etcd-cluster', 'succeeded');
      expect(end).toBeDefined();
      expect(holding('start-postgresql-under-patroni', 'running')).toBe(end);
    },
  );
});

test('an undo that fails waits for attention, still cancelling, and goes on when told', async () => {
  await withWorker(
    ({ name, times }) => {
      if (name === 'joinEtcd pg-1') diskFull();
      if (name === 'deleteNetwork' && times === 1) diskFull();
    },
    async (run) => {
      const handle = await start('provision', run);
      await eventually(() => isWaiting(run.records));
      await decide(handle, 'cancel');
      await eventually(() => run.calls.includes('deleteNetwork') && isWaiting(run.records));
      await decide(handle, 'retry');
      expect(await handle.result()).toBe('cancelled');
      expect(statesOf(run.records).slice(-4)).toEqual(['cancelling', 'waiting', 'cancelling', 'cancelled']);
      expect(stepsIn(run.records, 'undoing').filter((id) => id === 'create-the-private-network')).toHaveLength(2);
    },
  );
});

test('a reason is told only while the operation waits', async () => {
  await withWorker(
    ({ name }) => {
      if (name === 'joinEtcd pg-1') diskFull();
    },
    async (run) => {
      const handle = await start('provision', run);
      await eventually(() => isWaiting(run.records));
      await decide(handle, 'cancel');
      await handle.result();
      const told = run.records.flatMap((record) => (record.operation?.reason ? [record.operation.state] : []));
      expect(told).toEqual(['waiting']);
    },
  );
});
