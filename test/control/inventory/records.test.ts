import { Client } from 'pg';
import type { OpenInventory } from '../../../activities/inventory/open';
import type { Operation } from '../../../domain/operations';
import { eventually } from '../../support/eventually';
import { at, newId, newProvision, newSubmission, openScratchInventory, track } from '../../support/inventory';
import type { ScratchInventory, TrackedOperation } from '../../support/inventory';

let opened: ScratchInventory;
let inventory: OpenInventory;
let operation: Operation;
let record: TrackedOperation['record'];
let read: TrackedOperation['read'];
let step: TrackedOperation['step'];

beforeAll(async () => {
  opened = await openScratchInventory();
  ({ inventory } = opened);
});
afterAll(() => opened.close());
beforeEach(async () => {
  ({ operation, record, read, step } = await newProvision(opened));
});

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
    await eventually(async () => (await opened.scratch.query(waits)).length > 0);
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
    const submission = await inventory.operations.submit(null, newSubmission(cluster, 'delete'));
    const deletion = track(inventory, submission.operation);
    await deletion.record({ seq: 1, steps: [{ stepId: 'network', state: 'undoing', at: at(1) }] });
    await deletion.record({ seq: 2, steps: [], operation: { state: 'failed', at: at(2) } });
    expect(await deletion.step('network')).toMatchObject({ state: 'failed' });
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

    const other = await newProvision(opened);
    await other.record({ seq: 3, steps: [], operation: { state: 'waiting', at: at(3) } });
    await other.record({ seq: 2, steps: [], operation: { state: 'cancelling', at: at(2) } });
    expect(await other.read()).toMatchObject({ state: 'waiting', cancelable: false });
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
