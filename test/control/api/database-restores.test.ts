import { clusterDetailSchema } from '../../../domain/schemas/clusters';
import { previewSchema } from '../../../domain/schemas/previews';
import type { TestAnswer, TestApi } from '../../support/api';
import { startTestApi } from '../../support/api';
import { deleteCluster, operationOf, readyCluster, recordSites } from '../../support/api-backups';
import { eventually } from '../../support/eventually';
import { finish, refOf } from '../../support/inventory';
import { logIn } from '../../support/test-user';

/** One database out of the backups of a cluster, into that cluster or another one. */

const WINDOW = { earliest: '2026-11-21T06:30:09.000Z', latest: '2026-11-21T07:02:00.000Z' };
const TIME = '2026-11-21T07:00:00.000Z';

let api: TestApi;
let shop: Awaited<ReturnType<typeof readyCluster>>;

beforeAll(async () => {
  api = await startTestApi();
  await recordSites(api);
  shop = await readyCluster(api, 'shop', { version: '17', database: 'orders' });
  await readyCluster(api, 'newer', { version: '18' });
  await readyCluster(api, 'older', { version: '15' });
});
afterAll(() => api.stop());
beforeEach(() => {
  api.engine.window = WINDOW;
});

const restore = (body: object, cluster = 'shop', query = ''): Promise<TestAnswer> =>
  api.request('POST', `/v1/clusters/${cluster}/restores/database${query}`, { body });
const pointers = ({ body }: TestAnswer): unknown =>
  (body['errors'] as { pointer: string }[] | undefined)?.map(({ pointer }) => pointer);
async function newestOperation(): Promise<unknown> {
  const { body } = await api.request('GET', '/v1/operations?limit=1');
  return (body['items'] as { id: string }[])[0]?.id;
}
async function clusters(): Promise<number> {
  const [row] = await api.database.query<{ count: string }>('select count(*) from clusters');
  return Number(row?.count);
}

test('a cluster is made aside, of which no list tells, with what is to be done with the database', async () => {
  const before = (await api.request('GET', '/v1/clusters')).body['items'];
  const answer = await restore({ database: 'orders_before', target: { time: TIME }, site: 'secondary' });
  expect([answer.status, answer.body['kind']]).toEqual([202, 'restore-database']);
  const operation = await operationOf(api, answer.body['id']);
  expect(operation.clusterName).toBe(`extract-${operation.id.slice(3)}`);
  expect(api.engine.started.at(-1)).toMatchObject({
    kind: 'restore-database',
    topology: 'single',
    summary: `orders of shop, the time ${TIME}`,
  });
  const aside = clusterDetailSchema.parse((await api.request('GET', `/v1/clusters/${operation.clusterId}`)).body);
  expect(aside).toMatchObject({
    drillOf: shop.id,
    spec: { version: '17', backups: null, allowedIps: [], deletionProtection: false },
    origin: {
      clusterId: shop.id,
      timelineId: shop.timeline.id,
      target: { kind: 'time', time: TIME },
      site: 'secondary',
      keepsCredentials: false,
      undeletes: false,
      onlyDatabase: null,
    },
  });
  // A dump of half of the data has room beside it.
  expect(aside.spec.storageBytes).toBeGreaterThan(1.5 * 1024 ** 3);
  expect((await api.request('GET', '/v1/clusters')).body['items']).toEqual(before);
  expect(await api.inventory.dumps.extractOf(operation.id)).toEqual({
    into: shop.id,
    source: 'orders',
    database: 'orders_before',
    replace: false,
  });
  expect(await api.inventory.dumps.ofOperation(operation.id)).toMatchObject({
    clusterId: operation.clusterId,
    timelineId: shop.timeline.id,
    database: 'orders',
    state: 'running',
  });
  // Its backups are not removed meanwhile, and it is one of the restores.
  expect(await api.inventory.timelines.isRead(shop.timeline.id)).toBe(true);
  const listed = (await api.request('GET', '/v1/clusters/shop/restores')).body['items'];
  expect((listed as { id: string }[]).map(({ id }) => id)).toEqual([operation.id]);
  const { dumps } = api.inventory;
  const left = async (): Promise<string[]> => (await dumps.listLeftExtracts()).map(({ id }) => id);
  await dumps.recordCopy(refOf(operation), 'secondary');
  expect(await left()).toEqual([]);
  await finish(api.inventory, operation);
  const { id: dump } = await dumps.ofOperation(operation.id);
  expect(await left()).toEqual([dump]);
  await dumps.markLeftDeleted(dump);
  expect(await left()).toEqual([]);
  expect(await api.inventory.drills.listAbandoned()).toEqual([operation.clusterId]);
});

test('it goes into another cluster of the same or a newer major, under its name or another one', async () => {
  const answer = await restore({ source: 'sales', cluster: 'newer' });
  expect(answer.status).toBe(202);
  const operation = await operationOf(api, answer.body['id']);
  expect(await api.inventory.dumps.extractOf(operation.id)).toMatchObject({ source: 'sales', database: 'sales' });
  const older = await restore({ source: 'sales', cluster: 'older' });
  expect([older.status, pointers(older)]).toEqual([400, ['/cluster']]);
  expect(older.body['detail']).toMatch(/has PostgreSQL 15, and the database is of 17/);
});

