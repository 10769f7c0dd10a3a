import { backupSchema } from '../../../domain/schemas/backups';
import { clusterDetailSchema } from '../../../domain/schemas/clusters';
import { previewSchema } from '../../../domain/schemas/previews';
import { startTestApi } from '../../support/api';
import type { TestAnswer, TestApi } from '../../support/api';
import { deleteCluster, operationOf, readyCluster, recordSites, succeedBackup } from '../../support/api-backups';
import { finish } from '../../support/inventory';

/** Backups as resources of the API. */

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
  await recordSites(api);
});
afterAll(() => api.stop());

const order = (name: string, more: object = {}): Promise<TestAnswer> =>
  api.request('POST', '/v1/clusters', { body: { name, plan: 'sandbox', ...more } });
const take = (cluster: string, body: object = {}, headers: Record<string, string> = {}): Promise<TestAnswer> =>
  api.request('POST', `/v1/clusters/${cluster}/backups`, { body, headers });
const pointers = ({ body }: TestAnswer): unknown =>
  (body['errors'] as { pointer: string }[] | undefined)?.map(({ pointer }) => pointer);

describe('an order', () => {
  test('that says nothing of backups gets the default policy on the first two sites that its hosts reach', async () => {
    await order('plain');
    const { spec, origin, links } = clusterDetailSchema.parse((await api.request('GET', '/v1/clusters/plain')).body);
    expect(spec.backups).toEqual({
      sites: ['primary', 'secondary'],
      schedule: { full: '17 1 * * 0', differential: '17 1 * * 1-6', incremental: '47 * * * *' },
      drill: '7 2 * * 3',
      dumps: { schedule: null, databases: 'all', sites: null },
      timeZone: 'UTC',
      retention: { unit: 'days', full: 14 },
      paused: false,
      hooks: { pre: null, post: null },
      notify: [],
    });
    expect(origin).toBeNull();
    expect(links.backups).toBe(`${links.self}/backups`);
  });

  test('keeps what it says, and null means none', async () => {
    const asked = {
      sites: ['secondary'],
      schedule: { full: '0 3 1 * *', incremental: null },
      timeZone: 'Europe/Paris',
      retention: { unit: 'count', full: 2 },
      paused: true,
    };
    await order('choosy', { backups: asked });
    await order('careless', { backups: null });
    const [choosy, careless] = await Promise.all(
      ['choosy', 'careless'].map(async (name) =>
        clusterDetailSchema.parse((await api.request('GET', `/v1/clusters/${name}`)).body),
      ),
    );
    expect(choosy?.spec.backups).toEqual({
      ...asked,
      ...{ hooks: { pre: null, post: null }, notify: [] },
      drill: '7 2 * * 3',
      dumps: { schedule: null, databases: 'all', sites: null },
      schedule: { full: '0 3 1 * *', differential: '17 1 * * 1-6', incremental: null },
    });
    expect(careless?.spec.backups).toBeNull();
  });

  test('is refused for sites that are not there or out of reach, each named, with those that there are', async () => {
    const refused = await order('astray', { backups: { sites: ['moon', 'primary', 'offsite'] } });
    expect([refused.status, pointers(refused)]).toEqual([400, ['/backups/sites/0', '/backups/sites/2']]);
    expect(refused.body['detail']).toMatch(
      /names moon, which is not a site of this installation: there are primary, secondary/,
    );
    expect(refused.body['detail']).toMatch(/names offsite, which cannot be reached by hosts of the cloud docker/);
    const elsewhere = await order('astray', { cloud: 'static', backups: { sites: ['primary'] } });
    expect(pointers(elsewhere)).toEqual(['/backups/sites/0']);
  });

  test('has its backups in the preview', async () => {
    const { body } = await api.request('POST', '/v1/clusters?preview=true', {
      body: { name: 'perhaps', plan: 'sandbox', backups: { sites: ['primary'] } },
    });
    expect(previewSchema.parse(body).changes).toContainEqual({
      action: 'create',
      what: 'backups',
      detail:
        'on primary: full 17 1 * * 0, differential 17 1 * * 1-6, incremental 47 * * * * (UTC), a drill 7 2 * * 3; kept for 14 days',
    });
  });

  test('gets none where there is no site, unless it asks for them', async () => {
    const bare = await startTestApi();
    try {
      const plain = { name: 'plain', plan: 'sandbox' };
      expect((await bare.request('POST', '/v1/clusters', { body: plain })).status).toBe(202);
      const { body } = await bare.request('GET', '/v1/clusters/plain');
      expect(clusterDetailSchema.parse(body).spec.backups).toBeNull();
      const asking = await bare.request('POST', '/v1/clusters', { body: { ...plain, name: 'b', backups: {} } });
      expect([asking.status, pointers(asking)]).toEqual([400, ['/backups']]);
    } finally {
      await bare.stop();
    }
  });
});

