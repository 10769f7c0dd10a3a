import { operationSchema } from '../../../domain/schemas/operations';
import { previewSchema } from '../../../domain/schemas/previews';
import type { PreviewAnswer } from '../../../domain/schemas/previews';
import type { HeartbeatRole } from '../../../domain/heartbeats';
import type { ClusterId } from '../../../domain/ids';
import type { NodeName } from '../../../domain/topology';
import type { TestAnswer, TestApi } from '../../support/api';
import { operationOf, readyCluster } from '../../support/api-backups';
import type { TestCommand } from '../../support/command';
import { finish, refOf } from '../../support/inventory';
import { startTestUser, type TestUser } from '../../support/test-user';

/** Orders of replacements: of which nodes, and what is told of them. */

let user: TestUser;
let api: TestApi;
let run: TestCommand['run'];
let orders: ClusterId;

beforeAll(async () => {
  user = await startTestUser();
  ({ api, run } = user);
  ({ id: orders } = await readyCluster(api, 'orders', { plan: 'ha-s' }));
  await readyCluster(api, 'small');
  await api.database.query(
    `insert into nodes (cluster_id, name, role, failure_domain, host_id, private_address)
     select $1, name, case when starts_with(name, 'pg-') then 'data' else 'gateway' end, 'local', 'host of ' || name, '10.0.0.9'
       from unnest(array['pg-1', 'pg-2', 'pg-3', 'gw-1', 'gw-2']) name`,
    [orders],
  );
});
afterAll(() => user?.stop());
beforeEach(async () => {
  await api.database.query('delete from heartbeats');
  await say([
    ['pg-1', 'primary'],
    ['pg-2', 'replica'],
    ['pg-3', 'replica'],
  ]);
});

const say = (said: readonly (readonly [NodeName, HeartbeatRole])[], silentMs = 0): Promise<void> =>
  api.inventory.heartbeats.record(said.map(([node, role]) => ({ clusterId: orders, node, role, silentMs })));
const order = (node: string, cluster = 'orders', more: object = {}): Promise<TestAnswer> =>
  api.request('POST', `/v1/clusters/${cluster}/nodes/${node}/replace`, more);
const operations = async (): Promise<string> => {
  const [row] = await api.database.query<{ count: string }>('select count(*) from operations');
  return row?.count ?? '';
};

test.each(['pg-3', 'pg-1', 'gw-2'])(
  '%s is what the operation is about; it keeps what was there first',
  async (node) => {
    const headers = { 'Idempotency-Key': `replace-${node}` };
    const answer = await order(node, 'orders', { headers });
    expect([answer.status, answer.body]).toEqual([
      202,
      expect.objectContaining({
        kind: 'replace-node',
        cause: 'user',
        node: { name: node, was: null },
        replacement: { former: null },
      }),
    ]);
    const again = await order(node, 'orders', { headers });
    expect([again.status, again.body['id']]).toEqual([202, answer.body['id']]);
    expect((await order('pg-2', 'orders', { headers })).body['code']).toBe('IDEMPOTENCY_KEY_REUSED');
    expect((await order('pg-2')).body['code']).toBe('CLUSTER_BUSY');
    const operation = await operationOf(api, answer.body['id']);
    await api.inventory.operations.recordFormerHost(refOf(operation));
    await api.database.query(`update nodes set host_id = 'fresh' where cluster_id = $1 and name = $2`, [orders, node]);
    // A worker that comes later finds the fresh host.
    await api.inventory.operations.recordFormerHost(refOf(operation));
    await finish(api.inventory, operation);
    const { body } = await api.request('GET', `/v1/operations/${operation.id}`);
    expect(operationSchema.parse(body).replacement).toEqual({
      former: { hostId: `host of ${node}`, privateAddress: '10.0.0.9' },
    });
  },
);

test.each(['pg-4', 'gw-3', 'nonsense'])('there is no node %s', async (node) => {
  const before = await operations();
  const { status, body } = await order(node);
  expect([status, body['code'], body['detail']]).toEqual([404, 'NOT_FOUND', `There is no node ${node} here.`]);
  expect(await operations()).toBe(before);
});

