import type { StepRef } from '../../../domain/clusters';
import type { Condition } from '../../../domain/clusters';
import type { OperationId } from '../../../domain/ids';
import { openBackedUpCluster } from '../../support/backups';
import type { BackedUpCluster } from '../../support/backups';
import { finish, newSubmission, openScratchInventory, refOf } from '../../support/inventory';
import type { ScratchInventory } from '../../support/inventory';

/** Data nodes that were away when the data of their cluster was exchanged: who is told of them, and when they are brought in. */

let opened: ScratchInventory;
beforeAll(async () => {
  opened = await openScratchInventory();
});
afterAll(() => opened?.close());

interface Swapped {
  readonly shop: BackedUpCluster;
  readonly ref: StepRef;
  end(): Promise<void>;
}

/** A restore in place that has come to the exchange. */
async function exchanged(shop?: BackedUpCluster, undoes: OperationId | null = null): Promise<Swapped> {
  const cluster = shop ?? (await openBackedUpCluster(opened));
  const { inventory } = opened;
  const target = undoes === null ? ({ kind: 'latest' } as const) : null;
  const swap = { timelineId: cluster.timeline.id, target, site: null, undoes };
  const kind = undoes === null ? 'restore-in-place' : 'rollback';
  const submission = { ...newSubmission(cluster.cluster, kind), swap };
  const { operation } = await inventory.operations.submit(null, submission);
  await inventory.swaps.pass(refOf(operation));
  return { shop: cluster, ref: refOf(operation), end: () => finish(inventory, operation) };
}

async function told({ shop }: Swapped): Promise<Condition | undefined> {
  const cluster = await opened.inventory.clusters.get(shop.cluster.id);
  return cluster?.status.conditions.find(({ type }) => type === 'NodesPresent');
}

const left = async (): Promise<unknown[]> =>
  (await opened.inventory.swaps.listWithNodesAway()).map(({ operationId, away }) => [operationId, away]);

test('they are told with the time when that was first seen, and left in peace while an operation works', async () => {
  const { swaps } = opened.inventory;
  const swapped = await exchanged();
  const { operationId } = swapped.ref;
  expect([await swaps.away(operationId), await told(swapped)]).toEqual([[], undefined]);
  await swaps.noteAway(swapped.ref, 'pg-3');
  const first = (await told(swapped))?.message;
  expect(first).toMatch(/: pg-3 since 20\S+Z\. Within an hour/);
  await swaps.noteAway(swapped.ref, 'pg-3');
  expect((await told(swapped))?.message).toBe(first);
  await swaps.noteAway(swapped.ref, 'pg-2');
  expect((await told(swapped))?.message).toMatch(/: pg-2 since \S+Z, pg-3 since \S+Z\. /);
  expect(await swaps.away(operationId)).toEqual(['pg-2', 'pg-3']);

  expect(await left()).toEqual([]);
  await swapped.end();
  expect(await left()).toEqual([[operationId, ['pg-2', 'pg-3']]]);
  await swaps.noteBack({ operationId, clusterId: swapped.shop.cluster.id }, 'pg-2');
  expect((await told(swapped))?.message).toMatch(/: pg-3 since/);
  await swaps.noteBack({ operationId, clusterId: swapped.shop.cluster.id }, 'pg-3');
  expect([await left(), await told(swapped)]).toEqual([[], undefined]);
});

test('a later exchange, which found all of them, leaves nothing to be brought in', async () => {
  const { swaps } = opened.inventory;
  const first = await exchanged();
  await swaps.noteAway(first.ref, 'pg-3');
  await first.end();
  const later = await exchanged(first.shop);
  await later.end();
  expect([await left(), await told(later)]).toEqual([[], undefined]);
});

test('what a rollback has put back is not put back once more while the node that keeps the other data is away', async () => {
  const { swaps } = opened.inventory;
  const found = { bytes: 1, lastCommitLsn: null, lastCommitAt: null, hours: 24 };
  const restored = await exchanged();
  await swaps.keep(restored.ref, found);
  await restored.end();
  const { cluster } = restored.shop;
  expect((await swaps.kept(cluster.id))?.operationId).toBe(restored.ref.operationId);
  const back = await exchanged(restored.shop, restored.ref.operationId);
  await back.end();
  expect(await swaps.kept(cluster.id)).toBeNull();
  await swaps.keepLater(back.ref.operationId, found);
  expect((await swaps.kept(cluster.id))?.operationId).toBe(back.ref.operationId);
});

test('an operation that is no swap has none', async () => {
  const { operation } = await opened.inventory.operations.submit(
    null,
    newSubmission((await openBackedUpCluster(opened)).cluster, 'delete'),
  );
  expect([await opened.inventory.swaps.away(operation.id), await opened.inventory.swaps.nodeOf(operation.id)]).toEqual([
    [],
    null,
  ]);
});
