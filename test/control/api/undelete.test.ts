import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { clusterDetailSchema } from '../../../domain/schemas/clusters';
import { previewSchema } from '../../../domain/schemas/previews';
import type { TestAnswer, TestApi } from '../../support/api';
import { startTestApi } from '../../support/api';
import { deleteCluster, operationOf, readyCluster, recordSites, SITES } from '../../support/api-backups';
import { commandIn } from '../../support/command';
import { finish, refOf } from '../../support/inventory';

/** Deleted clusters that come back under their names. */

jest.setTimeout(60_000);

const WINDOW = { earliest: '2026-11-21T06:30:09.000Z', latest: '2026-11-21T07:02:00.000Z' };

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await recordSites(api);
});
afterAll(() => api.stop());

const undelete = (cluster: string, query = ''): Promise<TestAnswer> =>
  api.request('POST', `/v1/clusters/${cluster}/undelete${query}`);
const detail = async (cluster: string): Promise<ReturnType<typeof clusterDetailSchema.parse>> =>
  clusterDetailSchema.parse((await api.request('GET', `/v1/clusters/${cluster}`)).body);

/** One that was ready, had a network and backups, and was deleted. */
async function deletedCluster(
  name: string,
  order: object = {},
  { days = 7, window = true } = {},
): ReturnType<typeof readyCluster> {
  const made = await readyCluster(api, name, order);
  const network = {
    token: 'n',
    cidr: '10.213.7.64/26',
    controlAddress: '10.213.7.65',
    floatingAddress: '10.213.7.126',
  };
  await api.database.query(`update clusters set network = '${JSON.stringify(network)}' where id = '${made.id}'`);
  if (window) await api.inventory.timelines.setWindow(made.timeline.id, WINDOW);
  await deleteCluster(api, name, days);
  return made;
}

test('a deleted cluster is ordered again as it was, from its last state, by its id or its name', async () => {
  const order = {
    plan: 'ha-s',
    version: '17',
    database: 'orders',
    owner: 'clerk',
    allowedIps: ['10.0.0.0/8'],
    backups: { sites: ['secondary'], retention: { unit: 'count', full: 3 }, paused: true },
  };
  const { id, timeline } = await deletedCluster('shop', order);
  const before = await detail(id);
  const answer = await undelete('shop');
  expect([answer.status, answer.body['kind'], answer.body['clusterName']]).toEqual([202, 'restore', 'shop']);
  const started = api.engine.started.at(-1);
  expect(started).toMatchObject({ kind: 'restore', clusterName: 'shop', topology: 'ha' });
  expect(started?.summary).toBe(`undelete of ${id}: ha-s, PostgreSQL 17`);
  const again = await detail('shop');
  expect(again.id).not.toBe(id);
  expect(again.spec).toEqual(before.spec);
  expect(again.origin).toEqual({
    clusterId: id,
    timelineId: timeline.id,
    target: { kind: 'latest' },
    site: null,
    keepsCredentials: true,
    undeletes: true,
    onlyDatabase: null,
  });
  const listed = await api.request('GET', `/v1/clusters/${id}/restores`);
  expect((listed.body['items'] as { id: string }[]).map((item) => item.id)).toEqual([answer.body['id']]);
});

test('a site of its policy that is no more is left out; all else of the policy is as it was', async () => {
  const policy = { sites: ['secondary', 'primary'], retention: { unit: 'count', full: 3 }, timeZone: 'Europe/Paris' };
  await deletedCluster('moved', { backups: { ...policy, dumps: { schedule: '30 4 * * *', sites: ['secondary'] } } });
  await api.inventory.sites.record(SITES.filter(({ name }) => name !== 'secondary'));
  const answer = await undelete('moved');
  await recordSites(api);
  expect(answer.status).toBe(202);
  expect((await detail('moved')).spec.backups).toMatchObject({
    ...policy,
    sites: ['primary'],
    dumps: { schedule: '30 4 * * *', sites: null },
  });
});

test('a preview says what differs, and writes nothing', async () => {
  const { id } = await deletedCluster('looked-at');
  const look = previewSchema.parse((await undelete(id, '?preview=true')).body);
  expect(look).toMatchObject({ kind: 'restore', impact: 'none' });
  const detailOf = (what: string): unknown => look.changes.find((change) => change.what === what)?.detail;
  expect(detailOf('endpoint')).toBe('the address 10.213.7.126 again, if nobody has taken it by then; else another one');
  expect(detailOf('data')).toBe(`up to its newest commit in the archive, of ${WINDOW.latest}`);
  expect(detailOf('credentials')).toBe('the password and the certificate authority of before');
  expect(look.checks.map(({ id: name, status }) => [name, status])).toEqual([
    ['name-free', 'passed'],
    ['target-inside', 'passed'],
  ]);
  expect((await api.request('GET', '/v1/clusters/looked-at')).status).toBe(404);
  await api.database.query(`update clusters set network = null where id = '${id}'`);
  const other = previewSchema.parse((await undelete(id, '?preview=true')).body);
  expect(other.changes.at(-1)?.detail).toBe('other ports than before: its cloud has no address that floats');
});