test('the only data node of a cluster is restored instead; its gateway is replaced like others', async () => {
  const before = await operations();
  const { status, body } = await order('pg-1', 'small');
  expect([status, body['code']]).toEqual([409, 'LAST_DATA_NODE']);
  expect(body['detail']).toContain('holdfast restore');
  expect(await operations()).toBe(before);
  const gateway = await order('gw-1', 'small');
  expect(gateway.status).toBe(202);
  await finish(api.inventory, await operationOf(api, gateway.body['id']));
});

test.each<[string, HeartbeatRole, number, string]>([
  ['is down', 'down', 0, 'pg-2 is down'],
  ['has been silent', 'replica', 60_000, 'pg-2 is silent'],
])(
  'while another data node %s no data node is replaced but that one, and gateways are',
  async (_what, role, silentMs, detail) => {
    await api.database.query(`delete from heartbeats where node = 'pg-2'`);
    await say([['pg-2', role]], silentMs);
    const before = await operations();
    const refused = await order('pg-3');
    expect([refused.status, refused.body['code'], refused.body['detail']]).toEqual([
      409,
      'NO_QUORUM_LEFT',
      expect.stringContaining(detail),
    ]);
    expect(await operations()).toBe(before);
    for (const node of ['pg-2', 'gw-1']) {
      const taken = await order(node);
      expect([node, taken.status]).toEqual([node, 202]);
      await finish(api.inventory, await operationOf(api, taken.body['id']));
    }
  },
);

test('a cluster that is not ready is refused', async () => {
  await api.request('POST', '/v1/clusters', { body: { name: 'fresh', plan: 'ha-s' } });
  expect((await order('pg-1', 'fresh')).body['code']).toMatch(/^CLUSTER_(BUSY|NOT_READY)$/);
});

test('a preview says what would happen and what stands in the way, and begins nothing', async () => {
  const before = await operations();
  const ask = async (node: string, cluster = 'orders'): Promise<PreviewAnswer> =>
    previewSchema.parse((await api.request('POST', `/v1/clusters/${cluster}/nodes/${node}/replace?preview=true`)).body);
  const replica = await ask('pg-3');
  expect(replica).toMatchObject({ kind: 'replace-node', impact: 'none' });
  expect(replica.checks.map(({ status }) => status)).toEqual(['passed', 'passed', 'passed', 'passed']);
  expect(replica.steps.map(({ id }) => id)).toContain('join-etcd-as-a-learner-then-vote');
  expect((await ask('pg-1')).impact).toBe('failover');
  const gateway = await ask('gw-1');
  expect(gateway.steps.map(({ id }) => id)).toContain('open-the-gateway');
  expect(gateway.steps.map(({ id }) => id)).not.toContain('take-it-out-of-etcd');
  const only = await ask('pg-1', 'small');
  expect(only.checks[0]).toMatchObject({ id: 'has-other-data-nodes', status: 'failed' });
  expect(await operations()).toBe(before);
});

test('by the command it is shown beforehand, ordered, and tells which node', async () => {
  const preview = await run(['node', 'replace', 'orders', 'pg-2', '--preview']);
  expect([preview.code, preview.stdout]).toEqual([0, expect.stringContaining('- host of pg-2')]);
  expect(preview.stdout).toContain('take it out of etcd');

  const wrong = await run(['node', 'replace', 'small', 'pg-1']);
  expect([wrong.code, wrong.stderr]).toEqual([5, expect.stringContaining('only data node of cluster small')]);

  const taken = await run(['node', 'replace', 'orders', 'gw-1', '-o', 'json']);
  expect(taken.code).toBe(0);
  const operation = await operationOf(api, (JSON.parse(taken.stdout) as { id: string }).id);
  await finish(api.inventory, operation);
  const shown = await run(['ops', 'show', operation.id]);
  expect(shown.stdout).toMatch(/^node +gw-1$/m);
});
