import { migrate } from '../../../activities/inventory/migrate';
import { createInventory } from '../../../activities/inventory/open';
import type { OpenInventory } from '../../../activities/inventory/open';
import type { OperationId, ProjectId } from '../../../domain/ids';
import type { Operation, OperationRecord, Step } from '../../../domain/operations';
import { createTestDatabase } from '../../support/database';
import type { TestDatabase } from '../../support/database';
import { newCluster, newSubmission, newId } from '../../support/inventory';

let scratch: TestDatabase;
let inventory: OpenInventory;
let project: ProjectId;
let operation: Operation;
let next = 0;

beforeAll(async () => {
  scratch = await createTestDatabase();
  await migrate(scratch.url);
  inventory = createInventory(scratch.url);
  project = (await inventory.projects.ensure('default')).id;
});

afterAll(async () => {
  await inventory.close();
  await scratch.drop();
});

beforeEach(async () => {
  const cluster = newCluster(project, `orders-${next++}`);
  ({ operation } = await inventory.operations.submitCreate(cluster, newSubmission(cluster)));
});

const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const read = async (): Promise<Operation> => {
  const found = await inventory.operations.get(operation.id);
  if (!found) throw new Error('no operation');
  return found;
};
const step = async (id: string): Promise<Step | undefined> => (await read()).steps.find((one) => one.id === id);
const record = (change: Omit<OperationRecord, 'operationId'>): Promise<void> =>
  inventory.operations.record({ operationId: operation.id, ...change });