test('that of a deleted cluster is found by its id, and has to be told where to go', async () => {
  const { id, timeline } = await readyCluster(api, 'gone');
  await api.inventory.timelines.setWindow(timeline.id, WINDOW);
  await deleteCluster(api, 'gone');
  expect((await restore({}, id)).body['code']).toBe('NOT_FOUND');
  expect((await restore({ cluster: 'newer', database: 'saved' }, id)).status).toBe(202);
});

describe('is refused before anything is written', () => {
  let before: number;
  beforeEach(async () => {
    before = await clusters();
  });
  afterEach(async () => {
    expect(await clusters()).toBe(before);
  });

  test.each([
    ['in the place of the first database, unless asked to', {}, 409, 'DATABASE_EXISTS'],
    ['to a time outside', { database: 'x', target: { time: '2036-01-01T00:00:00Z' } }, 422, 'RESTORE_TARGET_OUTSIDE'],
    ['into a cluster that is not there', { cluster: 'nowhere' }, 404, 'NOT_FOUND'],
    ["of a database that is the server's own", { source: 'postgres' }, 400, 'VALIDATION_FAILED'],
    ['under a name that is too long', { database: 'x'.repeat(64) }, 400, 'VALIDATION_FAILED'],
    ['from a site without its backups', { database: 'x', site: 'offsite' }, 400, 'VALIDATION_FAILED'],
    ['with a field that is not known', { database: 'x', name: 'y' }, 400, 'VALIDATION_FAILED'],
  ])('%s', async (_what, body, status, code) => {
    const answer = await restore(body);
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
  });

  test('of a cluster without backups, and of one without a backup yet', async () => {
    expect((await restore({ database: 'x' }, 'nowhere')).status).toBe(404);
    api.engine.window = null;
    expect((await restore({ database: 'x' })).body['code']).toBe('RESTORE_TARGET_OUTSIDE');
  });
});

test('a preview says what would be done and deleted, and writes nothing', async () => {
  const before = await clusters();
  const look = previewSchema.parse((await restore({ replace: true, cluster: 'newer' }, 'shop', '?preview=true')).body);
  expect(look).toMatchObject({ kind: 'restore-database', impact: 'data loss', price: null });
  expect(look.loss).toBe('the database orders that is there now, if there is one');
  const beside = (await restore({ database: 'beside' }, 'shop', '?preview=true')).body;
  expect([beside['impact'], 'loss' in beside]).toEqual(['none', false]);
  expect(look.changes.map(({ action, what }) => [action, what])).toEqual([
    ['create', 'hosts that are thrown away'],
    ['create', 'database orders of cluster newer'],
    ['delete', 'the same hosts'],
  ]);
  expect(look.changes[1]?.detail).toBe('from orders of shop, the newest state, in the place of one of that name');
  expect(look.checks.map(({ id, status }) => [id, status])).toEqual([
    ['target-inside', 'passed'],
    ['cluster-ready', 'passed'],
    ['not-busy', 'passed'],
  ]);
  expect(look.steps.map(({ title }) => title)).toContain('restore it into the other cluster');
  expect(await clusters()).toBe(before);
});

test('a repeated request is the same one', async () => {
  const headers = { 'Idempotency-Key': 'database-once' };
  const send = (): Promise<TestAnswer> =>
    api.request('POST', '/v1/clusters/shop/restores/database', { body: { database: 'once' }, headers });
  const [first, again] = [await send(), await send()];
  expect([first.status, again.body['id'], again.headers.get('Idempotency-Replayed')]).toEqual([
    202,
    first.body['id'],
    'true',
  ]);
});

test('the command does the same', async () => {
  const { run, start, logOut } = await logIn(api);
  const options = ['--time', TIME, '--database', 'typed', '--site', 'primary', '--cluster', 'newer', '--source', 'a b'];
  const look = await run(['restore', 'database', 'shop', ...options, '--preview']);
  expect([look.code, look.stdout]).toEqual([0, expect.stringContaining('database typed of cluster newer')]);
  const made = await run(['restore', 'database', 'shop', ...options, '--replace', '-o', 'json']);
  const { id } = JSON.parse(made.stdout) as { id: string };
  const { id: operation } = await operationOf(api, id);
  expect(await api.inventory.dumps.extractOf(operation)).toMatchObject({
    source: 'a b',
    database: 'typed',
    replace: true,
  });
  const { stdout } = await run(['restore', 'list', 'shop', '--limit', '1']);
  expect(stdout).toMatch(/^op_\w+ +restore-database +newer \/ typed +the time 2026-11-21T07:00:00\S*Z +pending /m);
  const dumps = JSON.parse((await run(['dump', 'list', '-o', 'json'])).stdout) as object[];
  expect(dumps).toEqual([]);
  // Who knows of the cluster that is thrown away finds it there.
  const { clusterId } = await operationOf(api, id);
  const { body: own } = await api.request('GET', `/v1/clusters/${clusterId}/dumps`);
  expect(own['items']).toMatchObject([{ operationId: id, database: 'a b' }]);
  const waiting = start(['restore', 'database', 'shop', '--source', 'a b', '--wait']);
  await eventually(async () => (await newestOperation()) !== operation);
  await finish(api.inventory, await operationOf(api, await newestOperation()));
  expect((await waiting.ended).code).toBe(0);
  expect(waiting.stderr()).toContain("Next: holdfast psql shop --database 'a b'\n");
  const refused = await run(['restore', 'database', 'shop']);
  expect([refused.code === 0, refused.stderr]).toEqual([false, expect.stringContaining('DATABASE_EXISTS')]);
  logOut();
});
