import { z } from 'zod';
import { clusterDetailSchema } from '../../../domain/schemas/clusters';
import { previewSchema } from '../../../domain/schemas/previews';
import { restorePointSchema } from '../../../domain/schemas/restore-points';
import { pageOf } from '../../../domain/schemas/pages';
import { startTestApi } from '../../support/api';
import type { TestAnswer, TestApi } from '../../support/api';
import { operationOf, readyCluster, recordSites, succeedBackup } from '../../support/api-backups';
import { finish, refOf } from '../../support/inventory';

/** Names for what is in a cluster at a moment, and restores to them. */

const WINDOW = {
  earliest: '2026-11-21T06:30:09.000Z',
  latest: '2026-11-21T07:02:00.000Z',
  lastLsn: '0/9000000',
} as const;

let api: TestApi;
let shop: Awaited<ReturnType<typeof readyCluster>>;

beforeAll(async () => {
  api = await startTestApi();
  await recordSites(api);
  shop = await withBackup('shop');
});
afterAll(() => api.stop());
beforeEach(() => {
  api.engine.window = WINDOW;
});

async function withBackup(name: string): Promise<Awaited<ReturnType<typeof readyCluster>>> {
  const made = await readyCluster(api, name);
  const taken = await api.request('POST', `/v1/clusters/${name}/backups`, { body: {} });
  await succeedBackup(api, taken.body['id'], made.timeline);
  return made;
}

const create = (name: string, cluster = 'shop', query = ''): Promise<TestAnswer> =>
  api.request('POST', `/v1/clusters/${cluster}/restore-points${query}`, { body: { name } });

/** Orders it and does what its workflow would do. */
async function make(name: string, lsn: string, cluster = 'shop'): Promise<void> {
  const answer = await create(name, cluster);
  expect([answer.status, answer.body['kind']]).toEqual([202, 'create-restore-point']);
  const operation = await operationOf(api, answer.body['id']);
  await api.inventory.restorePoints.mark(refOf(operation), lsn);
  await finish(api.inventory, operation);
}

async function list(cluster = 'shop', query = ''): Promise<string[]> {
  const { body } = await api.request('GET', `/v1/clusters/${cluster}/restore-points${query}`);
  return pageOf(restorePointSchema)
    .parse(body)
    .items.map(({ name }) => name);
}

let serial = 0;
const restore = (point: string, cluster = 'shop', more: object = {}): Promise<TestAnswer> =>
  api.request('POST', `/v1/clusters/${cluster}/restores`, {
    body: { name: `copy-${++serial}`, target: { point }, ...more },
  });
const refusal = ({ status, body }: TestAnswer): unknown => [status, body['code'], body['detail']];
const codeOf = ({ status, body }: TestAnswer): unknown => [status, body['code']];

test('a restore point is told with its place in the log, who wanted it and when, the newest first', async () => {
  await make('before release 7', '0/3000100');
  await make('before release 8', '0/3000200');
  const { body } = await api.request('GET', '/v1/clusters/shop/restore-points');
  const [newest] = pageOf(restorePointSchema).parse(body).items;
  const requestedBy = (await operationOf(api, newest?.operationId)).requestedBy;
  expect(newest).toMatchObject({
    name: 'before release 8',
    lsn: '0/3000200',
    requestedBy,
    timelineId: shop.timeline.id,
  });
  expect(Math.abs(Date.parse(newest?.madeAt ?? '') - Date.now())).toBeLessThan(60_000);
  expect(await list()).toEqual(['before release 8', 'before release 7']);
  const first = await api.request('GET', '/v1/clusters/shop/restore-points?limit=1');
  const next = z.object({ nextCursor: z.string() }).parse(first.body).nextCursor;
  expect(await list('shop', `?cursor=${next}`)).toEqual(['before release 7']);
});

test('a restore to a point keeps where that is, so that nobody has to look for the name in the log', async () => {
  const answer = await restore('before release 7');
  expect(answer.status).toBe(202);
  const { body } = await api.request('GET', `/v1/clusters/${String(answer.body['clusterId'])}`);
  const target = clusterDetailSchema.parse(body).origin?.target;
  expect(target).toMatchObject({ kind: 'point', name: 'before release 7', lsn: '0/3000100' });
});

test('a name that no point has is refused before anything is made, with those that are there', async () => {
  const [before] = await api.database.query<{ count: string }>('select count(*) from clusters');
  expect(refusal(await restore('before release 9'))).toEqual([
    422,
    'RESTORE_TARGET_OUTSIDE',
    'The restore point before release 9 cannot be restored: cluster shop has no such restore point; ' +
      'there are: before release 8, before release 7. Nothing was done.',
  ]);
  const inPlace = await api.request('POST', '/v1/clusters/shop/restores/in-place', {
    body: { target: { point: 'before release 9' }, confirm: 'shop' },
  });
  expect(codeOf(inPlace)).toEqual([422, 'RESTORE_TARGET_OUTSIDE']);
  await withBackup('pointless');
  expect(refusal(await restore('any', 'pointless'))).toEqual([
    422,
    'RESTORE_TARGET_OUTSIDE',
    expect.stringMatching(/there are: none\./),
  ]);
  const [after] = await api.database.query<{ count: string }>('select count(*) from clusters');
  expect(Number(after?.count)).toBe(Number(before?.count) + 1);
});