describe('a record', () => {
  test('moves steps and operation through their lives', async () => {
    await record({
      seq: 1,
      steps: [{ stepId: 'network', state: 'running', at: at(1) }],
      operation: { state: 'running', at: at(0) },
    });
    expect(await read()).toMatchObject({ state: 'running', startedAt: at(0), finishedAt: null });
    expect(await step('network')).toMatchObject({ state: 'running', attempt: 1, startedAt: at(1), finishedAt: null });

    await record({
      seq: 2,
      steps: [{ stepId: 'network', state: 'failed', at: at(2), error: 'no room' }],
      operation: { state: 'waiting', at: at(2), reason: 'needs attention: no room' },
    });
    expect(await read()).toMatchObject({ state: 'waiting', reason: 'needs attention: no room', cancelable: true });
    expect(await step('network')).toMatchObject({ state: 'failed', finishedAt: at(2), lastError: 'no room' });

    await record({
      seq: 3,
      steps: [{ stepId: 'network', state: 'running', at: at(3) }],
      operation: { state: 'running', at: at(3) },
    });
    expect(await read()).toMatchObject({ state: 'running', reason: null, startedAt: at(0) });
    expect(await step('network')).toMatchObject({ startedAt: at(1), finishedAt: null, lastError: 'no room' });

    await record({
      seq: 4,
      steps: [
        { stepId: 'network', state: 'succeeded', at: at(4) },
        { stepId: 'hosts', state: 'running', at: at(4) },
      ],
      operation: { state: 'running', at: at(4), pointOfNoReturnPassed: true },
    });
    expect(await read()).toMatchObject({ cancelable: false, pointOfNoReturnPassed: true });
    expect(await step('network')).toMatchObject({ state: 'succeeded', finishedAt: at(4), lastError: null });

    const error = { code: 'CLOUD_FULL', message: 'no room' };
    await record({
      seq: 5,
      steps: [{ stepId: 'hosts', state: 'failed', at: at(5) }],
      operation: { state: 'failed', at: at(5), error },
    });
    expect(await read()).toMatchObject({
      state: 'failed',
      error,
      finishedAt: at(5),
      cancelable: false,
      pointOfNoReturnPassed: true,
    });
  });

  test('that comes late changes nothing that a newer one wrote, and what no newer one did', async () => {
    await record({
      seq: 5,
      steps: [{ stepId: 'network', state: 'succeeded', at: at(5) }],
      operation: { state: 'running', at: at(5) },
    });
    await record({
      seq: 4,
      steps: [
        { stepId: 'network', state: 'running', at: at(4) },
        { stepId: 'hosts', state: 'running', at: at(4) },
      ],
      operation: { state: 'scheduled', at: at(4) },
    });
    expect(await read()).toMatchObject({ state: 'running', steps: [{ state: 'succeeded' }, { state: 'running' }] });
  });

  test('written twice is one change with one set of events', async () => {
    const change = { seq: 1, steps: [{ stepId: 'network', state: 'running', at: at(1) }] } as const;
    await record(change);
    const events = await inventory.operations.eventsAfter(operation.id, 0);
    await record(change);
    expect(await inventory.operations.eventsAfter(operation.id, 0)).toEqual(events);
  });

  test('of an unknown operation or step is refused', async () => {
    const change = { seq: 1, steps: [{ stepId: 'nonsense', state: 'running', at: at(1) }] } as const;
    await expect(record(change)).rejects.toMatchObject({ code: 'NOT_FOUND', values: { kind: 'step' } });
    await expect(inventory.operations.record({ ...change, operationId: newId('op') })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});

describe('what a worker tells', () => {
  test('shows attempts and progress of a step that runs, and is too late for one that ended', async () => {
    await record({ seq: 1, steps: [{ stepId: 'network', state: 'running', at: at(1) }] });
    await inventory.operations.recordAttempt(operation.id, 'network', {
      attempt: 3,
      lastError: 'no answer',
      nextRetryAt: at(9),
    });
    await inventory.operations.recordProgress(operation.id, 'network', '12 of 40 MB');
    expect(await step('network')).toMatchObject({
      state: 'running',
      attempt: 3,
      lastError: 'no answer',
      nextRetryAt: at(9),
      progress: '12 of 40 MB',
    });

    await record({ seq: 2, steps: [{ stepId: 'network', state: 'succeeded', at: at(2) }] });
    const ended = await step('network');
    expect(ended).toMatchObject({ attempt: 3, lastError: null, nextRetryAt: null });
    await inventory.operations.recordAttempt(operation.id, 'network', {
      attempt: 4,
      lastError: 'late',
      nextRetryAt: null,
    });
    await inventory.operations.recordProgress(operation.id, 'network', 'late');
    expect(await step('network')).toEqual(ended);
  });
});

describe('events', () => {
  test('tell each change, in order, with rising numbers, after any of them', async () => {
    await record({
      seq: 1,
      steps: [{ stepId: 'network', state: 'running', at: at(1) }],
      operation: { state: 'running', at: at(1) },
    });
    await inventory.operations.recordProgress(operation.id, 'network', 'half');
    const events = await inventory.operations.eventsAfter(operation.id, 0);

    expect(events.map(({ type, body }) => [type, body['state'], body['progress'] ?? null])).toEqual([
      ['operation', 'pending', null],
      ['step', 'running', null],
      ['operation', 'running', null],
      ['step', 'running', 'half'],
    ]);
    const seqs = events.map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(await inventory.operations.eventsAfter(operation.id, seqs[1] ?? 0)).toEqual(events.slice(2));
  });

  test('written by many at once are never skipped by a reader that goes on after the last it saw', async () => {
    await record({ seq: 1, steps: [{ stepId: 'network', state: 'running', at: at(1) }] });
    const seen: string[] = [];
    let last = 0;
    const readOn = async (): Promise<void> => {
      for (const event of await inventory.operations.eventsAfter(operation.id, last)) {
        last = event.seq;
        if (typeof event.body['progress'] === 'string') seen.push(event.body['progress']);
      }
    };
    const written = Array.from({ length: 60 }, (_, i) => String(i));
    const writing = Promise.all(
      written.map((text) => inventory.operations.recordProgress(operation.id, 'network', text)),
    );
    let done = false;
    void writing.finally(() => (done = true));
    while (!done) await readOn();
    await readOn();
    expect([...seen].sort()).toEqual([...written].sort());
  });
});

/** Waits until the listener was told what `wanted` accepts. */
function listener(): {
  tell: (id: OperationId | null) => void;
  until: (wanted: (id: OperationId | null) => boolean) => Promise<void>;
} {
  const told: (OperationId | null)[] = [];
  let check = (): void => undefined;
  return {
    tell: (id) => {
      told.push(id);
      check();
    },
    until: (wanted) =>
      new Promise((resolve) => {
        check = () => {
          if (told.some(wanted)) resolve();
        };
        check();
      }),
  };
}

describe('announcements', () => {
  test('name the operation, to all listeners, also of another process, until they stop', async () => {
    const other = createInventory(scratch.url);
    const [here, there, stopped] = [listener(), listener(), jest.fn()];
    const stops = [await inventory.operations.onEvents(here.tell), await other.operations.onEvents(there.tell)];
    (await inventory.operations.onEvents(stopped))();

    await inventory.operations.recordProgress(operation.id, 'network', 'half');
    await Promise.all([here, there].map(({ until }) => until((id) => id === operation.id)));
    expect(stopped).not.toHaveBeenCalled();
    stops.forEach((stop) => stop());
    await other.close();
  });

  test('come again after the connection broke, and listeners are told to read again', async () => {
    const ears = listener();
    const stop = await inventory.operations.onEvents(ears.tell);
    await scratch.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'holdfast events'`,
    );
    await ears.until((id) => id === null);
    await inventory.operations.recordProgress(operation.id, 'network', 'half');
    await ears.until((id) => id === operation.id);
    stop();
  });
});
