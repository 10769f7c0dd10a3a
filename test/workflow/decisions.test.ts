import { ApplicationFailure } from '@temporalio/common';
import type { OperationRecord } from '../../domain/operations';
import { decideOperation } from '../../workflows/operation';
import { decide, isWaiting, makeDoor, operateOn, reasonsIn, statesIn } from '../support/decisions';
import { eventually } from '../support/eventually';
import type { ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';

/** An operation answers whether it takes a decision, and carries out what it took. Approvals: approvals.test.ts. */

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal();
});
afterAll(() => engine?.stop());
const operate = operateOn(() => engine);

const diskFull = (): never => {
  throw ApplicationFailure.nonRetryable('the disk is full', 'CLOUD_FULL');
};

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