test('a point behind the end of the archive, or in a gap of it, is refused as its position would be', async () => {
  await make('far', 'F/0');
  expect((await restore('far')).body['detail']).toMatch(/can be restored from 0\/2000100 to 0\/9000000/);
  const gap = { from: WINDOW.earliest, to: WINDOW.latest, fromLsn: '0/3000000', toLsn: '0/3000150' };
  api.engine.window = { ...WINDOW, gaps: [gap] };
  expect((await restore('before release 7')).body['detail']).toMatch(/nothing between 0\/3000000 and 0\/3000150/);
  expect((await restore('before release 8')).status).toBe(202);
});

test('one name means one point: a second order is refused, a repeated one is the first', async () => {
  expect(refusal(await create('before release 7'))).toEqual([
    409,
    'RESTORE_POINT_EXISTS',
    expect.stringContaining('before release 7'),
  ]);
  const headers = { 'Idempotency-Key': 'point-once' };
  const send = (): Promise<TestAnswer> =>
    api.request('POST', '/v1/clusters/shop/restore-points', { body: { name: 'once' }, headers });
  const [first, again] = [await send(), await send()];
  expect([first.status, again.body['id'], again.headers.get('Idempotency-Replayed')]).toEqual([
    202,
    first.body['id'],
    'true',
  ]);
  // It is there when it was made, and not before.
  expect(await list()).not.toContain('once');
  const operation = await operationOf(api, first.body['id']);
  const ref = refOf(operation);
  await api.inventory.restorePoints.mark(ref, '0/4000000');
  await api.inventory.restorePoints.mark(ref, '0/4000100');
  expect(await api.inventory.restorePoints.ofOperation(operation.id)).toEqual({ name: 'once', lsn: '0/4000000' });
  await finish(api.inventory, operation);
});

test('the name of one that was never made, or that no backup leads to any more, is free again', async () => {
  const { timeline, id } = await withBackup('old');
  const failed = await operationOf(api, (await create('release', 'old')).body['id']);
  await finish(api.inventory, failed);
  await make('release', '0/2000200', 'old');
  expect(await list('old')).toEqual(['release']);
  const taken = await api.request('POST', '/v1/clusters/old/backups', { body: {} });
  await succeedBackup(api, taken.body['id'], timeline, { stopLsn: '0/5000000' });
  expect(await list('old')).toEqual(['release']);
  await api.database.query(
    `update backup_copies set removed_at = now() where timeline_id = '${timeline.id}' and stop_lsn = '0/2000100'`,
  );
  expect(await list('old')).toEqual([]);
  expect(refusal(await restore('release', 'old'))).toEqual([
    422,
    'RESTORE_TARGET_OUTSIDE',
    expect.stringMatching(/none\./),
  ]);
  await make('release', '0/6000000', 'old');
  expect(await list(id)).toEqual(['release']);
});

test('a preview writes nothing, and says whose name is taken', async () => {
  const before = await list();
  const preview = previewSchema.parse((await create('before release 7', 'shop', '?preview=true')).body);
  expect(preview).toMatchObject({ kind: 'create-restore-point', impact: 'none' });
  expect(preview.checks.map(({ id, status }) => [id, status])).toEqual([
    ['cluster-ready', 'passed'],
    ['not-busy', 'passed'],
    ['name-free', 'failed'],
  ]);
  expect(await list()).toEqual(before);
});

test('a cluster without a backup, without backups or not ready has none', async () => {
  await readyCluster(api, 'fresh');
  expect((await create('a', 'fresh')).body['detail']).toMatch(/has no backup yet; make it when there is one/);
  await readyCluster(api, 'bare', { backups: null });
  expect(codeOf(await create('a', 'bare'))).toEqual([409, 'BACKUPS_NOT_CONFIGURED']);
  expect(await list('bare')).toEqual([]);
  await api.database.query(`update clusters set state = 'failed' where id = '${shop.id}'`);
  expect(codeOf(await create('a'))).toEqual([409, 'CLUSTER_NOT_READY']);
  await api.database.query(`update clusters set state = 'ready' where id = '${shop.id}'`);
});

describe('after a restore in place', () => {
  beforeAll(async () => {
    await withBackup('swapped');
    await make('left', '0/6000000', 'swapped');
    const order = { target: { lsn: '0/3000000' }, confirm: 'swapped' };
    const swap = await api.request('POST', '/v1/clusters/swapped/restores/in-place', { body: order });
    const operation = await operationOf(api, swap.body['id']);
    const ref = refOf(operation);
    await api.inventory.swaps.note(ref, { keptOn: 'pg-1', oldLog: 1, newLog: 2, forkLsn: '0/3000000' });
    await api.inventory.swaps.pass(ref);
    await finish(api.inventory, operation);
  });

  test('a point of what it has left can be restored, though the log of today ends before it', async () => {
    api.engine.window = { ...WINDOW, lastLsn: '0/4000000' };
    expect((await restore('left', 'swapped')).status).toBe(202);
  });

  test('what no backup leads to any more is refused, and says why', async () => {
    await api.database.query(
      `update backup_copies copy set removed_at = now()
         from timelines where timelines.id = copy.timeline_id and cluster_id = (select id from clusters where name = 'swapped')
          and site = 'primary'`,
    );
    const refused = await restore('left', 'swapped', { site: 'primary' });
    expect(refusal(refused)).toEqual([
      422,
      'RESTORE_TARGET_OUTSIDE',
      expect.stringMatching(/no backup that is there leads to it/),
    ]);
    expect((await restore('left', 'swapped')).status).toBe(202);
  });
});
