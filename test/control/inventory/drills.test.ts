import type { DrillDue } from '../../../activities/drills/open-drill';
import { openDrill, removeAbandonedDrills } from '../../../activities/drills/open-drill';
import { createHousekeepingActivities } from '../../../activities/housekeeping/activities';
import type { OpenInventory } from '../../../activities/inventory/open';
import type { Cluster, Condition } from '../../../domain/clusters';
import type { Drill } from '../../../domain/drills';
import type { Operation } from '../../../domain/operations';
import type { BackedUpFleet } from '../../support/backed-up-fleet';
import { openBackedUpFleet } from '../../support/backed-up-fleet';
import type { BackedUpCluster } from '../../support/backups';
import { newSet, openBackedUpCluster } from '../../support/backups';
import type { ScratchInventory } from '../../support/inventory';
import { finish, noticesOf, refOf } from '../../support/inventory';
import { POLICY } from '../../support/lineage';

/** What is written of drills, and what the clusters whose backups they restore say of them. */

const STEPS = [{ id: 'choose', title: 'choose' }];
let world: BackedUpFleet;
let opened: ScratchInventory;
let inventory: OpenInventory;
let fleet: BackedUpFleet['fleet'];
let shop: BackedUpCluster;

beforeAll(async () => {
  world = await openBackedUpFleet();
  ({ opened, inventory, fleet } = world);
});
afterAll(() => world.close());
beforeEach(async () => {
  shop = await world.renew();
});

async function backUp(): Promise<void> {
  const operation = await shop.backup();
  for (const site of POLICY.sites) await inventory.backups.recordSets(shop.timeline, site, [newSet(6)]);
  await finish(inventory, operation);
}

const schedule = (): Promise<boolean> => world.schedule(shop);

let occasions = 0;
const dueNow = (): DrillDue => ({ clusterId: shop.cluster.id, occasion: `due ${++occasions}`, steps: STEPS });

async function hold(): Promise<Operation> {
  const { operation } = await openDrill({ inventory }, dueNow());
  const held = operation && (await inventory.operations.get(operation.operationId));
  if (!held) throw new Error('no drill');
  return held;
}

async function end(
  operation: Operation,
  state: 'succeeded' | 'failed' | 'cancelled',
  code = 'RESTORE_FAILED',
): Promise<void> {
  const error = { code, message: 'A file is damaged.' };
  const change = { state, at: new Date().toISOString(), ...(state === 'failed' && { error }) };
  await inventory.operations.record({ operationId: operation.id, seq: 9, steps: [], operation: change });
}

async function prove(operation: Operation): Promise<Drill> {
  const ref = refOf(operation, 'choose');
  await inventory.drills.choose(ref, { target: { kind: 'time', time: '2026-11-20T07:00:00.000Z' }, site: 'primary' });
  const { setId } = newSet(6);
  await inventory.drills.recordFindings(ref, {
    site: 'primary',
    setId,
    databaseBytes: 5,
    checks: [{ name: 'a', passed: true, detail: 'b' }],
  });
  await inventory.drills.prove(ref);
  await end(operation, 'succeeded');
  return inventory.drills.ofOperation(operation.id);
}

const source = async (): Promise<Cluster | null> => inventory.clusters.get(shop.cluster.id);
const told = (): Promise<Condition | undefined> => world.conditionOf(shop.cluster.id, 'RestoreProven');
const audited = async (drill: Drill): Promise<string[]> =>
  (
    await opened.scratch.query<{ action: string }>(`select action from audit_log where details ->> 'drill' = $1`, [
      drill.id,
    ])
  ).map(({ action }) => action);

test('before the first drill a cluster says that nothing is proven; without drills in its policy it says nothing', async () => {
  await schedule();
  expect(await told()).toMatchObject({ status: false, reason: 'NoneYet' });
  shop = await openBackedUpCluster(opened);
  await opened.scratch.query(`update clusters set spec = jsonb_set(spec, '{backups,drill}', 'null') where id = $1`, [
    shop.cluster.id,
  ]);
  await schedule();
  expect(await told()).toBeUndefined();
});

test('a drill that proved something is told with its evidence, and its cluster shows in no list unless asked', async () => {
  await backUp();
  const operation = await hold();
  const plain = await inventory.clusters.list(opened.project, { limit: 10 });
  expect(plain.map(({ id }) => id)).toEqual([shop.cluster.id]);
  const all = await inventory.clusters.list(opened.project, { limit: 10, drills: true });
  expect(all.map(({ id, drillOf }) => [id, drillOf])).toEqual([
    [operation.clusterId, shop.cluster.id],
    [shop.cluster.id, null],
  ]);
  const drill = await prove(operation);
  expect(drill).toMatchObject({ state: 'succeeded', site: 'primary', databaseBytes: 5, requestedBy: 'schedule' });
  const copies = await inventory.backups.copies(shop.timeline.id);
  expect(copies.map(({ site, lastVerifiedAt }) => [site, lastVerifiedAt])).toEqual([
    ['primary', drill.provenAt],
    ['secondary', null],
  ]);
  expect((await inventory.clusters.get(operation.clusterId))?.origin).toMatchObject({
    clusterId: shop.cluster.id,
    target: drill.target,
    site: 'primary',
    keepsCredentials: false,
    undeletes: false,
    onlyDatabase: null,
  });
  expect((await source())?.lastProvenRestore).toMatchObject({ drillId: drill.id, provenAt: drill.provenAt });
  expect(await told()).toMatchObject({ status: true, reason: 'Proven' });
  expect(await audited(drill)).toEqual(['drill proven']);
});

