import type { Fleet } from '../../../activities/fleet';
import { createSwapActivities } from '../../../activities/swap/activities';
import type { Operation } from '../../../domain/operations';
import type { BackedUpFleet } from '../../support/backed-up-fleet';
import { openBackedUpFleet } from '../../support/backed-up-fleet';
import type { BackedUpCluster } from '../../support/backups';
import { newSet } from '../../support/backups';
import { finish, newSubmission, refOf } from '../../support/inventory';
import { scriptedSsh } from '../../support/scripted-ssh';

/** Whether other data fits beside the old: a real inventory, and data nodes that have as much room as they are told to. */

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** As the newest backup has it, and as a restore in place has kept it. */
const DATA = 10 * GIB;
/** It, a tenth for its log, and 256 MiB. */
const NEEDED = 11 * GIB + 256 * MIB;
const SPARE = 256 * MIB;
const PLENTY = 100 * GIB;

let backedUp: BackedUpFleet;
let fleet: Fleet;
let shop: BackedUpCluster;
/** Free bytes of each data node. */
let free: Record<string, number>;
/** Data nodes on which a copy takes no room. */
let sharing: string[];

beforeAll(async () => {
  backedUp = await openBackedUpFleet();
  const ssh = scriptedSsh((name, _command, { title = '' }) => answer(name, title));
  fleet = { ...backedUp.fleet, ssh };
});
afterAll(() => backedUp.close());
beforeEach(async () => {
  shop = await backedUp.renew();
  free = { 'pg-1': PLENTY, 'pg-2': PLENTY, 'pg-3': PLENTY };
  sharing = [];
  await backedUp.opened.scratch.query(
    `insert into nodes (cluster_id, name, role, failure_domain, private_address, ssh_host, ssh_port, host_key)
     select $1, 'pg-' || n, 'data', 'local', '10.0.0.' || n, '10.0.0.' || n, 22, 'key' from generate_series(1, 3) n`,
    [shop.cluster.id],
  );
  const set = newSet(1, { databaseBytes: DATA });
  await backedUp.inventory.backups.recordSets(shop.timeline, 'primary', [set]);
});

/** What a data node says; pg-1 is the primary. */
function answer(node: string, title: string): Promise<string> {
  if (title === 'wait for the primary') return node === 'pg-1' ? Promise.resolve('') : new Promise(() => undefined);
  if (title === 'see how much room there is') return Promise.resolve(`Avail\n${free[node]}\n`);
  if (title === 'see whether a copy takes room') return Promise.resolve(sharing.includes(node) ? 'yes\n' : 'no\n');
  return Promise.reject(new Error(`nobody expected: ${title}`));
}

async function order(kind: 'restore-in-place' | 'rollback', undoes: Operation | null = null): Promise<Operation> {
  const target = undoes ? null : ({ kind: 'latest' } as const);
  const swap = { timelineId: shop.timeline.id, target, site: null, undoes: undoes?.id ?? null };
  const submission = { ...newSubmission(shop.cluster, kind), swap };
  return (await backedUp.inventory.operations.submit(null, submission)).operation;
}

/** A rollback of a restore in place that has kept the old data on pg-2. */
async function orderRollback(): Promise<Operation> {
  const { inventory } = backedUp;
  const restore = await order('restore-in-place');
  const ref = refOf(restore);
  await inventory.swaps.note(ref, { node: 'pg-3', keptOn: 'pg-2', oldLog: 1, newLog: 2, forkLsn: '0/3000000' });
  await inventory.swaps.pass(ref);
  await inventory.swaps.keep(ref, { bytes: DATA, lastCommitAt: null, lastCommitLsn: null, hours: 24 });
  await finish(inventory, restore);
  return order('rollback', restore);
}

const checkRoom = (operation: Operation): Promise<void> => createSwapActivities(fleet).checkRoom(refOf(operation));
const nodeOf = async ({ id }: Operation): Promise<string | null> =>
  (await backedUp.inventory.swaps.ofOperation(id)).node;

/** Refused for want of room on a node, with figures, before a node is chosen. */
async function demandRefused(operation: Operation, node: string, needed: string, left: string): Promise<void> {
  await expect(checkRoom(operation)).rejects.toMatchObject({
    code: 'NOT_ENOUGH_SPACE',
    message: expect.stringContaining(
      `does not fit beside the old on ${shop.cluster.name}/${node}: it needs ${needed}, and ${left} are free. Nothing was changed.`,
    ) as unknown,
    retryable: false,
  });
  expect(await nodeOf(operation)).toBeNull();
}

test.each(['pg-1', 'pg-2', 'pg-3'])('a restore in place needs room on every data node: not on %s', async (node) => {
  const restore = await order('restore-in-place');
  free[node] = NEEDED - MIB;
  await demandRefused(restore, node, '11520MiB', '11519MiB');
  // Retried once there is room, it goes on.
  free[node] = NEEDED + 1;
  await checkRoom(restore);
  expect(await nodeOf(restore)).toBe('pg-2');
});

test('what is put back takes room on other data nodes, and where copies take some', async () => {
  const rollback = await orderRollback();
  for (const node of ['pg-1', 'pg-2', 'pg-3']) {
    free = { 'pg-1': PLENTY, 'pg-2': PLENTY, 'pg-3': PLENTY, [node]: GIB };
    await demandRefused(rollback, node, '11520MiB', '1GiB');
  }
});

test('where it was kept, and blocks are shared, it takes what is written meanwhile alone; elsewhere sharing is of no use', async () => {
  const rollback = await orderRollback();
  sharing = ['pg-1', 'pg-2', 'pg-3'];
  free['pg-2'] = SPARE - MIB;
  await demandRefused(rollback, 'pg-2', '256MiB', '255MiB');
  free = { 'pg-1': GIB, 'pg-2': SPARE, 'pg-3': PLENTY };
  await demandRefused(rollback, 'pg-1', '11520MiB', '1GiB');
  free = { 'pg-1': PLENTY, 'pg-2': SPARE, 'pg-3': PLENTY };
  await checkRoom(rollback);
  expect(await nodeOf(rollback)).toBe('pg-2');
});

test('of a large volume a tenth stays free beside both, so that its host has no reason to act', async () => {
  await backedUp.opened.scratch.query(
    `update clusters set spec = jsonb_set(spec, '{storageBytes}', $2::jsonb) where id = $1`,
    [shop.cluster.id, String(100 * GIB)],
  );
  const restore = await order('restore-in-place');
  free['pg-3'] = 21 * GIB - MIB;
  await demandRefused(restore, 'pg-3', '21GiB', '21503MiB');
  free['pg-3'] = 21 * GIB + 1;
  await checkRoom(restore);
});
