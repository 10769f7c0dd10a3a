import { type ClusterAnswer, clusterDetailSchema, clusterSchema } from '../../../domain/schemas/clusters';
import { pageOf } from '../../../domain/schemas/pages';
import { previewSchema } from '../../../domain/schemas/previews';
import type { TestAnswer, TestApi } from '../../support/api';
import { startTestApi } from '../../support/api';
import { deleteCluster, operationOf, readyCluster, recordSites, SITES } from '../../support/api-backups';
import { finish, refOf } from '../../support/inventory';
import { logIn } from '../../support/test-user';

/** Deleted clusters that come back under their names. */

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
    backups: {
      sites: ['secondary'],
      retention: { unit: 'count', full: 3 },
      paused: true,
      hooks: { pre: { script: 'true' } },
    },
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

test('whoever asks for one that was deleted is told so, and until when it can come back; strangers are not', async () => {
  const { id } = await deletedCluster('missed');
  const { deletedAt, restorableUntil } = clusterSchema.parse((await api.request('GET', `/v1/clusters/${id}`)).body);
  const back = `it was deleted at ${deletedAt}, and can be undeleted until ${restorableUntil}.`;
  for (const [method, path, ref] of [
    ['GET', '/v1/clusters/missed', 'missed'],
    ['GET', '/v1/clusters/missed/restores/window', 'missed'],
    ['GET', '/v1/operations?cluster=missed', 'missed'],
    ['DELETE', `/v1/clusters/${id}?confirm=missed`, id],
  ] as const) {
    const { status, body } = await api.request(method, path);
    expect([status, body['code'], body['detail']]).toEqual([
      404,
      'NOT_FOUND',
      `There is no cluster ${ref} here: ${back}`,
    ]);
    expect([body['cluster'], body['missing']]).toEqual([`/v1/clusters/${id}`, { kind: 'cluster', ref }]);
  }
  const { id: other } = await api.inventory.projects.ensure('strangers');
  const stranger = await api.request('GET', '/v1/clusters/missed', { token: await api.token(undefined, other) });
  expect(stranger.body).toMatchObject({ status: 404, detail: 'There is no cluster missed here.' });
  const lost = await deletedCluster('lost', {}, { days: 0 });
  const { body } = await api.request('GET', '/v1/clusters/lost');
  expect(body['detail']).toMatch(/^There is no cluster lost here: it was deleted at 20\S+Z\.$/);
  expect([body['cluster'], lost.id]).toEqual([undefined, expect.any(String)]);
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

describe('the list of deleted clusters', () => {
  const listed = async (query = ''): Promise<ClusterAnswer[]> =>
    pageOf(clusterSchema)
      .parse((await api.request('GET', `/v1/clusters?deleted=true${query}`)).body)
      .items.slice();

  test('has those that an undelete brings back, until when, and no others', async () => {
    const made = {
      good: await deletedCluster('can-come'),
      late: await deletedCluster('is-late', {}, { days: 0 }),
      gone: await deletedCluster('is-gone'),
      bare: await deletedCluster('is-bare'),
      young: await deletedCluster('is-young', {}, { window: false }),
      there: await readyCluster(api, 'is-there'),
      last: await deletedCluster('can-come-too'),
      drilled: await deletedCluster('is-drilled'),
    };
    await api.inventory.timelines.markRemoved(made.gone.timeline.id);
    await api.database.query(`update clusters set spec = jsonb_set(spec, '{backups}', 'null') where id = $1`, [
      made.bare.id,
    ]);
    await api.database.query(`update clusters set drill_of = $1 where id = $2`, [made.there.id, made.drilled.id]);
    const ours = Object.values(made).map(({ id }) => id as string);
    const found = (await listed()).filter(({ id }) => ours.includes(id));
    expect(found.map(({ id }) => id)).toEqual([made.last.id, made.good.id]);
    const says: Record<string, boolean> = {};
    for (const id of ours) says[id] = (await undelete(id, '?preview=true')).status === 200;
    expect(Object.keys(says).filter((id) => says[id])).toEqual([made.good.id, made.last.id]);
    for (const cluster of found) {
      expect(cluster.status.state).toBe('deleted');
      const days = (Date.parse(cluster.restorableUntil ?? '') - Date.parse(cluster.deletedAt ?? '')) / 86_400_000;
      expect(days).toBeCloseTo(7, 2);
      const { deletedAt, restorableUntil } = cluster;
      expect(await detail(cluster.id)).toMatchObject({ deletedAt, restorableUntil });
    }
    for (const { id } of [made.late, made.gone, made.there]) expect((await detail(id)).restorableUntil).toBeNull();
  });

  test('is one of the project, in pages; without the flag no list has any of them', async () => {
    const { id } = await deletedCluster('of-ours');
    const { id: other } = await api.inventory.projects.ensure('other');
    const theirs = await api.request('GET', '/v1/clusters?deleted=true', { token: await api.token(undefined, other) });
    expect(theirs.body).toEqual({ items: [], nextCursor: null });
    const all = (await listed('&limit=200')).map((cluster) => cluster.id);
    expect(all[0]).toBe(id);
    // Its backups are still those of before its deletion, whoever has its name by now.
    expect((await undelete(id)).status).toBe(202);
    expect((await listed('&limit=200')).map((cluster) => cluster.id)).toEqual(all);
    const first = await api.request('GET', '/v1/clusters?deleted=true&limit=1');
    const rest = await listed(`&limit=200&cursor=${String(first.body['nextCursor'])}`);
    expect(rest.map((cluster) => cluster.id)).toEqual(all.slice(1));
    for (const query of ['', '?drills=true', '?deleted=false']) {
      const living = await api.request('GET', `/v1/clusters${query}`);
      expect(
        pageOf(clusterSchema)
          .parse(living.body)
          .items.filter(({ deletedAt }) => deletedAt !== null),
      ).toEqual([]);
    }
  });

  test('is shown by the command, and named where nothing can be undeleted', async () => {
    const { run, logOut } = await logIn(api);
    const { id } = await deletedCluster('shown');
    const list = await run(['cluster', 'list', '--deleted']);
    expect(list.stdout).toMatch(/^NAME +PLAN +VERSION +ID +DELETED +CAN COME BACK UNTIL$/m);
    expect(list.stdout).toMatch(new RegExp(`^shown +sandbox +18 +${id} +20\\S+Z +20\\S+Z$`, 'm'));
    const shown = await run(['cluster', 'show', id]);
    expect(shown.stdout).toMatch(/^deleted +20\S+Z$/m);
    expect(shown.stdout).toMatch(/^can come back until +20\S+Z$/m);
    const both = await run(['cluster', 'list', '--deleted', '--drills']);
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('cannot be used with option')]);
    const { id: late } = await deletedCluster('too-late', {}, { days: 0 });
    for (const reference of ['nowhere', late])
      expect((await run(['cluster', 'undelete', reference])).stderr).toMatch(/next +holdfast cluster list --deleted$/m);
    logOut();
  });
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
  const { run, logOut } = await logIn(api);
  await deletedCluster('typed');
  const look = await run(['cluster', 'undelete', 'typed', '--preview']);
  expect([look.code, look.stdout]).toEqual([0, expect.stringContaining('the address 10.213.7.126 again')]);
  const made = await run(['cluster', 'undelete', 'typed']);
  expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/kind +restore$/m)]);
  const shown = await run(['cluster', 'show', 'typed']);
  expect(shown.stdout).toMatch(/^undeleted from +clu_\S+, the newest state$/m);
  const refused = await run(['cluster', 'undelete', 'typed']);
  expect(refused.stderr).toMatch(/NOT_DELETED: Cluster typed is creating[^]*next +holdfast cluster show clu_/);
  logOut();
});
