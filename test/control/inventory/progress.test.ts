import type { OpenInventory } from '../../../activities/inventory/open';
import type { Operation } from '../../../domain/operations';
import { at, newProvision, openScratchInventory } from '../../support/inventory';
import type { ScratchInventory, TrackedOperation } from '../../support/inventory';

let opened: ScratchInventory;
let inventory: OpenInventory;
let operation: Operation;
let record: TrackedOperation['record'];
let step: TrackedOperation['step'];

beforeAll(async () => {
  opened = await openScratchInventory();
  ({ inventory } = opened);
});
afterAll(() => opened.close());
beforeEach(async () => {
  ({ operation, record, step } = await newProvision(opened));
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

test('what a quick step tells before it is written that it began stays; a second try begins without', async () => {
  await inventory.operations.recordProgress(operation.id, 'network', 'nothing to do');
  await record({ seq: 1, steps: [{ stepId: 'network', state: 'running', at: at(1) }] });
  expect(await step('network')).toMatchObject({ state: 'running', progress: 'nothing to do' });
  await record({ seq: 2, steps: [{ stepId: 'network', state: 'failed', at: at(2), error: 'no room' }] });
  await record({ seq: 3, steps: [{ stepId: 'network', state: 'running', at: at(3) }] });
  expect(await step('network')).toMatchObject({ state: 'running', progress: null });
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
