import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { isStepRef } from '../../domain/clusters';
import type { OperationKind } from '../../domain/operations';
import { COPY_ATTEMPTS } from '../../workflows/deadlines';
import { decideOperationNow } from '../../workflows/operation';
import { stepTitles } from '../../workflows/runbooks';
import { eventually } from '../support/eventually';
import { endOf, startOperation, statesOf, stepsIn } from '../support/operation-records';
import type { Behaviour, ScriptedRun, ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';
import { join } from 'node:path';

/** What the engine does with backups, which may fail, and with restores, which leave nothing when they are cancelled. */

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal({}, { deadlines: join(__dirname, '../support/workflows/patient-deadlines.ts') });
});
afterAll(() => engine?.stop());

const start = (kind: OperationKind, run: ScriptedRun): Promise<WorkflowHandleWithFirstExecutionRunId> =>
  startOperation(engine, run, kind);
const ids = (kind: OperationKind): string[] => stepTitles(kind, 'single').map(({ id }) => id);
const TAKES_BACK = /^(delete|forget|close|release)/;

const CALLS = ['prepareStanza', 'runPreScript', 'takeBackup', 'expireBackups', 'recordBackups'] as const;

test('a backup prepares, copies and writes down, between its scripts, each once, in a lane of its own', async () => {
  const lanes = new Set<unknown>();
  const behave: Behaviour = ({ args: [at] }) => void (isStepRef(at) && lanes.add(at.lane));
  await engine.withWorker(behave, async (run) => {
    expect(await (await start('backup', run)).result()).toBe('succeeded');
    expect(run.calls).toEqual([...CALLS, 'runPostScript']);
    expect(stepsIn(run.records, 'succeeded')).toEqual(ids('backup'));
    expect([...lanes]).toEqual(['backup']);
  });
});

test('a restore works in the lane of all other operations, as its hosts do', async () => {
  const lanes = new Set<unknown>();
  const behave: Behaviour = ({ args: [at] }) => void (isStepRef(at) && lanes.add(at.lane));
  await engine.withWorker(behave, async (run) => {
    expect(await (await start('restore', run)).result()).toBe('succeeded');
    expect([...lanes]).toEqual(['cluster']);
    const restored = ['findSource', 'createHost pg-1', 'startPatroni pg-1', 'waitForData'];
    const besides = [['createDatabase'], ['checkData'], ['prepareStanza', 'takeBackup', 'recordBackups']];
    for (const beside of besides) {
      const order = [...restored, ...beside, 'proveEndpoint', 'declareReady'];
      expect(run.calls.filter((call) => order.includes(call))).toEqual(order);
    }
  });
});

