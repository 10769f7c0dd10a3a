import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { join } from 'node:path';
import { isStepRef } from '../../domain/clusters';
import type { OperationRecord } from '../../domain/operations';
import { decideOperationNow } from '../../workflows/operation';
import { eventually } from '../support/eventually';
import { startOperation } from '../support/operation-records';
import type { Behaviour, ScriptedRun, ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';

/** What the engine does when one database is taken out of backups: an operation of its own puts it into the other cluster. */

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal({}, { deadlines: join(__dirname, '../support/workflows/short-deadlines.ts') });
});
afterAll(() => engine?.stop());

const start = (run: ScriptedRun): Promise<WorkflowHandleWithFirstExecutionRunId> =>
  startOperation(engine, run, 'restore-database');
const ofParent = ({ records, input }: ScriptedRun): OperationRecord[] =>
  records.filter(({ operationId }) => operationId === input.operationId);
const endOf = (run: ScriptedRun) => ofParent(run).findLast(({ operation }) => operation)?.operation;
const endOfOther = ({ records, input }: ScriptedRun) =>
  records.findLast(({ operationId, operation }) => operation && operationId !== input.operationId)?.operation;
const OWN = [
  'findSource',
  'waitForData',
  'checkData',
  'prepareDumper',
  'takeDump',
  'storeDump',
  'openExtractRestore',
  'restoreDump',
  'requireExtractRestored',
  'deleteExtract',
  'deleteHost pg-1',
  'forgetCluster',
];
const own = ({ calls }: ScriptedRun): string[] => calls.filter((call) => OWN.includes(call));
const fails =
  (activity: string, type = 'DUMP_IMPOSSIBLE'): Behaviour =>
  ({ name, times }) => {
    if (name === activity && times === 1) throw ApplicationFailure.nonRetryable('for the test', type);
  };

test('it is restored aside, dumped, restored into the other cluster by an operation of that, and then all is thrown away', async () => {
  const clusters = new Map<string, string>();
  const behave: Behaviour = ({ name, args: [at] }) => void (isStepRef(at) && clusters.set(name, at.clusterId));
  await engine.withWorker(behave, async (run) => {
    expect(await (await start(run)).result()).toBe('succeeded');
    expect(own(run)).toEqual(OWN);
    const { clusterId } = run.input;
    expect([clusters.get('takeDump'), clusters.get('restoreDump'), clusters.get('deleteExtract')]).toEqual([
      clusterId,
      `${clusterId}-into`,
      clusterId,
    ]);
    expect(endOfOther(run)?.state).toBe('succeeded');
    for (const name of ['takeBackup', 'declareReady', 'openGateway gw-1']) expect(run.calls).not.toContain(name);
  });
});

test.each(['createHost pg-1', 'waitForData', 'checkData', 'takeDump', 'storeDump', 'openExtractRestore'])(
  'whatever goes wrong, it waits for nobody, takes away what it made, and has failed: %s',
  async (failing) => {
    await engine.withWorker(fails(failing), async (run) => {
      expect(await (await start(run)).result()).toBe('failed');
      expect(ofParent(run).map(({ operation }) => operation?.state)).not.toContain('waiting');
      expect(endOf(run)).toMatchObject({
        state: 'failed',
        error: { code: 'DUMP_IMPOSSIBLE', message: 'for the test' },
      });
      expect(run.calls.at(-1)).toBe('forgetCluster');
      expect(run.calls).toContain('deleteHost pg-1');
      expect(run.calls).not.toContain('restoreDump');
      expect(run.calls.includes('deleteExtract')).toBe(['storeDump', 'openExtractRestore'].includes(failing));
    });
  },
);

test('what came back damaged is not dumped', async () => {
  await engine.withWorker(fails('checkData', 'RESTORE_DAMAGED'), async (run) => {
    expect(await (await start(run)).result()).toBe('failed');
    expect(endOf(run)?.error?.code).toBe('RESTORE_DAMAGED');
    expect(run.calls).not.toContain('prepareDumper');
    expect(run.calls).not.toContain('takeDump');
  });
});

test('when the other cluster does not take it, that operation has failed, and so has this one', async () => {
  const behave: Behaviour = ({ name }) => {
    if (name === 'restoreDump') throw ApplicationFailure.nonRetryable('no room', 'DUMP_IMPOSSIBLE');
    if (name === 'requireExtractRestored') throw ApplicationFailure.nonRetryable('op_2 is failed', 'DUMP_IMPOSSIBLE');
  };
  await engine.withWorker(behave, async (run) => {
    expect(await (await start(run)).result()).toBe('failed');
    expect(endOfOther(run)).toMatchObject({ state: 'failed', error: { message: 'no room' } });
    expect(endOf(run)).toMatchObject({ state: 'failed', error: { message: 'op_2 is failed' } });
    expect(run.calls.indexOf('dropRestoredDump')).toBeLessThan(run.calls.indexOf('deleteExtract'));
    expect(run.calls.at(-1)).toBe('forgetCluster');
  });
});

test('a cancel while the other cluster works cancels that too, and waits for it before anything is taken away', async () => {
  let handle: WorkflowHandleWithFirstExecutionRunId | undefined;
  await engine.withWorker(
    async ({ name, times }) => {
      if (name !== 'restoreDump' || times > 1) return;
      await eventually(() => handle !== undefined);
      await handle?.executeUpdate(decideOperationNow, { args: ['cancel'] });
    },
    async (run) => {
      handle = await start(run);
      expect(await handle.result()).toBe('cancelled');
      expect(endOfOther(run)?.state).toBe('cancelled');
      expect(run.calls.indexOf('dropRestoredDump')).toBeLessThan(run.calls.indexOf('deleteExtract'));
      expect(run.calls.indexOf('deleteExtract')).toBeLessThan(run.calls.indexOf('deleteHost pg-1'));
      expect(run.calls).not.toContain('swapDatabases');
      expect(run.calls.at(-1)).toBe('forgetCluster');
    },
  );
});

test('an operation of the other cluster that was written when the cancel came is cancelled before it does anything', async () => {
  let handle: WorkflowHandleWithFirstExecutionRunId | undefined;
  await engine.withWorker(
    async ({ name, args: [at], times }) => {
      if (name === 'findExtractRestore' && isStepRef(at))
        return {
          ...at,
          operationId: `${at.operationId}-into`,
          clusterId: `${at.clusterId}-into`,
          kind: 'restore-dump',
          clusterName: 'reports',
          projectId: 'prj_test',
          projectName: 'default',
          topology: 'single',
          summary: 'app',
        };
      if (name === 'checkDumpRestore') return Context.current().cancelled;
      if (name !== 'openExtractRestore' || times > 1) return undefined;
      await eventually(() => handle !== undefined);
      await handle?.executeUpdate(decideOperationNow, { args: ['cancel'] });
      return Context.current().cancelled;
    },
    async (run) => {
      handle = await start(run);
      expect(await handle.result()).toBe('cancelled');
      expect(endOfOther(run)?.state).toBe('cancelled');
      expect(run.calls).not.toContain('swapDatabases');
      expect(run.calls.indexOf('requireExtractEnded')).toBeLessThan(run.calls.indexOf('deleteExtract'));
      expect(run.calls.at(-1)).toBe('forgetCluster');
    },
  );
});