describe('a backup on demand', () => {
  test('is an operation of its own lane, with a record that the list and its own page show', async () => {
    const { id: clusterId, timeline } = await readyCluster(api, 'shop');
    const taken = await take('shop', { type: 'full', description: 'before the sale' });
    expect([taken.status, taken.body['kind'], taken.headers.get('Location')]).toEqual([
      202,
      'backup',
      `/v1/operations/${String(taken.body['id'])}`,
    ]);
    expect(api.engine.started.at(-1)).toMatchObject({ kind: 'backup', clusterId, generation: 1 });

    const running = backupSchema.parse(await firstOf('shop'));
    expect(running).toMatchObject({
      clusterId,
      timelineId: timeline.id,
      operationId: taken.body['id'],
      type: 'full',
      state: 'running',
      description: 'before the sale',
      requestedBy: 'tester',
      version: '18',
      finishedAt: null,
      copies: [],
      links: { cluster: `/v1/clusters/${clusterId}`, operation: taken.headers.get('Location') },
    });
    const shown = clusterDetailSchema.parse((await api.request('GET', '/v1/clusters/shop')).body);
    expect([shown.generation, shown.operation]).toEqual([1, taken.headers.get('Location')]);

    await succeedBackup(api, taken.body['id'], timeline);
    const { status, body } = await api.request('GET', running.links.self);
    expect(status).toBe(200);
    expect(backupSchema.parse(body)).toMatchObject({
      state: 'succeeded',
      node: 'pg-1',
      nodeRole: 'primary',
      databaseBytes: 30 * 1024 ** 2,
      copies: [{ site: 'primary', removedAt: null }, { site: 'secondary' }],
    });
  });

  test('is incremental by default, runs one at a time, and a repeated request is the same one', async () => {
    await readyCluster(api, 'busy');
    const headers = { 'Idempotency-Key': 'one-backup' };
    const [first, again] = [await take('busy', {}, headers), await take('busy', {}, headers)];
    expect([again.body['id'], again.headers.get('Idempotency-Replayed')]).toEqual([first.body['id'], 'true']);
    expect(backupSchema.parse(await firstOf('busy')).type).toBe('incremental');
    const second = await take('busy');
    expect([second.status, second.body['code'], second.body['operation']]).toEqual([
      409,
      'CLUSTER_BUSY',
      first.headers.get('Location'),
    ]);
    expect((await take('busy', { type: 'full' }, headers)).body['code']).toBe('IDEMPOTENCY_KEY_REUSED');
    await finish(api.inventory, await operationOf(api, first.body['id']));
    expect((await take('busy')).status).toBe(202);
  });

  test('is refused of a cluster without backups, and of one that is not ready', async () => {
    await readyCluster(api, 'bare', { backups: null });
    expect((await take('bare')).body['code']).toBe('BACKUPS_NOT_CONFIGURED');
    await order('young');
    expect((await take('young')).body['code']).toBe('CLUSTER_NOT_READY');
    expect((await take('nowhere')).body['code']).toBe('NOT_FOUND');
    for (const wrong of [
      { type: 'half' },
      { description: '' },
      { description: 'x'.repeat(201) },
      { description: 'a\nb' },
    ])
      expect(pointers(await take('bare', wrong))).toEqual([`/${Object.keys(wrong)[0]}`]);
  });

  test('is previewed: which copies, how long, and what is in the way', async () => {
    const { timeline } = await readyCluster(api, 'foreseen');
    const preview = async (): Promise<ReturnType<typeof previewSchema.parse>> => {
      const { body } = await api.request('POST', '/v1/clusters/foreseen/backups?preview=true', { body: {} });
      return previewSchema.parse(body);
    };
    const first = await preview();
    expect(first).toMatchObject({ kind: 'backup', impact: 'none', estimatedSeconds: 15, price: null });
    expect(first.changes.map(({ what }) => what)).toEqual([
      'incremental backup on primary',
      'incremental backup on secondary',
    ]);
    expect(first.checks.every(({ status }) => status === 'passed')).toBe(true);
    expect((await api.request('GET', '/v1/clusters/foreseen/backups')).body['items']).toEqual([]);
    const { body } = await take('foreseen');
    expect((await preview()).checks.find(({ id }) => id === 'not-busy')?.status).toBe('failed');
    await succeedBackup(api, body['id'], timeline);
    expect((await preview()).estimatedSeconds).toBeLessThan(15);
  });

  test('does not keep a deletion from being previewed as free', async () => {
    await readyCluster(api, 'goner');
    await take('goner');
    const { body } = await api.request('DELETE', '/v1/clusters/goner?preview=true');
    const { checks, changes } = previewSchema.parse(body);
    expect(checks.find(({ id }) => id === 'not-busy')?.status).toBe('passed');
    expect(changes).toContainEqual(
      expect.objectContaining({ what: 'backups', detail: expect.stringMatching(/7 days/) as string }),
    );
    expect((await api.request('DELETE', '/v1/clusters/goner?confirm=goner')).status).toBe(202);
    const late = await take('goner');
    expect(late.body['code']).toBe('CLUSTER_BUSY');
  });
});

