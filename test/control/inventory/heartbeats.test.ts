import type { OpenInventory } from '../../../activities/inventory/open';
import type { Beat } from '../../../activities/inventory/heartbeats';
import type { BackedUpCluster } from '../../support/backups';
import { openBackedUpCluster } from '../../support/backups';
import type { ScratchInventory } from '../../support/inventory';
import { openScratchInventory } from '../../support/inventory';

/** What is kept of what data nodes say. */

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
  await opened.scratch.query(
    `insert into nodes (cluster_id, name, role, failure_domain, private_address)
     select $1, name, role, 'local', '10.0.0.1' from (values ('pg-1', 'data'), ('pg-2', 'data'), ('gw-1', 'gateway')) n (name, role)`,
    [shop.cluster.id],
  );
});

const beat = (change: Partial<Beat>): Beat => ({
  clusterId: shop.cluster.id,
  node: 'pg-1',
  role: 'replica',
  silentMs: 0,
  ...change,
});
const heard = async (): Promise<unknown> =>
  [...(await inventory.heartbeats.of(shop.cluster.id)).values()]
    .map(({ node, role, silentMs }) => [node, role, Math.floor(silentMs / 60_000)])
    .sort();

test('the newest word of each node is kept, whoever heard it, with its age', async () => {
  await inventory.heartbeats.record([beat({ role: 'primary', silentMs: 60_000 }), beat({ node: 'pg-2' })]);
  expect(await heard()).toEqual([
    ['pg-1', 'primary', 1],
    ['pg-2', 'replica', 0],
  ]);
  await inventory.heartbeats.record([beat({ role: 'down', silentMs: 120_000 }), beat({ node: 'pg-2', role: 'down' })]);
  expect(await heard()).toEqual([
    ['pg-1', 'primary', 1],
    ['pg-2', 'down', 0],
  ]);
});

test('nodes that are gone have no word, and nobody else loses one by it', async () => {
  await inventory.heartbeats.record([beat({}), beat({ node: 'pg-9' }), beat({ node: 'pg-2' })]);
  await opened.scratch.query(`delete from nodes where cluster_id = $1 and name = 'pg-1'`, [shop.cluster.id]);
  expect(await heard()).toEqual([['pg-2', 'replica', 0]]);
});

test('clusters that are ready are listened to, and anew whenever a node is elsewhere', async () => {
  const nodes = async (): Promise<string | undefined> =>
    (await inventory.heartbeats.listHeard()).find(({ clusterId }) => clusterId === shop.cluster.id)?.nodes;
  const before = await nodes();
  expect(before).toContain('pg-2 10.0.0.1');
  expect(before).toContain('gw-1 10.0.0.1');
  await opened.scratch.query(`update nodes set private_address = '10.0.0.9' where cluster_id = $1 and name = 'pg-2'`, [
    shop.cluster.id,
  ]);
  expect(await nodes()).toContain('pg-2 10.0.0.9');
  await opened.scratch.query(`update clusters set state = 'deleting' where id = $1`, [shop.cluster.id]);
  expect(await nodes()).toBeUndefined();
});
