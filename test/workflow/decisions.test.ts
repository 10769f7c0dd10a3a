import { Context } from '@temporalio/activity';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { OperationRecord } from '../../domain/operations';
import { decideOperation, decideOperationNow } from '../../workflows/operation';
import type { Decision } from '../../workflows/operation';
import { eventually } from '../support/eventually';
import type { Behaviour, ScriptedRun, ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';

/** An operation answers whether it takes a decision, and carries out what it took. */

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal();
});
afterAll(() => engine?.stop());

type Workflow = 'provision' | 'deleteCluster' | 'recover';
const operate = (
  workflow: Workflow,
  behave: Behaviour,
  act: (handle: WorkflowHandle, run: ScriptedRun) => Promise<void>,
): Promise<void> =>
  engine.withWorker(behave, async (run) => {
    const { input, taskQueue } = run;
    await act(
      await engine.temporal.client.workflow.start(workflow, {
        workflowId: input.operationId,
        taskQueue,
        args: [input],
      }),
      run,
    );
  });

/** `taken`, or the code of the refusal. */
async function decide(handle: WorkflowHandle, decision: Decision, updateId?: string): Promise<string> {
  try {
    await handle.executeUpdate(decideOperationNow, { args: [decision], ...(updateId !== undefined && { updateId }) });
    return 'taken';
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure)
      return String(error.cause.type);
    throw error;
  }
}

const statesIn = (records: OperationRecord[]): string[] =>
  records.flatMap(({ operation }) => (operation ? [operation.state] : []));
const reasonsIn = (records: OperationRecord[]): string[] =>
  records.flatMap(({ operation }) => (operation?.reason === undefined ? [] : [operation.reason]));
const isWaiting = ({ records }: ScriptedRun): boolean => statesIn(records).at(-1) === 'waiting';
const diskFull = (): never => {
  throw ApplicationFailure.nonRetryable('the disk is full', 'CLOUD_FULL');
};

/** A door at which activities wait until it is opened, or their worker stops. */
function makeDoor(): { open(): void; pass(): Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, pass: () => Promise.race([promise, Context.current().cancelled]) };
}

const TOO_LATE =
  /^cancel was not taken: Operation op_\w+ can no longer be cancelled: what it has done cannot be taken back\.$/;

test('a cancel behind the point of no return is refused also while nothing tells yet that it was passed', async () => {
  const record = makeDoor();
  await operate(
    'deleteCluster',
    ({ name, times }) => (name === 'recordOperation' && times === 1 ? record.pass() : undefined),
    async (handle, run) => {
      await eventually(() => run.calls.includes('declareDeleting'));
      expect(await decide(handle, 'cancel')).toBe('POINT_OF_NO_RETURN');
      expect(run.records).toEqual([]);
      record.open();
      expect(await handle.result()).toBe('succeeded');
      expect(statesIn(run.records)).toEqual(['running', 'succeeded']);
    },
  );
});

test('a cancel of an operation that has done all is refused also while nothing tells yet that it has', async () => {
  const record = makeDoor();
  await operate(
    'provision',
    ({ name, args: [at] }) => {
      const { operation } = name === 'recordOperation' ? (at as OperationRecord) : {};
      return operation?.state === 'succeeded' ? record.pass() : undefined;
    },
    async (handle, run) => {
      await eventually(() => run.calls.includes('declareReady'));
      await eventually(async () => (await decide(handle, 'retry')) === 'OPERATION_FINISHED', { limitMs: 10_000 });
      expect(await decide(handle, 'cancel')).toBe('OPERATION_FINISHED');
      expect(statesIn(run.records)).toEqual(['running']);
      record.open();
      expect(await handle.result()).toBe('succeeded');
    },
  );
});

test('a cancel that was taken is carried out, also when the last step ends well in spite of it', async () => {
  const step = makeDoor();
  await operate(
    'provision',
    ({ name }) => (name === 'declareReady' ? step.pass() : undefined),
    async (handle, run) => {
      await eventually(() => run.calls.includes('declareReady'));
      expect(await decide(handle, 'cancel')).toBe('taken');
      step.open();
      expect(await handle.result()).toBe('cancelled');
      expect(run.calls.at(-1)).toBe('forgetCluster');
    },
  );
});

