import { recordSites, readyCluster } from '../../support/api-backups';
import { startTestUser, type TestUser } from '../../support/test-user';

/** How the nodes of a cluster are, as users are told. */

let user: TestUser;

beforeAll(async () => {
  user = await startTestUser();
  await recordSites(user.api);
});
afterAll(() => user?.stop());

test('a cluster and its nodes say what each data node says of itself, and which is silent since when', async () => {
  const { api, run } = user;
  const { id: clusterId } = await readyCluster(api, 'orders');
  await api.database.query('delete from nodes where cluster_id = $1', [clusterId]);
  await api.database.query(
    `insert into nodes (cluster_id, name, role, failure_domain)
     select $1, name, role, 'local' from (values ('gw-1', 'gateway'), ('pg-1', 'data'), ('pg-2', 'data'), ('pg-3', 'data')) n (name, role)`,
    [clusterId],
  );
  await api.inventory.heartbeats.record([
    { clusterId, node: 'pg-1', role: 'primary', silentMs: 200 },
    { clusterId, node: 'pg-2', role: 'replica', silentMs: 60_000 },
  ]);
  const heardAt: unknown = expect.stringMatching(/^20.*Z$/);
  const told = [
    { name: 'gw-1', state: null, heardAt: null },
    { name: 'pg-1', state: 'primary', heardAt },
    { name: 'pg-2', state: 'silent', heardAt },
    { name: 'pg-3', state: null, heardAt: null },
  ];
  expect((await api.request('GET', '/v1/clusters/orders')).body).toMatchObject({ nodes: told });
  expect((await api.request('GET', '/v1/clusters/orders/nodes')).body).toMatchObject({ items: told });

  const { stdout } = await run(['cluster', 'show', 'orders']);
  expect(stdout).toMatch(/^node gw-1 +gateway, local/m);
  expect(stdout).toMatch(/^node pg-1 +data, primary, local/m);
  expect(stdout).toMatch(/^node pg-2 +data, silent since 20\S+Z, local/m);
  expect(stdout).toMatch(/^node pg-3 +data, local/m);
});