describe('a step that may fail', () => {
  test.each(CALLS)(
    'ends the operation as failed, waits for nobody, and runs the script after it where that before it was: %s',
    async (failing) => {
      await engine.withWorker(
        ({ name }) => {
          if (name === failing) throw ApplicationFailure.nonRetryable('no room', 'SITE_REFUSED');
        },
        async (run) => {
          expect(await (await start('backup', run)).result()).toBe('failed');
          expect(endOf(run.records)).toMatchObject({
            state: 'failed',
            error: { code: 'SITE_REFUSED', message: 'no room' },
          });
          expect(statesOf(run.records)).not.toContain('waiting');
          const begun = CALLS.slice(0, CALLS.indexOf(failing) + 1);
          expect(run.calls).toEqual([...begun, ...(failing === 'prepareStanza' ? [] : ['runPostScript'])]);
          expect(stepsIn(run.records, 'failed')).toEqual([ids('backup')[CALLS.indexOf(failing)]]);
        },
      );
    },
  );

  test('is tried a few times before', async () => {
    await engine.withWorker(
      ({ name }) => {
        if (name === 'takeBackup') throw ApplicationFailure.retryable('503', 'BACKUP_FAILED');
      },
      async (run) => {
        expect(await (await start('backup', run)).result()).toBe('failed');
        expect(run.calls.filter((call) => call === 'takeBackup')).toHaveLength(COPY_ATTEMPTS);
        expect(endOf(run.records)).toMatchObject({ error: { code: 'BACKUP_FAILED', message: '503' } });
      },
    );
  });

  test('goes on when a try succeeds, and waits without end for what is merely away', async () => {
    await engine.withWorker(
      ({ name, times }) => {
        if (name === 'takeBackup' && times <= COPY_ATTEMPTS + 2)
          throw ApplicationFailure.retryable('no route', 'HOST_UNREACHABLE');
        if (name === 'recordBackups' && times === 1) throw ApplicationFailure.retryable('503', 'SITE_UNAVAILABLE');
      },
      async (run) => {
        expect(await (await start('backup', run)).result()).toBe('succeeded');
        expect(stepsIn(run.records, 'failed')).toEqual([]);
      },
    );
  });

  test('that was overtaken ends it too', async () => {
    await engine.withWorker(
      ({ name }) => {
        if (name === 'takeBackup') throw ApplicationFailure.nonRetryable('overtaken', 'STALE_GENERATION');
      },
      async (run) => {
        expect(await (await start('backup', run)).result()).toBe('failed');
        expect(endOf(run.records)).toMatchObject({ error: { code: 'STALE_GENERATION' } });
      },
    );
  });

  test('of the first backup of a restored cluster may not: the restore waits, and goes on when told', async () => {
    await engine.withWorker(
      ({ name, times }) => {
        if (name === 'takeBackup' && times === 1) throw ApplicationFailure.nonRetryable('no room', 'SITE_REFUSED');
      },
      async (run) => {
        const handle = await start('restore', run);
        await eventually(() => statesOf(run.records).at(-1) === 'waiting');
        await handle.executeUpdate(decideOperationNow, { args: ['retry'] });
        expect(await handle.result()).toBe('succeeded');
      },
    );
  });
});

/** Cancels the operation while the first activity of a step works, which ends by that. */
async function cancelIn(kind: OperationKind, stepId: string, then: (run: ScriptedRun) => void): Promise<void> {
  let began = false;
  const behave: Behaviour = async ({ args: [at] }) => {
    if (!isStepRef(at) || at.stepId !== stepId || began) return;
    began = true;
    const context = Context.current();
    const heart = setInterval(() => context.heartbeat(), 50);
    await context.cancelled.finally(() => clearInterval(heart));
  };
  await engine.withWorker(behave, async (run) => {
    const handle: WorkflowHandle = await start(kind, run);
    await eventually(() => began);
    await handle.executeUpdate(decideOperationNow, { args: ['cancel'] });
    expect(await handle.result()).toBe('cancelled');
    expect(statesOf(run.records).at(-1)).toBe('cancelled');
    then(run);
  });
}

test.each(ids('backup'))('a backup that is cancelled in "%s" takes nothing back: what was copied stays', async (id) => {
  await cancelIn('backup', id, ({ calls }) => expect(calls.filter((call) => TAKES_BACK.test(call))).toEqual([]));
});

/** What takes back what, and in which order. */
const UNDONE = [
  ['createHost pg-1', 'deleteHost pg-1'],
  ['createHost gw-1', 'deleteHost gw-1'],
  ['createNetwork', 'deleteNetwork'],
  ['openLineage', 'closeLineage'],
  ['placeNodes', 'releasePlaces'],
  ['placeNodes', 'checkResidue'],
  ['findSource', 'forgetCluster'],
] as const;

test.each(ids('restore'))('a restore that is cancelled in "%s" leaves nothing', async (id) => {
  await cancelIn('restore', id, ({ calls }) => {
    const missing = UNDONE.filter(([did, undoes]) => calls.includes(did) && !calls.includes(undoes));
    expect(missing).toEqual([]);
    expect(calls.at(-1)).toBe('forgetCluster');
    const before = (one: string, other: string): boolean =>
      !calls.includes(one) || calls.lastIndexOf(one) < calls.indexOf(other);
    // Hosts archive until they are gone; the stores are needed as long as the cluster is known.
    expect(before('deleteHost pg-1', 'closeLineage')).toBe(true);
    expect(before('closeLineage', 'forgetCluster')).toBe(true);
    expect(calls).not.toContain('declareDeleting');
  });
});
