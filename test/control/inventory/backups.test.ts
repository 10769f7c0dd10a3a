import type { OpenInventory } from '../../../activities/inventory/open';
import type { FoundSet } from '../../../activities/inventory/backup-tables';
import type { Backup } from '../../../domain/backups';
import { isId } from '../../../domain/ids';
import type { Operation } from '../../../domain/operations';
import type { BackedUpCluster } from '../../support/backups';
import { newSet, openBackedUpCluster } from '../../support/backups';
import { at, finish, newId, openScratchInventory, refOf, track } from '../../support/inventory';
import type { ScratchInventory } from '../../support/inventory';
import { startOn } from '../../support/lineage';

/** What is known of backups: begun by operations, and brought to what the stores have. */

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

const list = (): Promise<Backup[]> =>
  inventory.backups.list(opened.project, { limit: 100, clusterId: shop.cluster.id });
const record = (site: string, sets: ReturnType<typeof newSet>[]): Promise<void> =>
  inventory.backups.recordSets(shop.timeline, site, sets);
const taken = async (): Promise<{ operation: Operation; backup: Backup }> => {
  const operation = await shop.backup();
  return { operation, backup: await inventory.backups.ofOperation(operation.id) };
};

describe('a backup that an operation takes', () => {
  test('is written with it, and says who asked for it', async () => {
    const { operation, backup } = await taken();
    expect(backup).toMatchObject({
      clusterId: shop.cluster.id,
      timelineId: shop.timeline.id,
      operationId: operation.id,
      type: 'full',
      state: 'running',
      requestedBy: 'tok_tester',
      node: null,
      finishedAt: null,
      copies: [],
    });
    expect(await inventory.backups.find(opened.project, backup.id)).toEqual(backup);
    expect(await inventory.backups.find((await inventory.projects.ensure('other')).id, backup.id)).toBeNull();
  });

  test('is begun once, also by an operation that is none', async () => {
    const { operation, backup } = await taken();
    const another = {
      id: newId('bkp'),
      timelineId: shop.timeline.id,
      type: 'incremental',
      description: null,
      version: '18',
    } as const;
    await inventory.backups.begin(refOf(operation), another);
    expect(await inventory.backups.ofOperation(operation.id)).toEqual(backup);
    const deletion = await shop.remove();
    for (let i = 0; i < 2; i++) await inventory.backups.begin(refOf(deletion), another);
    expect((await list()).map(({ id, operationId }) => [id, operationId])).toContainEqual([another.id, deletion.id]);
  });

  test('succeeds once, with its node, and keeps its end', async () => {
    const { operation, backup } = await taken();
    await inventory.backups.recordStart(refOf(operation), startOn('pg-3', 'replica'));
    await inventory.backups.succeed(refOf(operation));
    const [first] = await list();
    expect(first).toMatchObject({ id: backup.id, state: 'succeeded', node: 'pg-3', nodeRole: 'replica' });
    await inventory.backups.succeed(refOf(operation));
    await finish(inventory, operation);
    expect(await list()).toEqual([first]);
  });

  test.each(['failed', 'cancelled'] as const)('has failed when its operation is %s, with the reason', async (state) => {
    const { operation } = await taken();
    const error = { code: 'BACKUP_FAILED', message: 'The backup to site primary failed: no space' };
    const { record: write } = track(inventory, operation);
    await write({ seq: 5, steps: [], operation: { state, at: at(7), ...(state === 'failed' && { error }) } });
    expect(await inventory.backups.ofOperation(operation.id)).toMatchObject({
      state: 'failed',
      finishedAt: at(7),
      error: state === 'failed' ? error : null,
    });
  });

  test('that was taken stays so when its operation fails behind it; other backups are left alone', async () => {
    const first = await taken();
    await inventory.backups.succeed(refOf(first.operation));
    const { record: write } = track(inventory, first.operation);
    await write({ seq: 5, steps: [], operation: { state: 'failed', at: at(7) } });
    const second = await taken();
    expect((await list()).map(({ id, state }) => [id, state])).toEqual([
      [second.backup.id, 'running'],
      [first.backup.id, 'succeeded'],
    ]);
  });
});

