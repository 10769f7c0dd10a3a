import type { HeartbeatRole } from '../../../domain/heartbeats';
import type { ClusterId } from '../../../domain/ids';
import { operationSchema } from '../../../domain/schemas/operations';
import { previewSchema } from '../../../domain/schemas/previews';
import type { NodeName } from '../../../domain/topology';
import type { TestAnswer, TestApi } from '../../support/api';
import { operationOf, readyCluster } from '../../support/api-backups';
import type { TestCommand } from '../../support/command';
import { finish, refOf } from '../../support/inventory';
import { startTestUser, type TestUser } from '../../support/test-user';

/** Orders of restarts and reinits: what is refused at once, and what is told. */

let user: TestUser;
let api: TestApi;
let run: TestCommand['run'];
let orders: ClusterId;

beforeAll(async () => {
  user = await startTestUser();
  ({ api, run } = user);
  orders = await clusterWithNodes('orders', 'ha-s', ['pg-1', 'pg-2', 'pg-3', 'gw-1', 'gw-2']);
  await clusterWithNodes('small', 'sandbox', ['pg-1', 'gw-1']);
});
afterAll(() => user?.stop());
beforeEach(() => hear('primary', 'replica', 'replica'));

async function clusterWithNodes(name: string, plan: string, nodes: readonly NodeName[]): Promise<ClusterId> {
  const { id } = await readyCluster(api, name, { plan });
  await api.database.query('delete from nodes where cluster_id = $1', [id]);
  for (const node of nodes)
    await api.database.query(`insert into nodes (cluster_id, name, role, failure_domain) values ($1, $2, $3, 'here')`, [
      id,
      node,
      node.startsWith('pg') ? 'data' : 'gateway',
    ]);
  return id;
}

/** What the data nodes of `orders` said last; null: nothing is known of it. */
async function hear(...roles: (HeartbeatRole | null)[]): Promise<void> {
  await api.database.query('delete from heartbeats where cluster_id = $1', [orders]);
  await api.inventory.heartbeats.record(
    roles.flatMap((role, i) => (role ? [{ clusterId: orders, node: `pg-${i + 1}` as const, role, silentMs: 10 }] : [])),
  );
}

const order = (path: string, cluster = 'orders'): Promise<TestAnswer> =>
  api.request('POST', `/v1/clusters/${cluster}/nodes/${path}`);
const operations = async (): Promise<string> => {
  const [row] = await api.database.query<{ count: string }>('select count(*) from operations');
  return row?.count ?? '';
};

test.each([
  ['pg-2/restart', 'restart-node', 'replica'],
  ['gw-1/restart', 'restart-node', 'gateway'],
  ['pg-3/reinit', 'reinit-node', 'replica'],
] as const)('%s is an operation about that node; what the node was is written down once', async (path, kind, was) => {
  const answer = await order(path);
  const name = path.split('/')[0] as NodeName;
  expect([answer.status, answer.body]).toEqual([202, expect.objectContaining({ kind, node: { name, was: null } })]);
  const operation = await operationOf(api, answer.body['id']);
  await api.inventory.operations.recordNode(refOf(operation), { name, was, run: 'first' });
  await api.inventory.operations.recordNode(refOf(operation), { name, was: 'primary', run: 'second' });
  expect((await api.inventory.operations.get(operation.id))?.node).toEqual({ name, was, run: 'first' });
  await finish(api.inventory, operation);
  const { body } = await api.request('GET', `/v1/operations/${operation.id}`);
  expect(operationSchema.parse(body).node).toEqual({ name, was });
});

test('the standby that a restart of the primary switches to is written on it, though it is no switchover', async () => {
  const operation = await operationOf(api, (await order('pg-1/restart')).body['id']);
  expect(operation.switchover).toBeNull();
  await api.inventory.operations.recordSwitchover(refOf(operation), { from: 'pg-1', to: 'pg-2' });
  await api.inventory.operations.recordSwitchover(refOf(operation), { from: 'pg-2', to: 'pg-3' });
  expect((await api.inventory.operations.get(operation.id))?.switchover).toEqual({ from: 'pg-1', to: 'pg-2' });
  await finish(api.inventory, operation);
});

test.each([
  ['the primary', ['primary', 'replica', 'replica'], 'pg-1', 'NODE_IS_PRIMARY'],
  ['one without which there is no quorum', ['primary', 'replica', 'down'], 'pg-2', 'NO_QUORUM_LEFT'],
] as const)('a reinit of %s is refused, and nothing is begun', async (_, roles, node, code) => {
  await hear(...roles);
  const before = await operations();
  const { status, body } = await order(`${node}/reinit`);
  expect([status, body['code']]).toEqual([409, code]);
  expect(await operations()).toBe(before);
});

test('the only data node is the primary, also while nobody hears it', async () => {
  expect((await order('pg-1/reinit', 'small')).body['code']).toBe('NODE_IS_PRIMARY');
});

test('where nothing is heard it is left to the operation, which asks the nodes themselves', async () => {
  await hear(null, null, null);
  const { status, body } = await order('pg-1/reinit');
  expect(status).toBe(202);
  await finish(api.inventory, await operationOf(api, body['id']));
});

test.each(['pg-4/restart', 'nonsense/reinit'])('%s: there is no such node', async (path) => {
  expect((await order(path)).body['code']).toBe('NOT_FOUND');
});

test('a gateway has no data to copy anew', async () => {
  const { status, body } = await order('gw-1/reinit');
  expect([status, body['code'], body['detail']]).toEqual([
    400,
    'VALIDATION_FAILED',
    expect.stringContaining('must be a data node: pg-1, pg-2, pg-3'),
  ]);
});

test('previews say what would happen and what stands in the way', async () => {
  const preview = async (path: string) => previewSchema.parse((await order(`${path}?preview=true`)).body);
  const before = await operations();
  expect(await preview('pg-1/restart')).toMatchObject({ kind: 'restart-node', impact: 'failover' });
  expect(await preview('pg-2/restart')).toMatchObject({ kind: 'restart-node', impact: 'restart' });
  const { checks } = await preview('pg-1/reinit');
  expect(checks.filter(({ status }) => status === 'failed').map(({ id }) => id)).toEqual(['not-the-primary']);
  expect(await operations()).toBe(before);
});

test('the command shows beforehand, orders, and tells what the node was', async () => {
  const shown = await run(['node', 'restart', 'orders', 'pg-1', '--preview']);
  expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('becomes the primary first')]);
  const wrong = await run(['node', 'reinit', 'orders', 'pg-1']);
  expect([wrong.code, wrong.stderr]).toEqual([5, expect.stringContaining('switchover orders')]);
  const ordered = await run(['node', 'restart', 'orders', 'pg-2', '-o', 'json']);
  expect(ordered.code).toBe(0);
  const operation = await operationOf(api, (JSON.parse(ordered.stdout) as { id: string }).id);
  await api.inventory.operations.recordNode(refOf(operation), { name: 'pg-2', was: 'replica', run: null });
  await finish(api.inventory, operation);
  expect((await run(['ops', 'show', operation.id])).stdout).toMatch(/node +pg-2, which was a replica/);
});
