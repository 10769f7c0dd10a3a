import type { OpenInventory } from '../../../activities/inventory/open';
import type { Backup } from '../../../domain/backups';
import type { OperationId } from '../../../domain/ids';
import type { Operation } from '../../../domain/operations';
import type { BackedUpCluster } from '../../support/backups';
import { openBackedUpCluster } from '../../support/backups';
import { at, finish, noticesOf, openScratchInventory, refOf, track } from '../../support/inventory';
import type { ScratchInventory } from '../../support/inventory';

/** What is kept of scripts around backups, and the events that say whom to tell. */

let opened: ScratchInventory;
let inventory: OpenInventory;
let shop: BackedUpCluster;

beforeAll(async () => {
  opened = await openScratchInventory();
  ({ inventory } = opened);
});
afterAll(() => opened.close());
beforeEach(async () => {
  shop = await openBackedUpCluster(opened);
});

const taken = async (): Promise<{ operation: Operation; backup: Backup }> => {
  const operation = await shop.backup();
  return { operation, backup: await inventory.backups.ofOperation(operation.id) };
};

test('how a script ended is kept with its backup, once for a node, and goes with its copies', async () => {
  const { operation, backup } = await taken();
  const ref = refOf(operation);
  const run = { phase: 'pre', node: 'pg-1', state: 'failed', exitCode: 3, output: 'no\n' } as const;
  await inventory.backups.recordScript(ref, run);
  await inventory.backups.recordScript(ref, { ...run, state: 'succeeded', exitCode: 0 });
  await inventory.backups.recordScript(ref, { ...run, node: 'pg-2', state: 'not run', exitCode: null });
  const { scripts } = await inventory.backups.ofOperation(operation.id);
  const finishedAt = expect.any(String) as string;
  expect(scripts).toEqual([
    { ...run, finishedAt },
    { ...run, node: 'pg-2', state: 'not run', exitCode: null, finishedAt },
  ]);
  expect((await inventory.backups.find(opened.project, backup.id))?.scripts).toEqual(scripts);
});

describe('whom to tell', () => {
  const notices = (id: OperationId): Promise<unknown[]> => noticesOf(inventory, id);
  const tell = (): Promise<unknown> =>
    opened.scratch.query(`update clusters set spec = jsonb_set(spec, '{backups,notify}', $2::jsonb) where id = $1`, [
      shop.cluster.id,
      JSON.stringify([
        { event: 'success', to: 'log' },
        { event: 'failure', to: 'pager' },
        { event: 'both', to: 'dba' },
        { event: 'both', to: 'dba' },
      ]),
    ]);

  test('is in an event of the operation when it ends well, before the one that tells the end', async () => {
    await tell();
    const { operation } = await taken();
    await finish(inventory, operation);
    const message = `The backup of ${shop.cluster.name} succeeded.`;
    expect(await notices(operation.id)).toEqual([{ event: 'success', told: ['log', 'dba'], message }]);
    const events = await inventory.operations.eventsAfter(operation.id, 0);
    expect(events.at(-1)?.type).toBe('operation');
  });

  test('of a success there is none when nobody wants to know', async () => {
    const { operation } = await taken();
    await finish(inventory, operation);
    expect(await notices(operation.id)).toEqual([]);
  });

  test('is in one with the reason when it fails, also when nobody wants to know, and in none when it is cancelled', async () => {
    const end = async (state: 'failed' | 'cancelled'): Promise<OperationId> => {
      const { operation } = await taken();
      const error = { code: 'BACKUP_FAILED', message: 'No space.' };
      const change = { state, at: at(7), ...(state === 'failed' && { error }) };
      await track(inventory, operation).record({ seq: 5, steps: [], operation: change });
      return operation.id;
    };
    const message = `The backup of ${shop.cluster.name} failed: No space. There is no good backup yet.`;
    expect(await notices(await end('failed'))).toEqual([{ event: 'failure', told: [], message }]);
    await tell();
    expect(await notices(await end('cancelled'))).toEqual([]);
    expect(await notices(await end('failed'))).toEqual([{ event: 'failure', told: ['pager', 'dba'], message }]);
  });

  test('is in a warning when the script after a backup ends badly, once', async () => {
    await tell();
    const { operation } = await taken();
    const run = { phase: 'post', node: 'pg-1', state: 'failed', exitCode: 7, output: '' } as const;
    for (let i = 0; i < 2; i++) await inventory.backups.recordScript(refOf(operation), run);
    const message = `The script after the backup of ${shop.cluster.name} ended with exit code 7 on pg-1.`;
    expect(await notices(operation.id)).toEqual([{ event: 'warning', told: ['pager', 'dba'], message }]);
  });
});
