import { operationSchema } from '../../../domain/schemas/operations';
import { previewSchema } from '../../../domain/schemas/previews';
import { startTestApi } from '../../support/api';
import type { TestAnswer, TestApi } from '../../support/api';
import { operationOf, readyCluster } from '../../support/api-backups';
import { finish, refOf } from '../../support/inventory';

/** Orders of switchovers: who may be the next primary, and what is told of it. */

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await readyCluster(api, 'orders', { plan: 'ha-s' });
  await readyCluster(api, 'small');
});
afterAll(() => api.stop());

const order = (body: object | undefined, cluster = 'orders', more: object = {}): Promise<TestAnswer> =>
  api.request('POST', `/v1/clusters/${cluster}/switchover`, { ...(body && { body }), ...more });
const operations = async (): Promise<string> => {
  const [row] = await api.database.query<{ count: string }>('select count(*) from operations');
  return row?.count ?? '';
};

test('a node that is named is where the operation goes; it tells from which to which, as was found first', async () => {
  const answer = await order({ to: 'pg-2' });
  expect([answer.status, answer.body]).toEqual([
    202,
    expect.objectContaining({ kind: 'switchover', switchover: { from: null, to: 'pg-2' }, restored: null }),
  ]);
  const operation = await operationOf(api, answer.body['id']);
  await api.inventory.operations.recordSwitchover(refOf(operation), { from: 'pg-1', to: 'pg-2' });
  // A worker that comes later finds the new primary.
  await api.inventory.operations.recordSwitchover(refOf(operation), { from: 'pg-2', to: 'pg-3' });
  await finish(api.inventory, operation);
  const { body } = await api.request('GET', `/v1/operations/${operation.id}`);
  expect(operationSchema.parse(body)).toMatchObject({ state: 'succeeded', switchover: { from: 'pg-1', to: 'pg-2' } });
});

test('without a body, or with an empty one, the best standby is meant; the same key gives the same operation', async () => {
  const headers = { 'Idempotency-Key': 'switch-1' };
  const first = await order({}, 'orders', { headers });
  const again = await order({}, 'orders', { headers });
  expect([first.status, again.status, again.body['id']]).toEqual([202, 202, first.body['id']]);
  expect(first.body['switchover']).toEqual({ from: null, to: null });
  expect((await order({ to: 'pg-3' }, 'orders', { headers })).body['code']).toBe('IDEMPOTENCY_KEY_REUSED');
  expect((await order({})).body['code']).toBe('CLUSTER_BUSY');
  await finish(api.inventory, await operationOf(api, first.body['id']));
  const bare = await order(undefined);
  expect([bare.status, bare.body['switchover']]).toEqual([202, { from: null, to: null }]);
  await finish(api.inventory, await operationOf(api, bare.body['id']));
});

test.each(['pg-4', 'gw-1', 'nonsense', ''])(
  '%p is refused with the data nodes that there are, and nothing is begun',
  async (to) => {
    const before = await operations();
    const { status, body } = await order({ to });
    expect([status, body['code'], body['errors']]).toEqual([
      400,
      'VALIDATION_FAILED',
      [
        {
          in: 'body',
          pointer: '/to',
          code: 'no_such_node',
          message: 'must be a data node of orders: pg-1, pg-2, pg-3',
        },
      ],
    ]);
    expect(await operations()).toBe(before);
  },
);

test.each([{}, { to: 'pg-1' }])('a cluster with one data node has nowhere to go: %j', async (body) => {
  const before = await operations();
  const refused = await order(body, 'small');
  expect([refused.status, refused.body['code'], refused.body['detail']]).toEqual([
    409,
    'NO_STANDBY',
    expect.stringContaining('Cluster small has one data node'),
  ]);
  expect(await operations()).toBe(before);
});

test('a cluster that is not ready is refused', async () => {
  await api.request('POST', '/v1/clusters', { body: { name: 'fresh', plan: 'ha-s' } });
  expect((await order({}, 'fresh')).body['code']).toMatch(/^CLUSTER_(BUSY|NOT_READY)$/);
});

test('a preview says what would happen and what stands in the way, and begins nothing', async () => {
  const before = await operations();
  const { body } = await api.request('POST', '/v1/clusters/orders/switchover?preview=true', { body: { to: 'pg-3' } });
  const preview = previewSchema.parse(body);
  expect(preview).toMatchObject({ kind: 'switchover', impact: 'failover' });
  expect(preview.changes[0]?.detail).toContain('becomes pg-3');
  expect(preview.checks.map(({ status }) => status)).toEqual(['passed', 'passed', 'passed']);
  const small = await api.request('POST', '/v1/clusters/small/switchover?preview=true', { body: {} });
  expect(previewSchema.parse(small.body).checks[0]).toMatchObject({ id: 'has-standbys', status: 'failed' });
  expect(await operations()).toBe(before);
});
