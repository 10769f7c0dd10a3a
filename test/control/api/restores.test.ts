import { restoreWindowSchema } from '../../../domain/schemas/restore-window';
import { clusterDetailSchema } from '../../../domain/schemas/clusters';
import { previewSchema } from '../../../domain/schemas/previews';
import { startTestApi } from '../../support/api';
import type { TestAnswer, TestApi } from '../../support/api';
import { readyCluster, recordSites, SITES, succeedBackup } from '../../support/api-backups';

/** New clusters from the backups of another one. */

const WINDOW = { earliest: '2026-11-21T06:30:09.000Z', latest: '2026-11-21T07:02:00.000Z' };

const NOTHING_MORE = { firstLsn: null, lastLsn: null, lastTransaction: null, gaps: [] };

let api: TestApi;
let source: Awaited<ReturnType<typeof readyCluster>>;
let backup: string;

beforeAll(async () => {
  api = await startTestApi();
  await recordSites(api);
  source = await readyCluster(api, 'shop', { database: 'orders', owner: 'clerk', allowedIps: ['10.0.0.0/8'] });
  const taken = await api.request('POST', '/v1/clusters/shop/backups', { body: {} });
  ({ id: backup } = await succeedBackup(api, taken.body['id'], source.timeline));
});
afterAll(() => api.stop());
beforeEach(() => {
  api.engine.window = WINDOW;
});

let serial = 0;
const restore = (request: object, cluster = 'shop', query = ''): Promise<TestAnswer> =>
  api.request('POST', `/v1/clusters/${cluster}/restores${query}`, {
    body: { name: `copy-${++serial}`, ...request },
  });
const window = async (cluster: string): Promise<unknown> =>
  restoreWindowSchema.parse((await api.request('GET', `/v1/clusters/${cluster}/restores/window`)).body);
const pointers = ({ body }: TestAnswer): unknown =>
  (body['errors'] as { pointer: string }[] | undefined)?.map(({ pointer }) => pointer);
const detail = async (cluster: unknown): Promise<ReturnType<typeof clusterDetailSchema.parse>> =>
  clusterDetailSchema.parse((await api.request('GET', `/v1/clusters/${String(cluster)}`)).body);

async function clusters(): Promise<number> {
  const [row] = await api.database.query<{ count: string }>('select count(*) from clusters');
  return Number(row?.count);
}

describe('the window', () => {
  test('is what a worker sees now; when none answers, what was last seen', async () => {
    const timelineId = source.timeline.id;
    expect(await window('shop')).toEqual({
      ...WINDOW,
      ...NOTHING_MORE,
      firstLsn: '0/2000100',
      asOf: 'now',
      timelineId,
    });
    expect(api.engine.lookedAt.at(-1)).toBe(source.id);
    const before = { earliest: '2026-11-21T05:00:00.000Z', latest: null };
    await api.inventory.timelines.setWindow(timelineId, before);
    api.engine.window = 'away';
    expect(await window('shop')).toEqual({
      ...before,
      ...NOTHING_MORE,
      firstLsn: '0/2000100',
      asOf: 'last look',
      timelineId,
    });
  });

  test('says plainly that nothing can be restored yet', async () => {
    const { timeline } = await readyCluster(api, 'fresh');
    api.engine.window = null;
    expect(await window('fresh')).toEqual({
      earliest: null,
      latest: null,
      ...NOTHING_MORE,
      asOf: 'now',
      timelineId: timeline.id,
    });
    await api.request('POST', '/v1/clusters', { body: { name: 'unborn', plan: 'sandbox' } });
    expect(await window('unborn')).toEqual({
      earliest: null,
      latest: null,
      ...NOTHING_MORE,
      asOf: 'now',
      timelineId: null,
    });
  });

  test('of a cluster without backups is a conflict, of none is not found', async () => {
    await readyCluster(api, 'bare', { backups: null });
    const answers = await Promise.all(
      ['bare', 'nowhere'].map((name) => api.request('GET', `/v1/clusters/${name}/restores/window`)),
    );
    expect(answers.map(({ body }) => body['code'])).toEqual(['BACKUPS_NOT_CONFIGURED', 'NOT_FOUND']);
  });
});

