import { createInventory } from '../../../activities/inventory/open';
import type { OpenInventory } from '../../../activities/inventory/open';
import type { OperationId } from '../../../domain/ids';
import type { Operation } from '../../../domain/operations';
import { newProvision, openScratchInventory } from '../../support/inventory';
import type { ScratchInventory } from '../../support/inventory';

let opened: ScratchInventory;
let inventory: OpenInventory;
let operation: Operation;

beforeAll(async () => {
  opened = await openScratchInventory();
  ({ inventory } = opened);
});
afterAll(() => opened.close());
beforeEach(async () => {
  ({ operation } = await newProvision(opened));
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