test('a name that is taken is refused, and the preview says it before', async () => {
  const { id } = await deletedCluster('twice');
  const first = await undelete(id);
  expect(first.status).toBe(202);
  const { id: living } = await detail('twice');
  const again = await undelete(id);
  expect([again.status, again.body['code'], again.body['cluster']]).toEqual([
    409,
    'NAME_TAKEN',
    `/v1/clusters/${living}`,
  ]);
  const look = previewSchema.parse((await undelete(id, '?preview=true')).body);
  expect(look.checks[0]).toMatchObject({
    status: 'failed',
    fix: `delete that one, or restore ${id} under another name`,
  });
});

test('one that is there, or is being deleted, is no deleted one; one that never was is not found', async () => {
  const { id } = await readyCluster(api, 'alive');
  for (const reference of ['alive', id]) {
    const { status, body } = await undelete(reference);
    expect([status, body['code'], body['cluster']]).toEqual([409, 'NOT_DELETED', `/v1/clusters/${id}`]);
    expect(body['detail']).toBe('Cluster alive is ready: only one that was deleted can be undeleted.');
  }
  const deletion = await operationOf(api, (await api.request('DELETE', '/v1/clusters/alive?confirm=alive')).body['id']);
  await api.inventory.clusters.setStatus(refOf(deletion), { state: 'deleting' });
  expect((await undelete(id)).body['detail']).toContain('is deleting');
  await api.inventory.clusters.markDeleted(refOf(deletion));
  await finish(api.inventory, deletion);
  expect((await undelete('nowhere')).body['code']).toBe('NOT_FOUND');
  expect((await undelete('clu_01m7xfpycdf6dnev2ndz8p0wht')).body['code']).toBe('NOT_FOUND');
});

test('the period is over when its backups are due to be removed, and when they are', async () => {
  const late = await deletedCluster('late', {}, { days: 0 });
  const gone = await deletedCluster('gone');
  await api.inventory.timelines.markRemoved(gone.timeline.id);
  for (const { id } of [late, gone]) {
    const { status, body } = await undelete(id);
    expect([status, body['code']]).toEqual([410, 'BACKUPS_REMOVED']);
    expect(body['detail']).toMatch(/was deleted at 20\S+Z, and its backups were kept for 7 days only/);
  }
});

test('without backups, or before the first one, nothing can come back', async () => {
  const bare = await deletedCluster('bare', { backups: null }, { window: false });
  expect((await undelete(bare.id)).body['code']).toBe('BACKUPS_NOT_CONFIGURED');
  const young = await deletedCluster('young', {}, { window: false });
  const refused = await undelete(young.id);
  expect([refused.status, refused.body['code'], refused.body['detail']]).toEqual([
    422,
    'RESTORE_TARGET_OUTSIDE',
    expect.stringContaining('cluster young has no backup yet'),
  ]);
});

test('of several that had the name the last one comes back that can; another project finds none', async () => {
  const older = await deletedCluster('popular');
  const newer = await deletedCluster('popular');
  const { id: other } = await api.inventory.projects.ensure('other');
  const token = await api.token(undefined, other);
  expect((await api.request('POST', '/v1/clusters/popular/undelete', { token })).status).toBe(404);
  expect((await api.request('POST', `/v1/clusters/${newer.id}/undelete`, { token })).status).toBe(404);
  await api.inventory.timelines.markRemoved(newer.timeline.id);
  // One that never came to a backup.
  await deletedCluster('popular', {}, { window: false });
  expect((await undelete('popular')).status).toBe(202);
  expect((await detail('popular')).origin?.clusterId).toBe(older.id);
});

test('a repeated request is the same one', async () => {
  const { id } = await deletedCluster('once');
  const headers = { 'Idempotency-Key': 'undelete-once' };
  const send = (): Promise<TestAnswer> => api.request('POST', `/v1/clusters/${id}/undelete`, { headers });
  const [first, again] = [await send(), await send()];
  expect([first.status, again.body['id'], again.headers.get('Idempotency-Replayed')]).toEqual([
    202,
    first.body['id'],
    'true',
  ]);
});

test('the command does the same, and says what to type when it can not', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-undelete-'));
  const { run } = commandIn(folder, { HOLDFAST_URL: api.url, HOLDFAST_TOKEN: await api.token() });
  await deletedCluster('typed');
  const look = await run(['cluster', 'undelete', 'typed', '--preview']);
  expect([look.code, look.stdout]).toEqual([0, expect.stringContaining('the address 10.213.7.126 again')]);
  const made = await run(['cluster', 'undelete', 'typed']);
  expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/kind +restore$/m)]);
  const shown = await run(['cluster', 'show', 'typed']);
  expect(shown.stdout).toMatch(/^undeleted from +clu_\S+, the newest state$/m);
  const refused = await run(['cluster', 'undelete', 'typed']);
  expect(refused.stderr).toMatch(/NOT_DELETED: Cluster typed is creating[^]*next +holdfast cluster show clu_/);
  rmSync(folder, { recursive: true });
});