describe('what a store has', () => {
  test('belongs to the backup that it was taken for, by its annotation', async () => {
    const { operation, backup } = await taken();
    await record('primary', [newSet(1, { backupId: backup.id })]);
    await record('secondary', [newSet(2, { backupId: backup.id, type: 'incremental' })]);
    await inventory.backups.succeed(refOf(operation));
    const [only, ...others] = await list();
    expect(others).toEqual([]);
    expect(only).toMatchObject({
      id: backup.id,
      tool: 'pgBackRest 2.60.0',
      databaseBytes: 31_457_280,
      copies: [
        {
          site: 'primary',
          setId: '20261120-010000F',
          type: 'full',
          databaseBytes: 31_457_280,
          storedBytes: 1_000,
          removedAt: null,
        },
        { site: 'secondary', setId: '20261120-020000F', type: 'incremental', path: '/backup/20261120-020000F' },
      ],
    });
    expect(only?.copies[0]).toMatchObject({ startedAt: newSet(1).startedAt, finishedAt: newSet(1).finishedAt });
  });

  test('though nobody ordered it, is adopted as what its host took by itself, always under the same id', async () => {
    await record('primary', [newSet(3)]);
    const [adopted] = await list();
    expect(adopted).toMatchObject({
      operationId: null,
      requestedBy: 'host',
      state: 'succeeded',
      type: 'full',
      startedAt: newSet(3).startedAt,
      copies: [{ site: 'primary' }],
    });
    expect(isId('bkp', adopted?.id ?? '')).toBe(true);
    await opened.scratch.query('delete from backups where id = $1', [adopted?.id]);
    await record('primary', [newSet(3)]);
    expect((await list()).map(({ id }) => id)).toEqual([adopted?.id]);
  });

  test('is one backup on all sites where its host has written so, with when and where that began', async () => {
    const begun = Date.parse(newSet(3).startedAt) / 1000 - 60;
    const own = (hour: number, more: Partial<FoundSet> = {}): FoundSet =>
      newSet(hour, { backupId: `own-pg-2-${begun}`, type: 'incremental', ...more });
    await record('primary', [own(3)]);
    await record('secondary', [own(4)]);
    const adopted = await list();
    expect(adopted).toMatchObject([
      {
        ...{ operationId: null, requestedBy: 'host', state: 'succeeded', node: 'pg-2', nodeRole: 'primary' },
        startedAt: new Date(begun * 1000).toISOString(),
        finishedAt: own(4).finishedAt,
        copies: [{ site: 'primary' }, { site: 'secondary' }],
      },
    ]);
    await record('primary', [own(3)]);
    expect(await list()).toEqual(adopted);
    await record('secondary', [own(4, { damaged: true })]);
    expect(await list()).toMatchObject([{ state: 'failed', error: { code: 'BACKUP_DAMAGED' } }]);
  });

  test.each([
    ['no id at all', () => 'DROP TABLE backups'],
    ['nobody has', () => newId('bkp')],
    ['is of another cluster', async () => (await openElsewhere()).id],
  ])('with an annotation that %s is adopted too', async (_, annotation) => {
    await record('primary', [newSet(4, { backupId: await annotation() })]);
    expect(await list()).toMatchObject([{ requestedBy: 'host', copies: [{ site: 'primary' }] }]);
  });

  async function openElsewhere(): Promise<Backup> {
    const other = await openBackedUpCluster(opened);
    return inventory.backups.ofOperation((await other.backup()).id);
  }

  test('is written down once, however often and by however many it is looked at', async () => {
    const { operation, backup } = await taken();
    const sets = [newSet(1, { backupId: backup.id }), newSet(2), newSet(3)];
    await record('primary', sets);
    await inventory.backups.succeed(refOf(operation));
    const before = await list();
    expect(before.flatMap(({ copies }) => copies)).toHaveLength(3);
    await record('primary', sets);
    await Promise.all(Array.from({ length: 10 }, () => record('primary', sets)));
    expect(await list()).toEqual(before);
  });

  test('is written down once by ten who see it first at the same time, on two sites and in other orders', async () => {
    const sets = [newSet(1), newSet(2), newSet(3), newSet(4)];
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        record(i % 2 === 0 ? 'primary' : 'secondary', i % 4 < 2 ? sets : sets.toReversed()),
      ),
    );
    const backups = await list();
    expect(backups.map(({ copies }) => copies.map(({ site }) => site).sort())).toEqual(
      sets.map(() => ['primary', 'secondary']),
    );
  });
});

