import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { housekeeping } from '../../workflows/housekeeping';
import type { ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal();
});
afterAll(() => engine?.stop());

test('a part of the housekeeping that fails keeps no other from its work, and is told', async () => {
  const failing = ['findOverdueBackups', 'removeExpiredLineages'];
  await engine.withWorker(
    ({ name }) => {
      if (failing.includes(name)) throw ApplicationFailure.nonRetryable(`${name} is out of order`);
    },
    async ({ calls, taskQueue }) => {
      const handle = await engine.temporal.client.workflow.start(housekeeping, {
        workflowId: 'housekeeping',
        taskQueue,
      });
      const error: unknown = await handle.result().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(WorkflowFailedError);
      expect(error).toMatchObject({
        cause: { message: 'findOverdueBackups is out of order; removeExpiredLineages is out of order' },
      });
      expect(calls).toEqual([
        'findOverdueBackups',
        'findOverdueDrills',
        'findOverdueDumps',
        'removeAbandonedDrills',
        'removeExpiredLineages',
        'bringInNodes',
        'removeKeptData',
        'removeLeftExtracts',
      ]);
    },
  );
});