test('pages show each backup once, newest first, also those of a deleted cluster', async () => {
  const { id, timeline } = await readyCluster(api, 'paged');
  const taken: string[] = [];
  for (let i = 0; i < 5; i++) {
    const { body } = await take('paged');
    taken.unshift((await succeedBackup(api, body['id'], timeline)).id);
  }
  await deleteCluster(api, 'paged');
  const seen: string[] = [];
  let cursor: unknown = null;
  do {
    const page = await api.request(
      'GET',
      `/v1/clusters/${id}/backups?limit=2${typeof cursor === 'string' ? `&cursor=${cursor}` : ''}`,
    );
    seen.push(
      ...backupSchema
        .array()
        .parse(page.body['items'])
        .map((backup) => backup.id),
    );
    cursor = page.body['nextCursor'];
  } while (cursor !== null);
  expect(seen).toEqual(taken);
  expect((await api.request('GET', `/v1/clusters/${id}/backups/${taken[0]}`)).status).toBe(200);
});

test("another cluster's backup, and another project's, are not there", async () => {
  const { timeline } = await readyCluster(api, 'owner');
  await readyCluster(api, 'other');
  const { body } = await take('owner');
  const { id } = await succeedBackup(api, body['id'], timeline);
  expect((await api.request('GET', `/v1/clusters/owner/backups/${id}`)).status).toBe(200);
  for (const path of [`other/backups/${id}`, 'owner/backups/x', `owner/backups/${id.slice(0, -1)}`])
    expect((await api.request('GET', `/v1/clusters/${path}`)).body['code']).toBe('NOT_FOUND');
  const { id: strangers } = await api.inventory.projects.ensure('strangers');
  const token = await api.token(undefined, strangers);
  for (const path of ['/v1/clusters/owner/backups', `/v1/clusters/owner/backups/${id}`])
    expect((await api.request('GET', path, { token })).body['code']).toBe('NOT_FOUND');
  const reader = await api.token(['clusters:read']);
  expect((await api.request('POST', '/v1/clusters/owner/backups', { body: {}, token: reader })).status).toBe(403);
});

async function firstOf(cluster: string): Promise<unknown> {
  const { body } = await api.request('GET', `/v1/clusters/${cluster}/backups`);
  return (body['items'] as unknown[])[0];
}
