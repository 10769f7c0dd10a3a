import type { OpenInventory } from '../../../activities/inventory/open';
import type { Operation } from '../../../domain/operations';
import type { BackedUpCluster } from '../../support/backups';
import { openBackedUpCluster } from '../../support/backups';
import { finish, newCluster, newId, newSubmission, openScratchInventory, refOf } from '../../support/inventory';
import type { ScratchInventory } from '../../support/inventory';
import { startOn } from '../../support/lineage';

/** Backups have a lane of their own beside the other operations of a cluster. */

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

/** Some other operation of the cluster, which is not its deletion. */
const change = async (): Promise<Operation> =>
  (await inventory.operations.submit(null, newSubmission(shop.cluster, 'restore'))).operation;
const recordNode = (operation: Operation): Promise<void> =>
  inventory.backups.recordStart(refOf(operation), startOn('pg-2', 'replica'));
const busy = (by: Operation) => ({ code: 'CLUSTER_BUSY', values: { operation: by.id } });
const OVERTAKEN = { code: 'STALE_GENERATION', retryable: false };

test('a backup runs beside another operation, whichever came first', async () => {
  const backup = await shop.backup();
  const other = await change();
  await finish(inventory, backup);
  const next = await shop.backup();
  for (const operation of [other, next]) await inventory.operations.requireCurrent(refOf(operation));
});

test('two of one lane are refused, with the one that runs', async () => {
  const [backup, other] = [await shop.backup(), await change()];
  await expect(shop.backup()).rejects.toMatchObject(busy(backup));
  await expect(change()).rejects.toMatchObject(busy(other));
});

test('of ten backups at once one begins, and the others learn which', async () => {
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => shop.backup()));
  const [won] = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (!won) throw new Error('none began');
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  expect(refused).toHaveLength(9);
  for (const reason of refused) expect(reason).toMatchObject(busy(won));
  const { id, generation } = won;
  expect((await inventory.backups.ofOperation(id)).state).toBe('running');
  expect(generation).toBe(1);
});

test('the generations of lanes do not know of one another', async () => {
  const before = await inventory.clusters.get(shop.cluster.id);
  const generations: number[] = [];
  for (let i = 0; i < 3; i++) {
    const backup = await shop.backup();
    generations.push(backup.generation);
    await finish(inventory, backup);
  }
  expect(generations).toEqual([1, 2, 3]);
  expect(await inventory.clusters.get(shop.cluster.id)).toEqual(before);
  const other = await change();
  expect(other.generation).toBe((before?.generation ?? 0) + 1);

  const backup = await shop.backup();
  expect(backup.generation).toBe(4);
  await finish(inventory, other);
  await change();
  await recordNode(backup);
  await expect(inventory.operations.requireCurrent(refOf(other))).rejects.toMatchObject(OVERTAKEN);
});

test('a backup of an older generation changes nothing any more, though another lane is where it was', async () => {
  const old = await shop.backup();
  await finish(inventory, old);
  const newer = await shop.backup();
  await expect(recordNode({ ...newer, generation: old.generation })).rejects.toMatchObject(OVERTAKEN);
  await expect(recordNode(old)).rejects.toMatchObject(OVERTAKEN);
  await recordNode(newer);
});

describe('a deletion', () => {
  test('overtakes the backup that runs: neither its steps nor its records change anything from then on', async () => {
    const backup = await shop.backup();
    await recordNode(backup);
    const deletion = await shop.remove();
    const late: [string, () => Promise<unknown>][] = [
      ['a step', () => inventory.operations.requireCurrent(refOf(backup))],
      ['its node', () => inventory.backups.recordStart(refOf(backup), startOn('pg-1', 'primary'))],
      ['its success', () => inventory.backups.succeed(refOf(backup))],
      [
        'a condition',
        () =>
          inventory.clusters.setCondition(refOf(backup), {
            type: 'BackedUp',
            status: true,
            reason: 'Taken',
            message: '',
          }),
      ],
    ];
    for (const [what, write] of late)
      expect([what, await write().catch((e: unknown) => e)]).toMatchObject([what, OVERTAKEN]);
    expect(await inventory.backups.ofOperation(backup.id)).toMatchObject({ state: 'running', node: 'pg-2' });
    expect((await inventory.clusters.get(shop.cluster.id))?.status.conditions).toEqual([]);
    await inventory.clusters.setStatus(refOf(deletion), { state: 'deleting' });
  });

  test('lets no backup begin, from its order on to the end', async () => {
    const deletion = await shop.remove();
    await expect(shop.backup()).rejects.toMatchObject(busy(deletion));
    await inventory.clusters.setStatus(refOf(deletion), { state: 'deleting' });
    await expect(shop.backup()).rejects.toMatchObject(busy(deletion));
    await inventory.clusters.markDeleted(refOf(deletion));
    await finish(inventory, deletion);
    await expect(shop.backup()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('that comes at the same moment as a backup overtakes it, or keeps it from beginning', async () => {
    for (let round = 0; round < 10; round++) {
      shop = await openBackedUpCluster(opened);
      const [backup, deletion] = await Promise.allSettled([shop.backup(), shop.remove()]);
      if (deletion.status === 'rejected') throw deletion.reason;
      if (backup.status === 'fulfilled')
        await expect(inventory.operations.requireCurrent(refOf(backup.value))).rejects.toMatchObject(OVERTAKEN);
      else expect(backup.reason).toMatchObject(busy(deletion.value));
    }
  });
});

test.each(['creating', 'failed', 'deleting'] as const)('no backup begins of a cluster that is %s', async (state) => {
  const cluster = newCluster(opened.project, `new-${newId('clu').slice(-8)}`);
  const { operation } = await inventory.operations.submitCreate(cluster, newSubmission(cluster));
  await inventory.clusters.setStatus(refOf(operation), { state });
  const submit = () => inventory.operations.submit(null, newSubmission(cluster, 'backup'));
  await expect(submit()).rejects.toMatchObject({ code: 'CLUSTER_NOT_READY', values: { name: cluster.name, state } });
  const [left] = await opened.scratch.query<{ generation: number; operations: string }>(
    `select backup_generation as generation,
            (select count(*) from operations where cluster_id = $1 and kind = 'backup') as operations
       from clusters where id = $1`,
    [cluster.id],
  );
  expect(left).toEqual({ generation: 0, operations: '0' });
});