test('what was chosen first stays, and what was proven is proven once', async () => {
  await backUp();
  const operation = await hold();
  const ref = refOf(operation, 'choose');
  await inventory.drills.choose(ref, { target: { kind: 'time', time: '2026-11-20T07:00:00.000Z' }, site: 'primary' });
  await inventory.drills.choose(ref, { target: { kind: 'time', time: '2026-11-20T08:00:00.000Z' }, site: 'secondary' });
  expect(await inventory.drills.ofOperation(operation.id)).toMatchObject({
    target: { time: '2026-11-20T07:00:00.000Z' },
    site: 'primary',
  });
  await inventory.drills.prove(ref);
  await inventory.drills.prove(ref);
  expect(await audited(await inventory.drills.ofOperation(operation.id))).toEqual(['drill proven']);
  // Its operation is ended from outside while it takes its hosts away.
  await end(operation, 'failed', 'OPERATION_LOST');
  expect(await inventory.drills.ofOperation(operation.id)).toMatchObject({ state: 'succeeded' });
  expect(await told()).toMatchObject({ status: true });
});

test.each([
  ['failed', 'RESTORE_FAILED', 'Failed'],
  ['skipped', 'CLOUD_FULL', 'Skipped'],
])('a drill that %s is told loudly, with the age of the last proven restore', async (state, code, reason) => {
  await backUp();
  const { provenAt } = await prove(await hold());
  const operation = await hold();
  await end(operation, 'failed', code);
  const drill = await inventory.drills.ofOperation(operation.id);
  expect(drill).toMatchObject({ state, error: { code } });
  expect(await told()).toMatchObject({ status: false, reason });
  expect((await told())?.message).toContain(`A file is damaged. The last proven restore ended at ${provenAt}`);
  expect(await audited(drill)).toEqual([`drill ${state}`]);
  const message = `The drill of ${shop.cluster.name} failed: A file is damaged.`;
  expect(await noticesOf(inventory, operation.id)).toEqual([{ event: 'failure', told: [], message }]);
  expect((await source())?.lastProvenRestore?.provenAt).toBe(provenAt);
});

test('a drill that was cancelled says nothing of the backups', async () => {
  await backUp();
  const { id } = await prove(await hold());
  const operation = await hold();
  await end(operation, 'cancelled');
  expect(await inventory.drills.ofOperation(operation.id)).toMatchObject({ state: 'cancelled', error: null });
  expect(await told()).toMatchObject({ status: true, reason: 'Proven' });
  expect((await source())?.lastProvenRestore?.drillId).toBe(id);
});

test('one drill of a cluster runs at a time, and holds up nothing else of it', async () => {
  await backUp();
  const operation = await hold();
  const second = await openDrill({ inventory }, dueNow());
  expect(second.operation).toBeNull();
  expect(JSON.stringify(second)).toContain(operation.id);
  await finish(inventory, await shop.backup());
  expect((await shop.remove()).state).toBe('pending');
});

test('the same occasion is one drill, whoever asks again', async () => {
  await backUp();
  const due = dueNow();
  const first = await openDrill({ inventory }, due);
  expect(await openDrill({ inventory }, due)).toEqual(first);
  expect(await inventory.drills.list(opened.project, { limit: 10, clusterId: shop.cluster.id })).toHaveLength(1);
});

test('none is held without a backup, of a policy that wants none, or of a cluster that is gone', async () => {
  const reason = async (): Promise<string> => {
    const drill = await openDrill({ inventory }, dueNow());
    return drill.operation === null ? drill.reason : 'held';
  };
  expect(await reason()).toContain('there is no backup yet');
  await backUp();
  const pause = `update clusters set spec = jsonb_set(spec, '{backups,paused}', $2::jsonb) where id = $1`;
  await opened.scratch.query(pause, [shop.cluster.id, 'true']);
  expect(await reason()).toContain('its backups are paused');
  await opened.scratch.query(pause, [shop.cluster.id, 'false']);
  await opened.scratch.query(`update clusters set state = 'deleting' where id = $1`, [shop.cluster.id]);
  expect(await reason()).toContain('is deleting');
});

test('a drill that is overdue by more than half of its interval is told once; the next proof takes it back', async () => {
  await backUp();
  await schedule();
  const find = (): Promise<readonly string[]> => createHousekeepingActivities(fleet).findOverdueDrills();
  expect(await find()).toEqual([]);
  await opened.scratch.query(`update clusters set backups_scheduled_at = now() - interval '18 days' where id = $1`, [
    shop.cluster.id,
  ]);
  expect(await find()).toEqual([shop.cluster.name]);
  expect(await told()).toMatchObject({ status: false, reason: 'Overdue' });
  expect(await find()).toEqual([]);
  await prove(await hold());
  expect(await told()).toMatchObject({ status: true, reason: 'Proven' });
  expect(await find()).toEqual([]);
});

test('what a drill left behind that was ended from outside is deleted', async () => {
  await backUp();
  const operation = await hold();
  expect(await removeAbandonedDrills({ inventory }, STEPS)).toEqual([]);
  await end(operation, 'failed', 'OPERATION_LOST');
  expect((await inventory.clusters.get(operation.clusterId))?.status.state).toBe('failed');
  expect(await removeAbandonedDrills({ inventory }, STEPS)).toEqual([operation.clusterId]);
  expect(await removeAbandonedDrills({ inventory }, STEPS)).toEqual([]);
  const [deletion] = await inventory.operations.list(opened.project, { limit: 1, clusterId: operation.clusterId });
  expect(deletion).toMatchObject({ kind: 'delete', state: 'pending', requestedBy: 'schedule' });
});
