import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { join } from 'node:path';
import { isStepRef } from '../../domain/clusters';
import type { OperationKind, OperationRecord } from '../../domain/operations';
import { RUNBOOKS } from '../../workflows/runbooks';
import type { Behaviour, ScriptedRun, ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';

/** What the engine does with dumps: they may fail, and then leave nothing behind. */

jest.setTimeout(60_000);

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal({}, { deadlines: join(__dirname, '../support/workflows/patient-deadlines.ts') });
});
afterAll(() => engine?.stop());

const start = (
  kind: OperationKind,
  { input, taskQueue }: ScriptedRun,
): Promise<WorkflowHandleWithFirstExecutionRunId> =>
  engine.temporal.client.workflow.start(RUNBOOKS[kind].workflow, {
    workflowId: input.operationId,
    taskQueue,
    args: [{ ...input, kind }],
  });
const endOf = (records: OperationRecord[]) => records.findLast(({ operation }) => operation)?.operation;
const stepsIn = (records: OperationRecord[], state: string): string[] =>
  records.flatMap(({ steps }) => steps.filter((step) => step.state === state).map(({ stepId }) => stepId));

const fails =
  (activity: string, type: string): Behaviour =>
  ({ name }) => {
    if (name === activity) throw ApplicationFailure.nonRetryable('no room', type);
  };

test('a dump is taken, stored, copied, and only then others go', async () => {
  const lanes = new Set<unknown>();
  const behave: Behaviour = ({ args: [at] }) => void (isStepRef(at) && lanes.add(at.lane));
  await engine.withWorker(behave, async (run) => {
    expect(await (await start('dump', run)).result()).toBe('succeeded');
    expect(run.calls).toEqual(['prepareDumper', 'takeDump', 'storeDump', 'copyDump', 'clearDump', 'evictDumps']);
    expect([...lanes]).toEqual(['dump']);
  });
});

test.each(['takeDump', 'storeDump', 'copyDump'])(
  'one that fails in %s is cleared away and costs no other its place',
  async (failing) => {
    await engine.withWorker(fails(failing, 'DUMP_IMPOSSIBLE'), async (run) => {
      expect(await (await start('dump', run)).result()).toBe('failed');
      expect(run.calls.at(-1)).toBe('clearDump');
      expect(run.calls).not.toContain('evictDumps');
      expect(endOf(run.records)).toMatchObject({
        state: 'failed',
        error: { code: 'DUMP_IMPOSSIBLE', message: 'no room' },
      });
      expect(stepsIn(run.records, 'undone')).toEqual(['dump-into-a-scratch-folder-of-a-data-node']);
    });
  },
);

test('one that was overtaken touches nothing any more', async () => {
  await engine.withWorker(fails('storeDump', 'STALE_GENERATION'), async (run) => {
    expect(await (await start('dump', run)).result()).toBe('failed');
    expect(run.calls).toEqual(['prepareDumper', 'takeDump', 'storeDump']);
  });
});

test('a restore that fails drops what it made; one whose name is taken has made nothing', async () => {
  await engine.withWorker(fails('restoreDump', 'DUMP_IMPOSSIBLE'), async (run) => {
    expect(await (await start('restore-dump', run)).result()).toBe('failed');
    expect(run.calls).toEqual(['checkDumpRestore', 'restoreDump', 'dropRestoredDump']);
  });
  await engine.withWorker(fails('checkDumpRestore', 'DATABASE_EXISTS'), async (run) => {
    expect(await (await start('restore-dump', run)).result()).toBe('failed');
    expect(run.calls).toEqual(['checkDumpRestore']);
  });
});
