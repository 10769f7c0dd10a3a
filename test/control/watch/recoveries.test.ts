import type { Condition } from '../../../domain/clusters';
import type { Operation } from '../../../domain/operations';
import { stepTitles } from '../../../workflows/runbooks';
import { eventually } from '../../support/eventually';
import { begin, change, endGuards, heard, openGuarded, silence, toldOf } from '../../support/guarded-fleet';
import type { GuardedNode } from '../../support/guarded-fleet';

/** Clusters that have lost all their data nodes: what the autopilot orders, and what it tells. On real hosts: test/backups/recovery.test.ts. */

const GRACE_MS = 30_000;
const DATA = ['pg-1', 'pg-2', 'pg-3'] as const;
const WINDOW = { earliest: '2026-11-21T00:00:00.000Z', latest: '2026-11-21T10:00:00.000Z' };

let guarded: Awaited<ReturnType<typeof openGuarded>>;
beforeAll(async () => {
  guarded = await openGuarded();
});
afterAll(() => guarded.close());
beforeEach(async () => {
  await begin(guarded, ['gw-1', 'gw-2']);
  await guarded.inventory.timelines.setWindow(guarded.shop.timeline.id, WINDOW);
});
afterEach(() => endGuards(guarded));

const told = (): Promise<Condition | undefined> => toldOf(guarded, 'NodesServe');
async function ordered(): Promise<Operation[]> {
  const rows = await guarded.opened.scratch.query<{ id: Operation['id'] }>(
    `select id from operations where cause = 'autopilot' and cluster_id = $1 order by id`,
    [guarded.shop.cluster.id],
  );
  const found = await Promise.all(rows.map(({ id }) => guarded.inventory.operations.get(id)));
  return found.flatMap((operation) => operation ?? []);
}
const firstOrdered = (): Promise<Operation> => eventually(async () => (await ordered())[0]);
/** So many looks have begun and ended since. */
async function looks(): Promise<void> {
  const listed = jest.spyOn(guarded.inventory.heartbeats, 'listHeard');
  await eventually(() => listed.mock.calls.length > 3);
  listed.mockRestore();
}
function lose(host: GuardedNode['host'], nodes: readonly string[] = DATA): void {
  for (const name of nodes) {
    change(guarded, name, { host });
    silence(guarded, name);
  }
}
const noticed = (): Promise<true> =>
  eventually(async () => {
    const last = (await guarded.inventory.heartbeats.of(guarded.shop.cluster.id)).get('pg-1');
    return last !== undefined && last.silentMs > 4_500;
  });
const wait = (ms = GRACE_MS): void => void (guarded.waitedMs += ms);

test('all data nodes are off for half a minute: the recovery is ordered, once, and the cluster says that it waits for approval', async () => {
  guarded.guard();
  guarded.guard();
  await heard(guarded);
  lose('off');
  await noticed();
  await looks();
  expect(await ordered()).toEqual([]);
  wait();
  const operation = await firstOrdered();
  expect(operation).toMatchObject({
    kind: 'recover',
    cause: 'autopilot',
    requestedBy: 'autopilot',
    state: 'pending',
    node: null,
    recovery: null,
  });
  expect(operation.steps.map(({ id, title }) => ({ id, title }))).toEqual(stepTitles('recover', 'ha'));
  const condition = await eventually(told);
  expect(condition).toMatchObject({ status: false, reason: 'DataNodesLost' });
  expect(condition.message).toMatch(/waits for approval: `holdfast ops list --cluster shop-/);
  await looks();
  expect(await ordered()).toHaveLength(1);
});

test('all of their hosts are gone: at once', async () => {
  guarded.guard();
  await heard(guarded);
  lose('gone');
  expect((await firstOrdered()).kind).toBe('recover');
});

test('the only data node of a cluster is all of them', async () => {
  await guarded.opened.scratch.query(`delete from nodes where cluster_id = $1 and name in ('pg-2', 'pg-3', 'gw-2')`, [
    guarded.shop.cluster.id,
  ]);
  for (const name of ['pg-2', 'pg-3', 'gw-2']) delete guarded.nodes[name];
  guarded.guard();
  await heard(guarded);
  lose('gone', ['pg-1']);
  expect((await firstOrdered()).kind).toBe('recover');
});

test.each<[string, () => Promise<unknown> | void]>([
  ['while the host of one is on', () => change(guarded, 'pg-3', { host: 'runs' })],
  ['in maintenance', () => guarded.inventory.clusters.beginMaintenance(guarded.shop.cluster.id, 60, 'somebody')],
])('nothing is ordered %s', async (_what, trouble) => {
  guarded.guard();
  await heard(guarded);
  lose('off');
  await trouble();
  await noticed();
  wait();
  await looks();
  expect(await ordered()).toEqual([]);
});

test.each([
  [false, 'the cluster has no backups'],
  [true, 'holdfast restore create'],
])("what can be done is told where nothing is ordered (machines of the user's own: %s)", async (hasMachines, words) => {
  guarded.hasMachines = hasMachines;
  if (!hasMachines) await guarded.inventory.timelines.setWindow(guarded.shop.timeline.id, null);
  guarded.guard();
  await heard(guarded);
  lose('off');
  await noticed();
  wait();
  const condition = await eventually(told);
  expect([condition.reason, condition.message]).toEqual(['DataNodesLost', expect.stringContaining(words)]);
  expect(await ordered()).toEqual([]);
});

test('one that was cancelled is offered again after ten minutes, not before', async () => {
  guarded.guard();
  await heard(guarded);
  lose('gone');
  const { id } = await firstOrdered();
  await guarded.inventory.operations.record({
    operationId: id,
    seq: 1_000,
    steps: [],
    operation: { state: 'cancelled', at: new Date().toISOString() },
  });
  await looks();
  expect(await ordered()).toHaveLength(1);
  await guarded.opened.scratch.query(
    `update operations set created_at = created_at - interval '10 minutes' where id = $1`,
    [id],
  );
  await eventually(async () => (await ordered()).length === 2);
});

test('a backup that waits for the lost host is overtaken, and none begins while it waits for approval', async () => {
  const { cluster } = guarded.shop;
  const generation = async (): Promise<number> => {
    const [row] = await guarded.opened.scratch.query<{ n: number }>(
      'select backup_generation as n from clusters where id = $1',
      [cluster.id],
    );
    return row?.n ?? 0;
  };
  const before = await generation();
  guarded.guard();
  await heard(guarded);
  lose('gone');
  await firstOrdered();
  expect(await generation()).toBe(before + 1);
});
