import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { join } from 'node:path';
import { isStepRef } from '../../domain/clusters';
import type { OperationKind } from '../../domain/operations';
import type { DumpDueOutcome } from '../../workflows/dump-due';
import { dumpDue } from '../../workflows/dump-due';
import { endOf, startOperation, stepsIn } from '../support/operation-records';
import type { Behaviour, ScriptedRun, ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';

/** What the engine does with dumps: they may fail, and then leave nothing behind. */

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal({}, { deadlines: join(__dirname, '../support/workflows/patient-deadlines.ts') });
});
afterAll(() => engine?.stop());

const start = (kind: OperationKind, run: ScriptedRun): Promise<WorkflowHandleWithFirstExecutionRunId> =>
  startOperation(engine, run, kind);

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

test('a dump that is due runs as an operation of its own; where none is wanted it says why', async () => {
  for (const wanted of [true, false]) {
    let run: ScriptedRun | undefined;
    await engine.withWorker(
      ({ name }) => (wanted && name === 'openDump' ? { operation: run && { ...run.input, kind: 'dump' } } : undefined),
      async (scripted) => {
        run = scripted;
        const outcome = await executeDue(scripted);
        const { operationId } = scripted.input;
        expect(outcome).toEqual(
          wanted
            ? { operation: operationId, outcome: 'succeeded', reason: null }
            : { operation: null, outcome: 'not taken', reason: 'nothing is wanted' },
        );
        expect(scripted.calls.includes('storeDump')).toBe(wanted);
      },
    );
  }
});

test('one that is due while another one runs for too long is left to the next', async () => {
  await engine.withWorker(fails('openDump', 'CLUSTER_BUSY'), async (run) => {
    expect(await executeDue(run)).toEqual({ operation: null, outcome: 'not taken', reason: 'no room' });
    expect(run.calls).toEqual(['openDump']);
  });
});

const executeDue = ({ input, taskQueue }: ScriptedRun): Promise<DumpDueOutcome> =>
  engine.temporal.client.workflow.execute(dumpDue, {
    workflowId: `dump/${input.clusterId}`,
    taskQueue,
    args: [{ clusterId: input.clusterId }],
  });
