import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { join } from 'node:path';
import { drillDue } from '../../workflows/drill-due';
import { decideOperationNow } from '../../workflows/operation';
import { stepTitles } from '../../workflows/runbooks';
import { eventually } from '../support/eventually';
import { endOf, startOperation, statesOf, stepsIn } from '../support/operation-records';
import type { ScriptedRun, ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';

/** What the engine does with drills: they wait for nobody, and leave nothing. */

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal({}, { deadlines: join(__dirname, '../support/workflows/short-deadlines.ts') });
});
afterAll(() => engine?.stop());

const start = (run: ScriptedRun): Promise<WorkflowHandleWithFirstExecutionRunId> =>
  startOperation(engine, run, 'drill');
const ids = stepTitles('drill', 'single').map(({ id }) => id);
const MADE = ['choosePoint', 'createNetwork', 'createHost pg-1'];
const takenAway = ({ calls }: ScriptedRun): string[] => calls.filter((call) => /^(delete|forget)/.test(call));
const ALL = ['deleteHost gw-1', 'deleteHost pg-1', 'deleteNetwork', 'forgetCluster'];

test('a drill restores, looks, writes down what it proved, and only then takes its hosts away', async () => {
  await engine.withWorker(
    () => undefined,
    async (run) => {
      expect(await (await start(run)).result()).toBe('succeeded');
      expect(new Set(stepsIn(run.records, 'succeeded'))).toEqual(new Set(ids));
      const order = [...MADE, 'waitForData', 'examineRestore', 'proveEndpoint', 'proveDrill', 'forgetCluster'];
      expect(run.calls.filter((call) => order.includes(call))).toEqual(order);
      expect(run.calls).toContain('createHost gw-1');
      expect(takenAway(run).sort()).toEqual(ALL);
      expect(run.calls).not.toContain('takeBackup');
      expect(run.calls).not.toContain('declareReady');
    },
  );
});

const FAILING = [
  'createHost pg-1',
  'startPatroni pg-1',
  'waitForData',
  'examineRestore',
  'proveEndpoint',
  'proveDrill',
];

test.each(FAILING)(
  'whatever goes wrong, it waits for nobody, takes away what it made, and has failed: %s',
  async (one) => {
    await engine.withWorker(
      ({ name }) => {
        if (name === one) throw ApplicationFailure.nonRetryable('a file is damaged', 'RESTORE_FAILED');
      },
      async (run) => {
        expect(await (await start(run)).result()).toBe('failed');
        expect(statesOf(run.records)).not.toContain('waiting');
        expect(statesOf(run.records).slice(-2)).toEqual(['cancelling', 'failed']);
        expect(endOf(run.records)).toMatchObject({ error: { code: 'RESTORE_FAILED', message: 'a file is damaged' } });
        expect(new Set(takenAway(run))).toEqual(new Set(ALL));
        expect(run.calls.at(-1)).toBe('forgetCluster');
        expect(run.calls.indexOf('proveDrill')).toBe(one === 'proveDrill' ? run.calls.lastIndexOf('proveDrill') : -1);
      },
    );
  },
);

test('what does not answer until the deadline has failed too: nobody is going to look', async () => {
  await engine.withWorker(
    ({ name }) => {
      if (name === 'checkCloud') throw ApplicationFailure.retryable('no answer', 'CLOUD_UNAVAILABLE');
    },
    async (run) => {
      expect(await (await start(run)).result()).toBe('failed');
      expect(endOf(run.records)?.error?.code).toBe('CLOUD_UNAVAILABLE');
      expect(run.calls.at(-1)).toBe('forgetCluster');
    },
  );
});

test('when taking away fails it waits for somebody, as a deletion does: hosts are not left behind in silence', async () => {
  await engine.withWorker(
    ({ name, times }) => {
      if (name === 'deleteHost pg-1' && times === 1) throw ApplicationFailure.nonRetryable('no', 'CLOUD_REFUSED');
    },
    async (run) => {
      const handle = await start(run);
      await eventually(() => statesOf(run.records).at(-1) === 'waiting');
      expect(run.calls).toContain('proveDrill');
      await handle.executeUpdate(decideOperationNow, { args: ['retry'] });
      expect(await handle.result()).toBe('succeeded');
    },
  );
});

test('a cancel takes away what was made, and is no failure', async () => {
  let handle: WorkflowHandleWithFirstExecutionRunId | undefined;
  await engine.withWorker(
    async ({ name, times }) => {
      if (name !== 'waitForData' || times > 1) return;
      await eventually(() => handle !== undefined);
      await handle?.executeUpdate(decideOperationNow, { args: ['cancel'] });
    },
    async (run) => {
      handle = await start(run);
      expect(await handle.result()).toBe('cancelled');
      expect(new Set(takenAway(run))).toEqual(new Set(ALL));
      expect(run.calls).not.toContain('examineRestore');
    },
  );
});

test('a drill that is due runs as an operation of its own; where none is wanted it says why', async () => {
  for (const wanted of [true, false]) {
    let run: ScriptedRun | undefined;
    await engine.withWorker(
      ({ name }) =>
        wanted && name === 'openDrill' ? { operation: run && { ...run.input, kind: 'drill' } } : undefined,
      async (scripted) => {
        run = scripted;
        const outcome = await engine.temporal.client.workflow.execute(drillDue, {
          workflowId: `drill/${scripted.input.clusterId}`,
          taskQueue: scripted.taskQueue,
          args: [{ clusterId: scripted.input.clusterId }],
        });
        const { operationId } = scripted.input;
        expect(outcome).toEqual(
          wanted
            ? { operation: operationId, outcome: 'succeeded', reason: null }
            : { operation: null, outcome: 'not held', reason: 'nothing is wanted' },
        );
        if (wanted) expect(scripted.calls).toContain('proveDrill');
      },
    );
  }
});