test('a step that had not begun when the cancel was taken does not begin', async () => {
  const step = makeDoor();
  await operate(
    'provision',
    ({ name }) => (name === 'waitForPrimary' ? step.pass() : undefined),
    async (handle, run) => {
      await eventually(() => run.calls.includes('waitForPrimary'));
      expect(await decide(handle, 'cancel')).toBe('taken');
      step.open();
      expect(await handle.result()).toBe('cancelled');
      const begun = run.records.flatMap(({ steps }) => steps.map(({ stepId }) => stepId));
      expect(begun).toContain('wait-for-the-primary');
      expect(begun).not.toContain('open-the-gateways');
    },
  );
});

test('a cancel may be repeated: at once, by others, and while it is being carried out; it undoes once', async () => {
  const undo = makeDoor();
  await operate(
    'provision',
    ({ name }) => {
      if (name === 'createHost pg-1') diskFull();
      return name === 'deleteNetwork' ? undo.pass() : undefined;
    },
    async (handle, run) => {
      await eventually(() => isWaiting(run));
      const answers = await Promise.all([
        decide(handle, 'cancel', 'cancel'),
        decide(handle, 'cancel', 'cancel'),
        decide(handle, 'cancel'),
      ]);
      await eventually(() => run.calls.includes('deleteNetwork'));
      answers.push(await decide(handle, 'cancel', 'cancel'), await decide(handle, 'cancel'));
      expect(answers).toEqual(['taken', 'taken', 'taken', 'taken', 'taken']);
      undo.open();
      expect(await handle.result()).toBe('cancelled');
      expect(run.calls.filter((call) => call === 'deleteNetwork')).toHaveLength(1);
      expect(reasonsIn(run.records)).toHaveLength(1);
    },
  );
});

test('a retry is taken by what waits, once, and refused by what does not wait', async () => {
  const step = makeDoor();
  await operate(
    'provision',
    ({ name, times }) => {
      if (name !== 'createHost pg-1') return undefined;
      return times === 1 ? diskFull() : step.pass();
    },
    async (handle, run) => {
      await eventually(() => isWaiting(run));
      const answers = await Promise.all([decide(handle, 'retry'), decide(handle, 'retry')]);
      expect(answers.sort()).toEqual(['NOT_WAITING', 'taken']);
      expect(await decide(handle, 'retry')).toBe('NOT_WAITING');
      step.open();
      expect(await handle.result()).toBe('succeeded');
      expect(run.calls.filter((call) => call === 'createHost pg-1')).toHaveLength(2);
    },
  );
});

test('a cancel ends the wait, so that a retry behind it is refused; an undo that waits goes on by a retry alone', async () => {
  const undo = makeDoor();
  await operate(
    'provision',
    ({ name, times }) => {
      if (name === 'createHost pg-1' || (name === 'deleteNetwork' && times === 1)) diskFull();
      return name === 'deleteHost pg-1' ? undo.pass() : undefined;
    },
    async (handle, run) => {
      await eventually(() => isWaiting(run));
      expect(await decide(handle, 'cancel')).toBe('taken');
      expect(await decide(handle, 'retry')).toBe('NOT_WAITING');
      undo.open();
      await eventually(() => run.calls.includes('deleteNetwork') && isWaiting(run));
      expect(await decide(handle, 'cancel')).toBe('taken');
      expect(await decide(handle, 'retry')).toBe('taken');
      expect(await handle.result()).toBe('cancelled');
      expect(run.calls.filter((call) => call === 'createHost pg-1')).toHaveLength(1);
    },
  );
});

test('a decision that was left and comes too late is told, beside the reason for which the operation waits', async () => {
  await operate(
    'deleteCluster',
    ({ name, times }) => {
      if (name === 'checkResidue' && times === 1) diskFull();
    },
    async (handle, run) => {
      await eventually(() => isWaiting(run));
      await handle.signal(decideOperation, 'cancel');
      await eventually(() => reasonsIn(run.records).length === 2);
      const [waits, tells] = reasonsIn(run.records);
      expect(tells?.startsWith(`${waits}; `)).toBe(true);
      expect(tells?.slice(`${waits}; `.length)).toMatch(TOO_LATE);
      expect(isWaiting(run)).toBe(true);
      await handle.signal(decideOperation, 'retry');
      expect(await handle.result()).toBe('succeeded');
      expect(run.records.findLast(({ operation }) => operation)?.operation).not.toHaveProperty('reason');
    },
  );
});

