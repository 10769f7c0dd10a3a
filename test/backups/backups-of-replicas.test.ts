import { CLOSE_SEGMENT } from '../../activities/pgbackrest/window';
import { script, sql } from '../../activities/postgres/sql';
import { eventually } from '../support/eventually';
import type { Holdfast } from '../support/holdfast';
import { startHoldfast } from '../support/holdfast';
import { query } from '../system/support/endpoint';
import { powerOn } from '../system/support/power';
import type { TestStores } from '../system/support/stores';
import { commitOnce, untilTold, whoHas } from './support/archiving';
import { describeReplicasOwn } from './support/around';
import { describeBegin } from './support/begin';
import { describeCopies } from './support/copies';
import { onPrimary } from './support/dump-user';
import { describeFailover } from './support/failover';
import { describeInPlaceWithReplicas } from './support/in-place';
import { describeLagging } from './support/lagging';
import { clientOf, sameClient, undelete } from './support/undelete';
import { backupsOf, firstBackup, remove, takeBackup, windowOf } from './support/user';

jest.setTimeout(900_000);

/** Backups of a cluster with replicas: who they are taken from, and that no loss of a node costs what was acknowledged. */

let holdfast: Holdfast;
let stores: TestStores;
let alone: ReturnType<typeof commitOnce>;

beforeAll(async () => {
  holdfast = await startHoldfast({ stores: ['primary', 'secondary'] });
  if (!holdfast.stores) throw new Error('no stores');
  stores = holdfast.stores;
  await holdfast.succeed((await holdfast.order({ name: 'orders', plan: 'ha-s', backups: null })).id);
});

afterAll(() => holdfast.stop());

describeBegin(() => holdfast);

test('a cluster with replicas is backed up from one of them', async () => {
  expect(await firstBackup(holdfast, 'orders')).toMatchObject({ nodeRole: 'replica', state: 'succeeded' });
  // The tests after this one need not wait for it.
  alone = commitOnce(holdfast, 'orders');
  alone.catch(() => undefined);
});

describeReplicasOwn(() => holdfast);

test('a commit on an idle database gets into every store by itself, and how long that took is shown', async () => {
  const { segment, shown } = await alone;
  console.log(JSON.stringify(shown));
  expect(shown.lagMs).toBeGreaterThan(0);
  expect(await whoHas(holdfast, 'orders', segment)).toEqual({ primary: true, secondary: true });
  await untilTold(holdfast, 'orders', 'UpToDate');
});

test('a log that is closed again ends where it did: nothing waits for a segment that nobody writes', async () => {
  const write = sql`SELECT pg_logical_emit_message(true, 'test', 'x') IS NULL`;
  // What PostgreSQL writes by itself may come in between.
  await eventually(async () => {
    const told = await onPrimary(holdfast, 'orders', script(write, CLOSE_SEGMENT, CLOSE_SEGMENT));
    const [, closed = '', again] = told.split('\n');
    expect(closed).toMatch(/^[0-9A-F]{24}$/);
    return again === closed;
  });
});

test('a replica that loses power in the middle of a backup does not end it: another node takes it', async () => {
  const { id } = await takeBackup(holdfast, 'orders', { type: 'full' });
  const { node } = await eventually(async () => {
    const [newest] = await backupsOf(holdfast, 'orders');
    return newest?.node ? newest : false;
  });
  const cluster = await holdfast.cluster('orders');
  const host = cluster.nodes.find(({ name }) => name === node)?.hostId;
  if (!host) throw new Error(`no host of ${String(node)}`);
  await holdfast.docker.getContainer(host).kill();
  await holdfast.succeed(id);
  const [newest] = await backupsOf(holdfast, 'orders');
  expect(newest).toMatchObject({ state: 'succeeded', type: 'full' });
  console.log(`begun on ${String(node)}, ended on ${String(newest?.node)}`);
  await powerOn(holdfast.docker.getContainer(host));
});

describeLagging(() => holdfast);

describeFailover(() => holdfast);

describeInPlaceWithReplicas(() => holdfast);

describeCopies(
  () => holdfast,
  () => stores,
);

test('a deletion does not wait for the backup that runs; undeleted, the cluster is where it was, with its last words', async () => {
  const { id } = await holdfast.cluster('orders');
  const client = await clientOf(holdfast, 'orders');
  const lastWords = Date.now();
  await query(client.config, 'create table last_words ()');
  const { id: backup } = await takeBackup(holdfast, 'orders', { type: 'full' });
  await remove(holdfast, 'orders');
  expect(Date.parse((await windowOf(holdfast, id)).latest ?? '')).toBeGreaterThan(lastWords);
  const ended = await eventually(async () => {
    const operation = await holdfast.operation(backup);
    return ['failed', 'succeeded', 'cancelled'].includes(operation.state) && operation;
  });
  expect(ended.state).not.toBe('cancelled');
  await undelete(holdfast, id);
  const { status, origin } = await holdfast.cluster('orders');
  expect([status.state, origin?.clusterId]).toEqual(['ready', id]);
  // With the very settings that the client had before.
  expect(await query(await sameClient(holdfast, 'orders', client), 'table last_words')).toEqual([]);
});