describe('what a store has no longer', () => {
  test('is marked so, on that site alone; without any copy the backup is expired', async () => {
    const { operation, backup } = await taken();
    const [old, kept] = [newSet(1, { backupId: backup.id }), newSet(2)];
    for (const site of ['primary', 'secondary']) await record(site, [old, kept]);
    await inventory.backups.succeed(refOf(operation));

    await record('primary', [kept]);
    const half = await inventory.backups.ofOperation(operation.id);
    expect(half.state).toBe('succeeded');
    expect(half.copies.map(({ site, removedAt }) => [site, removedAt !== null])).toEqual([
      ['primary', true],
      ['secondary', false],
    ]);
    await record('secondary', [kept]);
    const gone = await inventory.backups.ofOperation(operation.id);
    expect(gone).toMatchObject({ state: 'expired', copies: [{ site: 'primary' }, { site: 'secondary' }] });
    const when = gone.copies.map(({ removedAt }) => removedAt);
    await record('primary', [kept]);
    expect((await inventory.backups.ofOperation(operation.id)).copies.map(({ removedAt }) => removedAt)).toEqual(when);
    expect((await list()).find(({ operationId }) => operationId === null)?.state).toBe('succeeded');
  });

  test('does not make a backup expired that is still being taken, or that failed', async () => {
    const { operation } = await taken();
    await record('primary', []);
    expect((await inventory.backups.ofOperation(operation.id)).state).toBe('running');
    const { record: write } = track(inventory, operation);
    await write({ seq: 5, steps: [], operation: { state: 'failed', at: at(7) } });
    await record('primary', []);
    expect((await inventory.backups.ofOperation(operation.id)).state).toBe('failed');
  });

  test('of one lineage says nothing of another one', async () => {
    const other = await openBackedUpCluster(opened);
    await inventory.backups.recordSets(other.timeline, 'primary', [newSet(1)]);
    await record('primary', []);
    const [theirs] = await inventory.backups.list(opened.project, { limit: 1, clusterId: other.cluster.id });
    expect(theirs).toMatchObject({ state: 'succeeded', copies: [{ removedAt: null }] });
  });
});

test('copies stand in the order of the sites, whichever came first', async () => {
  const { backup } = await taken();
  for (const site of ['secondary', 'primary'])
    await record(site, [{ ...newSet(1), backupId: backup.id, startedAt: site === 'primary' ? at(9) : at(8) }]);
  const found = await inventory.backups.find(opened.project, backup.id);
  expect(found?.copies.map(({ site }) => site)).toEqual(['primary', 'secondary']);
});

test('lists page from the newest to the oldest, of one cluster or of a project', async () => {
  await record('primary', [newSet(1), newSet(2), newSet(3)]);
  const page = (before?: string): Promise<Backup[]> =>
    inventory.backups.list(opened.project, { limit: 2, clusterId: shop.cluster.id, ...(before && { before }) });
  const first = await page();
  const second = await page(first.at(-1)?.id);
  const started = [...first, ...second].map(({ startedAt }) => startedAt);
  expect(started).toEqual([newSet(3), newSet(2), newSet(1)].map(({ startedAt }) => startedAt));
  const { id } = await inventory.projects.ensure('nobody');
  expect(await inventory.backups.list(id, { limit: 10 })).toEqual([]);
});

test('a damaged set counts as no good one: it has failed, and a restore does not begin with it', async () => {
  await record('primary', [newSet(1, { damaged: true }), newSet(2)]);
  const [good, damaged] = await list();
  expect([good?.state, damaged?.state, damaged?.error?.code]).toEqual(['succeeded', 'failed', 'BACKUP_DAMAGED']);
  expect(damaged?.copies[0]?.damaged).toBe(true);
  expect((await inventory.backups.oldest(shop.timeline.id, null))?.id).toBe(good?.id);
  expect(await inventory.backups.firstLsn(shop.timeline.id, null)).toBe('0/2000100');
});

test('a set that is found again, after its site was away or left, is there again', async () => {
  await record('primary', [newSet(1)]);
  await record('primary', []);
  await record('primary', [newSet(1)]);
  expect((await list())[0]?.copies[0]?.removedAt).toBeNull();
});