describe('a restore', () => {
  test('is a new cluster with the database, the owner and the settings of its source, which goes on', async () => {
    const answer = await restore({ name: 'shop-again' });
    expect([answer.status, answer.body['kind'], answer.body['clusterName']]).toEqual([202, 'restore', 'shop-again']);
    expect(api.engine.started.at(-1)).toMatchObject({ kind: 'restore', clusterName: 'shop-again' });
    const made = await detail('shop-again');
    const { spec } = await detail('shop');
    expect(made.spec).toEqual(spec);
    expect(made.origin).toEqual({
      clusterId: source.id,
      timelineId: source.timeline.id,
      target: { kind: 'latest' },
      site: null,
      keepsCredentials: true,
      undeletes: false,
      onlyDatabase: null,
    });
    expect((await detail('shop')).operation).toBeNull();
    expect(api.engine.lookedUpTo.at(-1)).toBeNull();
  });

  test('takes what the request says otherwise', async () => {
    const answer = await restore({
      target: { time: '2026-11-21T07:45:00.123456+01:00' },
      site: 'secondary',
      plan: 'single-s',
      storage: '20GiB',
      version: '18',
      allowedIps: [],
      deletionProtection: true,
      backups: { sites: ['secondary'] },
      credentials: 'rotate',
    });
    expect(await detail(answer.body['clusterId'])).toMatchObject({
      spec: {
        plan: 'single-s',
        storageBytes: 20 * 1024 ** 3,
        database: 'orders',
        owner: 'clerk',
        allowedIps: [],
        deletionProtection: true,
        backups: { sites: ['secondary'], retention: { unit: 'days', full: 14 } },
      },
      origin: {
        target: { kind: 'time', time: '2026-11-21T06:45:00.123456Z' },
        site: 'secondary',
        keepsCredentials: false,
        undeletes: false,
        onlyDatabase: null,
      },
    });
    // What is not archived yet is archived for it.
    expect(api.engine.lookedUpTo.at(-1)).toBe('2026-11-21T06:45:00.123Z');
  });

  test.each([
    [{ lsn: '0/2000100' }, { kind: 'lsn', lsn: '0/2000100' }],
    [{ lsn: 'a/ff' }, { kind: 'lsn', lsn: 'A/FF' }],
    [{ transaction: '789' }, { kind: 'transaction', transaction: '789' }],
    [{ time: WINDOW.earliest }, { kind: 'time', time: WINDOW.earliest }],
    [{ time: WINDOW.latest }, { kind: 'time', time: WINDOW.latest }],
  ])('stops at %j', async (target, kept) => {
    const answer = await restore({ target });
    expect(answer.status).toBe(202);
    expect((await detail(answer.body['clusterId'])).origin?.target).toEqual(kept);
  });

  test('goes by the last look when nobody answers', async () => {
    await api.inventory.timelines.setWindow(source.timeline.id, WINDOW);
    api.engine.window = 'away';
    expect((await restore({ target: { time: WINDOW.latest } })).status).toBe(202);
    expect((await restore({ target: { time: '2026-11-21T07:02:00.001Z' } })).status).toBe(422);
  });

  test('stops at a backup, and asks no worker for that', async () => {
    const looks = api.engine.lookedAt.length;
    const answer = await restore({ target: { backup } });
    expect(answer.status).toBe(202);
    expect((await detail(answer.body['clusterId'])).origin?.target).toEqual({ kind: 'backup', backup });
    expect(api.engine.lookedAt).toHaveLength(looks);
  });

  test.each([
    ['a time in the future', { time: '2036-01-01T00:00:00Z' }],
    ['a time after the newest commit', { time: '2026-11-21T07:02:00.001Z' }],
    ['a time before the first backup', { time: '2026-11-21T06:30:08Z' }],
    ['a position before the first backup', { lsn: '0/20000FF' }],
  ])('to %s is refused before anything is written, with the window', async (_what, target) => {
    const before = await clusters();
    const { status, body } = await restore({ target });
    expect([status, body['code']]).toEqual([422, 'RESTORE_TARGET_OUTSIDE']);
    expect(body['detail']).toMatch(
      /^The (time 20\S+Z|position 0\/20000FF) cannot be restored: cluster shop can be restored from (2026-11-21T06:30:09.000Z to 2026-11-21T07:02:00.000Z|0\/2000100 on)\. Nothing was done\.$/,
    );
    expect(await clusters()).toBe(before);
  });

  test('is refused without a backup, and to a time when nothing was archived since the first', async () => {
    await readyCluster(api, 'empty');
    api.engine.window = null;
    const none = await restore({}, 'empty');
    expect(none.body).toMatchObject({
      code: 'RESTORE_TARGET_OUTSIDE',
      detail: 'The newest state cannot be restored: cluster empty has no backup yet. Nothing was done.',
    });
    api.engine.window = { earliest: WINDOW.earliest, latest: null };
    expect((await restore({ target: { time: WINDOW.earliest } })).body['detail']).toMatch(/as it was at .* only/);
    expect((await restore({})).status).toBe(202);
  });

  test('of a backup that is of another cluster tells nothing; of one without copies it says so', async () => {
    const other = await readyCluster(api, 'other');
    const [taken, lost] = [
      await succeedBackup(
        api,
        (await api.request('POST', '/v1/clusters/other/backups', { body: {} })).body['id'],
        other.timeline,
      ),
      await succeedBackup(
        api,
        (await api.request('POST', '/v1/clusters/other/backups', { body: {} })).body['id'],
        other.timeline,
      ),
    ];
    const foreign = await restore({ target: { backup: taken.id } });
    const unknown = await restore({ target: { backup: 'bkp_01m7xfpycdf6dnev2ndz8p0wht' } });
    expect([foreign.body['code'], unknown.body['code']]).toEqual(['NOT_FOUND', 'NOT_FOUND']);
    expect((await restore({ target: { backup: 'newest' } })).body['code']).toBe('NOT_FOUND');
    await api.database.query(`update backup_copies set removed_at = now() where backup_id = '${lost.id}'`);
    await api.database.query(
      `update backup_copies set removed_at = now() where backup_id = '${taken.id}' and site = 'primary'`,
    );
    const gone = await restore({ target: { backup: lost.id } }, 'other');
    expect([gone.status, gone.body['detail']]).toEqual([422, expect.stringMatching(/no site has a copy of it/)]);
    const elsewhere = await restore({ target: { backup: taken.id }, site: 'primary' }, 'other');
    expect(elsewhere.body['detail']).toMatch(/site primary has no copy of it, but secondary has/);
    expect((await restore({ target: { backup: taken.id }, site: 'secondary' }, 'other')).status).toBe(202);
  });

  test.each([
    ['another major', { version: '17' }, '/version', /a restore can't change the major version/],
    ['no major at all', { version: '16' }, '/version', /must be 18, the source's/],
    ['a site without its backups', { site: 'offsite' }, '/site', /there are primary, secondary/],
    ['backups on a site that is not there', { backups: { sites: ['moon'] } }, '/backups/sites/0', /not a site/],
    ['a name that is none', { name: 'Copy' }, '/name', /lower-case/],
    ['storage beyond the plan', { storage: '11GiB' }, '/storage', /must be 1GiB to 10GiB with plan sandbox/],
  ])('with %s names the field', async (_what, request, pointer, words) => {
    const answer = await restore(request);
    expect([answer.status, pointers(answer)]).toEqual([400, [pointer]]);
    expect(answer.body['detail']).toMatch(words);
  });

  test('needs room for the data of its source', async () => {
    await readyCluster(api, 'large', { plan: 'single-s', storage: '100GiB' });
    const small = await restore({ plan: 'sandbox' }, 'large');
    expect([pointers(small), small.body['detail']]).toEqual([
      ['/plan'],
      expect.stringMatching(/has at most 10GiB of storage, and cluster large has 100GiB/),
    ]);
    const less = await restore({ plan: 'single-m', storage: '60GiB' }, 'large');
    expect([pointers(less), less.body['detail']]).toEqual([
      ['/storage'],
      expect.stringMatching(/must be at least 100GiB/),
    ]);
    const enough = await restore({ plan: 'single-m' }, 'large');
    expect((await detail(enough.body['clusterId'])).spec.storageBytes).toBe(100 * 1024 ** 3);
  });

  test('wants a free name; a repeated request is the same one; a preview writes nothing', async () => {
    expect((await restore({ name: 'shop' })).body).toMatchObject({
      code: 'NAME_TAKEN',
      cluster: `/v1/clusters/${source.id}`,
    });
    const before = await clusters();
    const preview = previewSchema.parse((await restore({ name: 'shop', plan: 'ha-s' }, 'shop', '?preview=true')).body);
    expect(preview).toMatchObject({ kind: 'restore', impact: 'none', price: { euroCentsPerMonth: 3900 } });
    expect(preview.changes[0]?.detail).toBe('PostgreSQL 18.6, restored from shop, the newest state');
    expect(preview.checks.map(({ id, status }) => [id, status])).toEqual([
      ['name-free', 'failed'],
      ['target-inside', 'passed'],
    ]);
    expect(await clusters()).toBe(before);
    const headers = { 'Idempotency-Key': 'restore-once' };
    const send = (): Promise<TestAnswer> =>
      api.request('POST', '/v1/clusters/shop/restores', { body: { name: 'once' }, headers });
    const [first, again] = [await send(), await send()];
    expect([first.status, again.body['id'], again.headers.get('Idempotency-Replayed')]).toEqual([
      202,
      first.body['id'],
      'true',
    ]);
  });

  test('takes the backups of its source, as long as the sites are there, without its scripts', async () => {
    const hooks = { pre: { script: 'true' } };
    await readyCluster(api, 'moved', {
      backups: { sites: ['secondary'], retention: { unit: 'count', full: 3 }, hooks },
    });
    await api.inventory.sites.record(SITES.slice(0, 1));
    const answer = await restore({}, 'moved');
    await recordSites(api);
    expect((await detail(answer.body['clusterId'])).spec.backups).toMatchObject({
      sites: ['primary'],
      retention: { unit: 'days', full: 14 },
    });
    const kept = await restore({}, 'moved');
    expect((await detail(kept.body['clusterId'])).spec.backups).toMatchObject({
      sites: ['secondary'],
      retention: { unit: 'count', full: 3 },
      hooks: { pre: null, post: null },
    });
  });
});
