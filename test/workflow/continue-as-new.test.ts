import { isStepRef } from '../../domain/clusters';
import type { OperationInput } from '../../domain/operations';
import { entityOf, watchContinuations } from '../support/entity';
import { eventually } from '../support/eventually';
import type { Behaviour, ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';

/** The entity continues as new and loses no operation by it, nor runs one twice. */

// Each of its tests is a row of workflows, one after the other: on a busy machine they took more than the usual minute.
jest.setTimeout(180_000);

/** Less than one operation adds: the entity continues as new after each. */
const LONGEST_HISTORY = 10;

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal({ 'limit.historyCount.suggestContinueAsNew': LONGEST_HISTORY });
});
afterAll(() => engine?.stop());

/** Writes down which operations were performed, in order; `meanwhile` happens in the middle of each provision. */
const perform =
  (performed: string[], meanwhile: () => Promise<void>): Behaviour =>
  async ({ name, args: [at] }) => {
    if (isStepRef(at) && ['createNetwork', 'declareDeleting'].includes(name)) performed.push(at.operationId);
    if (name === 'createNetwork') await meanwhile();
  };
const idsOf = (operations: OperationInput[]): string[] => operations.map(({ operationId }) => operationId);

test('operations that wait when the entity continues as new run afterwards, in order, each once', async () => {
  const performed: string[] = [];
  const carried: (readonly string[])[] = [];
  let meanwhile = (): Promise<void> => Promise.resolve();
  await engine.withWorker(
    perform(performed, () => meanwhile()),
    async (run) => {
      const entity = entityOf(engine, run);
      const [first, second, third] = [run.input, entity.another('provision', '2'), entity.another('provision', '3')];
      // All of them in each run of the entity: one runs, and those before and after it are known too.
      meanwhile = async () => {
        for (const operation of [first, second, third]) await entity.submit(operation);
      };
      await entity.submit(first);
      await entity.finished(third);
      const last = entity.another('delete');
      await entity.submit(last);
      await entity.handle.result();
      expect(performed).toEqual(idsOf([first, second, third, last]));
      expect(carried[0]).toEqual(idsOf([second, third]));
    },
    watchContinuations((queue) => void carried.push(queue)),
  );
});

test('an operation that is submitted while the entity continues as new runs once', async () => {
  const performed: string[] = [];
  let submission: Promise<unknown> | undefined;
  let whileContinuing = (): Promise<void> => Promise.resolve();
  await engine.withWorker(
    perform(performed, () => Promise.resolve()),
    async (run) => {
      const entity = entityOf(engine, run);
      const [second, last] = [entity.another('provision', '2'), entity.another('delete')];
      whileContinuing = async () => {
        submission ??= Promise.all([entity.submit(second), entity.submit(second)]);
        // Answered by the same server over the same connection: the submissions have reached it too.
        for (let i = 0; i < 10; i++) await entity.handle.describe();
      };
      await entity.submit(run.input);
      await eventually(() => submission !== undefined);
      await submission;
      await entity.finished(second);
      await entity.submit(last);
      await entity.handle.result();
      expect(performed).toEqual(idsOf([run.input, second, last]));
    },
    watchContinuations(() => whileContinuing()),
  );
});

test('a backup that runs when the entity continues as new goes on, and runs once', async () => {
  const continued: (readonly string[])[] = [];
  let go = false;
  await engine.withWorker(
    async ({ name }) => {
      if (name === 'takeBackup') await eventually(() => go);
    },
    async (run) => {
      const entity = entityOf(engine, run);
      const [backup, last] = [entity.another('backup'), entity.another('delete')];
      await entity.submit(backup);
      await eventually(() => run.calls.includes('takeBackup'));
      await entity.submit(run.input);
      await entity.finished(run.input);
      await eventually(() => continued.length > 0);
      // The next run of the entity does not know of it.
      await entity.submit(backup);
      expect(run.calls).not.toContain('recordBackups');
      go = true;
      await entity.finished(backup);
      await entity.submit(last);
      await entity.handle.result();
      expect(run.calls.filter((call) => ['takeBackup', 'recordBackups'].includes(call))).toEqual([
        'takeBackup',
        'recordBackups',
      ]);
      const ends = run.records.filter(({ operation }) => operation?.state === 'failed');
      expect(ends).toEqual([]);
    },
    watchContinuations((queue) => void continued.push(queue)),
  );
});

test('backups alone make the entity continue as new, and a backup that is submitted meanwhile runs once', async () => {
  const ran: string[] = [];
  let continued = 0;
  let submission: Promise<unknown> | undefined;
  let whileContinuing = (): Promise<void> => Promise.resolve();
  await engine.withWorker(
    ({ name, args: [at] }) => void (name === 'takeBackup' && isStepRef(at) && ran.push(at.operationId)),
    async (run) => {
      const entity = entityOf(engine, run);
      const [first, second] = [entity.another('backup', 'a'), entity.another('backup', 'b')];
      const others = Array.from({ length: 4 }, (_, i) => entity.another('backup', `c${i}`));
      whileContinuing = async () => {
        continued++;
        submission ??= Promise.all([entity.submit(second), entity.submit(second)]);
        for (let i = 0; i < 10; i++) await entity.handle.describe();
      };
      await entity.submit(first);
      await entity.finished(first);
      for (const other of others) {
        await entity.submit(other);
        await entity.finished(other);
      }
      await eventually(() => submission !== undefined);
      await submission;
      await entity.finished(second);
      expect(ran.toSorted()).toEqual(idsOf([first, second, ...others]).sort());
      expect(continued).toBeGreaterThan(0);
      await entity.handle.terminate();
    },
    watchContinuations(() => whileContinuing()),
  );
});