test('a cancel from the Temporal Web UI that comes too late is told, and changes nothing', async () => {
  const step = makeDoor();
  await operate(
    'deleteCluster',
    ({ name }) => (name === 'deleteNetwork' ? step.pass() : undefined),
    async (handle, run) => {
      await eventually(() => run.calls.includes('deleteNetwork'));
      await handle.cancel();
      await eventually(() => reasonsIn(run.records).length === 1);
      expect(reasonsIn(run.records)[0]).toMatch(TOO_LATE);
      step.open();
      expect(await handle.result()).toBe('succeeded');
    },
  );
});

test('what comes too late while a record is being written is told by a later one', async () => {
  const record = makeDoor();
  await operate(
    'deleteCluster',
    ({ name, times }) => (name === 'recordOperation' && times === 1 ? record.pass() : undefined),
    async (handle, run) => {
      await eventually(() => run.calls.includes('declareDeleting'));
      await handle.signal(decideOperation, 'cancel');
      await eventually(() => run.calls.includes('forgetCluster'));
      record.open();
      expect(await handle.result()).toBe('succeeded');
      expect(reasonsIn(run.records)).toEqual([expect.stringMatching(TOO_LATE)]);
    },
  );
});

test('what wants approval goes on with it alone; said twice it is one', async () => {
  const next = makeDoor();
  await operate(
    'recover',
    ({ name }) => (name === 'demandLost' ? next.pass() : undefined),
    async (handle, run) => {
      await eventually(() => isWaiting(run) && run.calls.includes('waitForReturn'));
      expect(reasonsIn(run.records)).toEqual(['approval: all is lost']);
      expect(await decide(handle, 'retry')).toBe('NOT_WAITING');
      expect(run.calls).toEqual(['lookAtLoss', 'waitForReturn']);
      expect(await decide(handle, 'approve')).toBe('taken');
      await eventually(() => run.calls.includes('demandLost'));
      expect(await decide(handle, 'approve')).toBe('taken');
      next.open();
      expect(await handle.result()).toBe('succeeded');
      expect(run.calls.filter((call) => ['lookAtLoss', 'waitForReturn', 'demandLost'].includes(call))).toHaveLength(3);
      expect(run.records.findLast(({ operation }) => operation)?.operation).not.toHaveProperty('reason');
    },
  );
});

test('an approval that nobody asks for is refused, and told where it was left', async () => {
  const step = makeDoor();
  await operate(
    'provision',
    ({ name }) => (name === 'waitForPrimary' ? step.pass() : undefined),
    async (handle, run) => {
      await eventually(() => run.calls.includes('waitForPrimary'));
      expect(await decide(handle, 'approve')).toBe('NO_APPROVAL_WANTED');
      await handle.signal(decideOperation, 'approve');
      await eventually(() => reasonsIn(run.records).length === 1);
      expect(reasonsIn(run.records)[0]).toMatch(
        /^approve was not taken: Operation op_\w+ is running: it waits for no approval\.$/,
      );
      step.open();
      expect(await handle.result()).toBe('succeeded');
    },
  );
});

test('a cancel of what wants approval ends it, and nothing was done', async () => {
  await operate(
    'recover',
    () => undefined,
    async (handle, run) => {
      await eventually(() => isWaiting(run) && run.calls.includes('waitForReturn'));
      expect(await decide(handle, 'cancel')).toBe('taken');
      expect(await handle.result()).toBe('cancelled');
      expect(run.calls).toEqual(['lookAtLoss', 'waitForReturn']);
      expect(run.records.flatMap(({ steps }) => steps.map(({ state }) => state))).toEqual(['running', 'failed']);
    },
  );
});

test('where there is nothing to approve any more it ends by itself, and says why', async () => {
  const back = makeDoor();
  await operate(
    'recover',
    ({ name }) => (name === 'waitForReturn' ? back.pass().then(() => 'pg-1 is back') : undefined),
    async (handle, run) => {
      await eventually(() => isWaiting(run));
      back.open();
      expect(await handle.result()).toBe('cancelled');
      expect(run.calls).toEqual(['lookAtLoss', 'waitForReturn']);
      const { operation } = run.records.findLast((record) => record.operation) ?? {};
      expect([operation?.state, operation?.reason]).toEqual(['cancelled', 'pg-1 is back']);
    },
  );
});

test('an operation that was overtaken while it wants approval has failed', async () => {
  await operate(
    'recover',
    ({ name }) => {
      if (name === 'waitForReturn') throw ApplicationFailure.nonRetryable('for the test', 'STALE_GENERATION');
    },
    async (handle, run) => {
      expect(await handle.result()).toBe('failed');
      expect(run.calls).toEqual(['lookAtLoss', 'waitForReturn']);
    },
  );
});
