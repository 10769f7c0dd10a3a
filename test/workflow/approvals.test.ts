import { ApplicationFailure } from '@temporalio/common';
import { decideOperation } from '../../workflows/operation';
import { decide, isWaiting, makeDoor, operateOn, reasonsIn } from '../support/decisions';
import { eventually } from '../support/eventually';
import type { ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';

/** An operation that goes on with somebody's approval alone. */

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal();
});
afterAll(() => engine?.stop());
const operate = operateOn(() => engine);

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
