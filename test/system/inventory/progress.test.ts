import { Client } from 'pg';
import { createInventory } from '../../../activities/inventory/open';
import type { OpenInventory } from '../../../activities/inventory/open';
import type { OperationId, ProjectId } from '../../../domain/ids';
import type { Operation, OperationRecord, Step } from '../../../domain/operations';
import { newCluster, newSubmission, newId, openScratchInventory } from '../../support/inventory';
import type { ScratchInventory } from '../../support/inventory';
import { until } from '../../support/until';

let opened: ScratchInventory;
let inventory: OpenInventory;
let project: ProjectId;
let operation: Operation;
let next = 0;

beforeAll(async () => {
  opened = await openScratchInventory();
  ({ inventory, project } = opened);
});
afterAll(() => opened.close());

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

  test('that fails a provision fails its cluster and closes what runs; a late one opens nothing again', async () => {
    await record({
      seq: 1,
      steps: [
        { stepId: 'network', state: 'succeeded', at: at(1) },
        { stepId: 'hosts', state: 'running', at: at(1) },
      ],
      operation: { state: 'running', at: at(1) },
    });
    const before = (await inventory.operations.eventsAfter(operation.id, 0)).at(-1)?.seq ?? 0;
    const error = { code: 'INTERNAL', message: 'terminated' };
    await record({ seq: 3, steps: [], operation: { state: 'failed', at: at(3), error } });

    expect(await inventory.clusters.get(operation.clusterId)).toMatchObject({ status: { state: 'failed' } });
    expect(await read()).toMatchObject({ steps: [{ state: 'succeeded', lastError: null }, { state: 'failed' }] });
    expect(await step('hosts')).toMatchObject({
      finishedAt: at(3),
      lastError: 'The operation ended while this step ran.',
    });
    const told = await inventory.operations.eventsAfter(operation.id, before);
    expect(told.map(({ type, body }) => [type, body['state']])).toEqual([
      ['step', 'failed'],
      ['operation', 'failed'],
    ]);
    await record({ seq: 2, steps: [{ stepId: 'hosts', state: 'running', at: at(2) }] });
    expect(await step('hosts')).toMatchObject({ state: 'failed' });
  });

  test('that ends an operation waits for the cluster before it holds the operation, as fenced writes do', async () => {
    const fenced = new Client({ connectionString: opened.scratch.url });
    await fenced.connect();
    await fenced.query('begin');
    await fenced.query('select from clusters where id = $1 for update', [operation.clusterId]);
    const ending = record({ seq: 1, steps: [], operation: { state: 'failed', at: at(1) } });
    const waits = `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await until(async () => (await opened.scratch.query(waits)).length > 0);
    await fenced.query('select from operations where id = $1 for share nowait', [operation.id]);
    await fenced.query('commit');
    await fenced.end();
    await ending;
    expect(await read()).toMatchObject({ state: 'failed' });
  });

  test('that ends a delete closes its steps and leaves the state of the cluster alone', async () => {
    await record({ seq: 1, steps: [], operation: { state: 'succeeded', at: at(1) } });
    expect(await inventory.clusters.get(operation.clusterId)).toMatchObject({ status: { state: 'creating' } });
    const cluster = await inventory.clusters.get(operation.clusterId);
    if (!cluster) throw new Error('no cluster');
    ({ operation } = await inventory.operations.submit(null, newSubmission(cluster, 'delete')));
    await record({ seq: 1, steps: [{ stepId: 'network', state: 'undoing', at: at(1) }] });
    await record({ seq: 2, steps: [], operation: { state: 'failed', at: at(2) } });
    expect(await step('network')).toMatchObject({ state: 'failed' });
    expect(await inventory.clusters.get(operation.clusterId)).toMatchObject({ status: { state: 'creating' } });
  });

  test('that began the undo ends the time to cancel for good, also when its undo waits, goes on, or it comes late', async () => {
    await record({ seq: 1, steps: [], operation: { state: 'running', at: at(1) } });
    expect(await read()).toMatchObject({ cancelable: true });
    await record({ seq: 2, steps: [], operation: { state: 'cancelling', at: at(2) } });
    await record({ seq: 3, steps: [], operation: { state: 'waiting', at: at(3), reason: 'needs attention: x' } });
    expect(await read()).toMatchObject({ state: 'waiting', cancelable: false });
    await record({ seq: 4, steps: [], operation: { state: 'running', at: at(4) } });
    expect(await read()).toMatchObject({ state: 'running', cancelable: false });

    const cluster = newCluster(project, `orders-${next++}`);
    ({ operation } = await inventory.operations.submitCreate(cluster, newSubmission(cluster)));
    await record({ seq: 3, steps: [], operation: { state: 'waiting', at: at(3) } });
    await record({ seq: 2, steps: [], operation: { state: 'cancelling', at: at(2) } });
    expect(await read()).toMatchObject({ state: 'waiting', cancelable: false });
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
    const other = createInventory(opened.scratch.url);
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
    await opened.scratch.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'holdfast events'`,
    );
    await ears.until((id) => id === null);
    await inventory.operations.recordProgress(operation.id, 'network', 'half');
    await ears.until((id) => id === operation.id);
    stop();
  });
});
