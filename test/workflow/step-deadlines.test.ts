import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { OperationRecord } from '../../domain/operations';
import { eventually } from '../support/eventually';
import type { ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';

/** What becomes of a step whose time is up, here after a second. */

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal({}, { deadlines: join(__dirname, '../support/workflows/short-deadlines.ts') });
});
afterAll(() => engine?.stop());

const STEP = 'createHost pg-1';
const waited = (records: readonly OperationRecord[]): string[] =>
  records.flatMap(({ operation }) => (operation?.state === 'waiting' ? [operation.reason ?? ''] : []));
const start = (input: { operationId: string }, taskQueue: string) =>
  engine.temporal.client.workflow.start('provision', { workflowId: input.operationId, taskQueue, args: [input] });

test.each(['HOST_UNREACHABLE', 'UNAVAILABLE'])(
  'what is away (%s) for many times as long as the deadline is waited for, and nobody is asked',
  async (type) => {
    let deadlines = 0;
    const behave = ({ name }: { name: string }): void => {
      if (name !== STEP || deadlines > 3) return;
      if (Context.current().info.attempt === 1) deadlines++;
      throw ApplicationFailure.retryable('it does not answer', type);
    };
    await engine.withWorker(behave, async ({ input, taskQueue, records }) => {
      const handle = await start(input, taskQueue);
      expect(await handle.result()).toBe('succeeded');
      expect(waited(records)).toEqual([]);
    });
  },
);

test('an error that lasts until the deadline waits for attention, and says which it was', async () => {
  let cured = false;
  const behave = ({ name }: { name: string }): void => {
    if (name === STEP && !cured)
      throw ApplicationFailure.retryable('exit code 1: no space left', 'HOST_COMMAND_FAILED');
  };
  await engine.withWorker(behave, async ({ input, taskQueue, records }) => {
    const handle = await start(input, taskQueue);
    await eventually(() => waited(records).length > 0);
    expect(waited(records)).toEqual([expect.stringMatching(/"create the hosts" failed: .*no space left/)]);
    cured = true;
    await handle.signal('decideOperation', 'retry');
    expect(await handle.result()).toBe('succeeded');
  });
});

test('an operation goes on by itself when there was no worker for longer than the deadline', async () => {
  let left: { taskQueue: string; operationId: string } | undefined;
  // The worker leaves in the middle of it, as a SIGTERM has it.
  const leave = async ({ name }: { name: string }): Promise<void> => {
    if (name === STEP) await Context.current().cancelled;
  };
  await engine.withWorker(leave, async ({ input, taskQueue, calls }) => {
    await start(input, taskQueue);
    await eventually(() => calls.includes(STEP));
    left = { taskQueue, operationId: input.operationId };
  });
  if (!left) throw new Error('it was not begun');
  const { taskQueue, operationId } = left;
  const handle = engine.temporal.client.workflow.getHandle(operationId);
  await eventually(async () => {
    const { events } = await handle.fetchHistory();
    return events?.some(({ activityTaskTimedOutEventAttributes: timedOut }) => timedOut) ?? false;
  });
  await engine.withWorker(
    () => undefined,
    async ({ records }) => {
      expect(await handle.result()).toBe('succeeded');
      expect(waited(records)).toEqual([]);
    },
    undefined,
    taskQueue,
  );
});
