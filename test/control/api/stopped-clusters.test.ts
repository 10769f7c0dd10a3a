import { openBackup } from '../../../activities/schedules/open-backup';
import { previewSchema } from '../../../domain/schemas/previews';
import type { TestAnswer, TestApi } from '../../support/api';
import { operationOf, readyCluster, recordSites } from '../../support/api-backups';
import type { TestCommand } from '../../support/command';
import { finish, newId, newSubmission, refOf } from '../../support/inventory';
import { startTestUser, type TestUser } from '../../support/test-user';

/** Orders of stops and starts, and what a stopped cluster is refused. */

let user: TestUser;
let api: TestApi;
let run: TestCommand['run'];

beforeAll(async () => {
  user = await startTestUser();
  ({ api, run } = user);
  await recordSites(api);
});
afterAll(() => user?.stop());

const post = (path: string, body?: object): Promise<TestAnswer> =>
  api.request('POST', `/v1/clusters/${path}`, body ? { body } : {});

/** As its operation would. */
async function stopped(name: string): Promise<void> {
  await readyCluster(api, name, { plan: 'ha-s' });
  const answer = await post(`${name}/stop`);
  expect([answer.status, answer.body['kind']]).toEqual([202, 'stop']);
  const operation = await operationOf(api, answer.body['id']);
  await api.inventory.clusters.setStatus(refOf(operation), { state: 'stopped' });
  await finish(api.inventory, operation);
}

test.each([
  ['switchover', {}],
  ['nodes/pg-1/restart', undefined],
  ['backups', { type: 'full' }],
  ['dumps', {}],
  ['maintenance', { minutes: 5 }],
  ['stop', undefined],
] as const)('a stopped cluster refuses %s, with the remedy', async (path, body) => {
  const name = `stopped-${path.replaceAll('/', '-')}`;
  await stopped(name);
  if (path.startsWith('nodes')) {
    const { id } = (await api.request('GET', `/v1/clusters/${name}`)).body as { id: string };
    await api.database.query(
      `insert into nodes (cluster_id, name, role, failure_domain) values ($1, 'pg-1', 'data', 'here') on conflict do nothing`,
      [id],
    );
  }
  const refused = await post(`${name}/${path}`, body);
  expect([refused.status, refused.body['code'], refused.body['detail']]).toEqual([
    409,
    'CLUSTER_STOPPED',
    expect.stringContaining(`holdfast cluster start ${name}`),
  ]);
});

test('it can be deleted', async () => {
  await stopped('gone');
  const { status } = await api.request('DELETE', '/v1/clusters/gone', { body: { confirm: 'gone' } });
  expect(status).toBe(202);
});

test('it can be started; one that serves can not', async () => {
  await stopped('again');
  expect((await post('again/start')).status).toBe(202);
  await readyCluster(api, 'serving');
  const refused = await post('serving/start');
  expect([refused.status, refused.body['code']]).toEqual([409, 'CLUSTER_NOT_STOPPED']);
});

test('no operation begins on it by another way: its transaction looks again', async () => {
  await stopped('late');
  const cluster = await api.inventory.clusters.find(await projectOf('late'), 'late');
  if (!cluster) throw new Error('no cluster');
  await expect(
    api.inventory.operations.submit(null, newSubmission(cluster, 'configure-backups')),
  ).rejects.toMatchObject({
    code: 'CLUSTER_STOPPED',
  });
  const steps = { single: [], ha: [] };
  const due = { clusterId: cluster.id, type: 'full', occasion: newId('evt'), steps } as const;
  await expect(openBackup({ inventory: api.inventory }, due)).resolves.toMatchObject({ operation: null });
});

async function projectOf(name: string): Promise<`prj_${string}`> {
  const rows = await api.database.query<{ project_id: `prj_${string}` }>(
    'select project_id from clusters where name = $1',
    [name],
  );
  const [row] = rows;
  if (!row) throw new Error(`no cluster ${name}`);
  return row.project_id;
}

test('nobody watches it, and nothing is told of its nodes', async () => {
  await stopped('unwatched');
  const { id } = (await api.request('GET', '/v1/clusters/unwatched')).body as { id: string };
  expect((await api.inventory.heartbeats.listHeard()).map(({ clusterId }) => clusterId)).not.toContain(id);
  expect((await api.inventory.archiving.listWatched()).map(({ clusterId }) => clusterId)).not.toContain(id);
});

test('a stop waits for nobody: while a backup runs it is refused', async () => {
  await readyCluster(api, 'backing', { backups: { sites: ['primary'] } });
  const backup = await post('backing/backups', { type: 'full' });
  expect(backup.status).toBe(202);
  const refused = await post('backing/stop');
  expect([refused.status, refused.body['code']]).toEqual([409, 'CLUSTER_BUSY']);
  await finish(api.inventory, await operationOf(api, backup.body['id']));
  const stop = await post('backing/stop');
  expect(stop.status).toBe(202);
  expect((await post('backing/backups', { type: 'full' })).body['code']).toBe('CLUSTER_BUSY');
});

test('previews say what would happen and what stands in the way', async () => {
  await stopped('seen');
  const preview = async (path: string) => previewSchema.parse((await post(`${path}?preview=true`)).body);
  const start = await preview('seen/start');
  expect(start).toMatchObject({ kind: 'start', impact: 'none' });
  expect(start.checks.every(({ status }) => status === 'passed')).toBe(true);
  const stop = await preview('seen/stop');
  expect(stop).toMatchObject({ kind: 'stop', impact: 'outage' });
  expect(stop.checks[0]).toMatchObject({ status: 'failed', fix: expect.stringContaining('/start') as unknown });
});

test('the command stops and starts', async () => {
  await readyCluster(api, 'typed', { plan: 'ha-s' });
  const shown = await run(['cluster', 'stop', 'typed', '--preview']);
  expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('impact: outage')]);
  const ordered = await run(['cluster', 'stop', 'typed', '-o', 'json']);
  const operation = await operationOf(api, (JSON.parse(ordered.stdout) as { id: string }).id);
  await api.inventory.clusters.setStatus(refOf(operation), { state: 'stopped' });
  await finish(api.inventory, operation);
  const refused = await run(['switchover', 'typed']);
  expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining('cluster start typed')]);
  expect((await run(['cluster', 'start', 'typed'])).code).toBe(0);
});
