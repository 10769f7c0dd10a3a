import { previewSchema } from '../../../domain/schemas/previews';
import { keptDataSchema } from '../../../domain/schemas/swaps';
import type { OperationId } from '../../../domain/ids';
import { startTestApi } from '../../support/api';
import type { TestAnswer, TestApi } from '../../support/api';
import { exchangeData, operationOf, readyCluster, recordSites, succeedBackup } from '../../support/api-backups';
import { finish, refOf } from '../../support/inventory';

/** The data of a cluster put back to its own past, and the way back from that. */

const WINDOW = { earliest: '2026-11-21T06:30:09.000Z', latest: '2026-11-21T07:02:00.000Z' };
const TIME = { time: '2026-11-21T07:00:00Z' };

let api: TestApi;
let shop: Awaited<ReturnType<typeof readyCluster>>;

beforeAll(async () => {
  api = await startTestApi();
  await recordSites(api);
  shop = await readyCluster(api, 'shop');
  const taken = await api.request('POST', '/v1/clusters/shop/backups', { body: {} });
  await succeedBackup(api, taken.body['id'], shop.timeline);
});
afterAll(() => api.stop());
beforeEach(() => {
  api.engine.window = WINDOW;
});

const post = (what: string, body?: object, cluster = 'shop'): Promise<TestAnswer> =>
  api.request('POST', `/v1/clusters/${cluster}/restores/${what}`, body === undefined ? {} : { body });
const kept = (): Promise<TestAnswer> => api.request('GET', '/v1/clusters/shop/restores/kept');
const codeOf = ({ status, body }: TestAnswer): unknown => [status, body['code']];

const fieldsOf = ({ body }: TestAnswer): string[] =>
  (body['errors'] as { pointer: string }[]).map(({ pointer }) => pointer);

async function operations(): Promise<number> {
  const [row] = await api.database.query<{ count: string }>('select count(*) from operations');
  return Number(row?.count);
}

/** What its workflow would do. */
async function pass(answer: TestAnswer, setId: string | null = null): Promise<OperationId> {
  expect(answer.status).toBe(202);
  const operation = await operationOf(api, answer.body['id']);
  const from = setId === null ? null : { site: 'secondary', setId, insteadOf: 'primary' };
  await api.inventory.operations.recordRestored(refOf(operation), { from });
  await exchangeData(api, operation);
  return operation.id;
}

describe('what is refused, with nothing written', () => {
  test('a restore that nobody has confirmed by name, and one to where nothing is', async () => {
    const before = await operations();
    expect(codeOf(await post('in-place', { target: TIME }))).toEqual([400, 'CONFIRMATION_MISMATCH']);
    expect(codeOf(await post('in-place', { target: TIME, confirm: shop.id }))).toEqual([400, 'CONFIRMATION_MISMATCH']);
    const late = { target: { time: '2026-11-21T09:00:00Z' }, confirm: 'shop' };
    expect(codeOf(await post('in-place', late))).toEqual([422, 'RESTORE_TARGET_OUTSIDE']);
    const order = { target: TIME, confirm: 'shop' };
    const elsewhere = await post('in-place', { ...order, site: 'offsite' });
    expect([codeOf(elsewhere), fieldsOf(elsewhere)]).toEqual([[400, 'VALIDATION_FAILED'], ['/site']]);
    const named = await post('in-place', { ...order, name: 'copy' });
    expect([codeOf(named), fieldsOf(named)]).toEqual([[400, 'VALIDATION_FAILED'], ['/name']]);
    expect(codeOf(await post('in-place', { ...order, confirm: 'nowhere' }, 'nowhere'))).toEqual([404, 'NOT_FOUND']);
    expect(await operations()).toBe(before);
  });

  test('a restore to nothing that was said, be it a preview; the newest state has to be asked for', async () => {
    const before = await operations();
    for (const what of ['in-place', 'in-place?preview=true']) {
      const { status, body } = await post(what, { confirm: 'shop' });
      const message = expect.stringContaining('"latest": true') as string;
      expect([status, body['errors']]).toMatchObject([400, [{ pointer: '/target', message }]]);
    }
    const newest = { target: { latest: true } };
    const preview = previewSchema.parse((await post('in-place?preview=true', newest)).body);
    expect(preview.changes[0]?.detail).toContain('the newest state');
    expect(codeOf(await post('in-place', newest))).toEqual([400, 'CONFIRMATION_MISMATCH']);
    const both = await post('in-place', { target: { ...TIME, latest: true }, confirm: 'shop' });
    expect([codeOf(both), fieldsOf(both)]).toEqual([[400, 'VALIDATION_FAILED'], ['/target']]);
    expect(await operations()).toBe(before);
  });

  test('a rollback and a confirmation where nothing is kept', async () => {
    expect(codeOf(await kept())).toEqual([409, 'NOTHING_KEPT']);
    expect(codeOf(await post('rollback', { confirm: 'shop' }))).toEqual([409, 'NOTHING_KEPT']);
    expect(codeOf(await post('confirm'))).toEqual([409, 'NOTHING_KEPT']);
  });

  test('a restore while a backup runs; and no backup begins while it runs', async () => {
    const backup = await api.request('POST', '/v1/clusters/shop/backups', { body: {} });
    const refused = await post('in-place', { target: TIME, confirm: 'shop' });
    expect(codeOf(refused)).toEqual([409, 'CLUSTER_BUSY']);
    expect(refused.body['operation']).toContain(String(backup.body['id']));
    await succeedBackup(api, backup.body['id'], shop.timeline);
    const restore = await post('in-place', { target: TIME, confirm: 'shop' });
    expect(restore.status).toBe(202);
    const late = await api.request('POST', '/v1/clusters/shop/backups', { body: {} });
    expect(codeOf(late)).toEqual([409, 'CLUSTER_BUSY']);
    await finish(api.inventory, await operationOf(api, restore.body['id']));
  });
});

test('a preview tells the steps, the loss, and what is in the way', async () => {
  const before = await operations();
  const preview = previewSchema.parse((await post('in-place?preview=true', { target: TIME })).body);
  expect(preview).toMatchObject({
    kind: 'restore-in-place',
    impact: 'data loss',
    loss: 'what was written since the time 2026-11-21T07:00:00Z, which is kept for 24 hours',
  });
  const newest = previewSchema.parse((await post('in-place?preview=true', { target: { latest: true } })).body);
  expect(newest.loss).toBe('what is written while it is restored, which is kept for 24 hours');
  expect(preview.checks.map(({ status }) => status)).toEqual(['passed', 'passed', 'passed']);
  expect(preview.steps.map(({ title }) => title)).toContain('put the new data in the place of the old');
  expect(preview.changes.map(({ detail }) => detail).join()).toContain('the time 2026-11-21T07:00:00Z');
  expect(await operations()).toBe(before);
});

test('what a restore keeps is shown, is in the way of another one, and can be put back and let go', async () => {
  const first = await pass(await post('in-place', { target: TIME, confirm: 'shop' }));
  const shown = keptDataSchema.parse((await kept()).body);
  expect(shown).toMatchObject({ operationId: first, node: 'pg-1', bytes: 31_457_280 });
  const hours = (Date.parse(shown.until ?? '') - Date.parse(shown.swappedAt ?? '')) / 3_600_000;
  expect(Math.round(hours)).toBe(24);
  expect(codeOf(await post('in-place', { target: TIME, confirm: 'shop' }))).toEqual([409, 'OLD_DATA_KEPT']);
  expect(codeOf(await post('rollback', {}))).toEqual([400, 'CONFIRMATION_MISMATCH']);
  const second = await pass(await post('rollback', { confirm: 'shop' }));
  expect((await kept()).body).toMatchObject({ operationId: second });
  const forks = await api.inventory.swaps.forks(shop.timeline.id);
  // The rollback goes on from what the restore has left.
  expect(forks.map(({ operationId, forksFrom }) => [operationId, forksFrom]).slice(-2)).toEqual([
    [first, 0],
    [second, 0],
  ]);
  const confirm = await post('confirm');
  expect(confirm.body).toMatchObject({ kind: 'confirm-restore' });
  const operation = await operationOf(api, confirm.body['id']);
  await api.inventory.swaps.release(refOf(operation));
  await finish(api.inventory, operation);
  expect(codeOf(await kept())).toEqual([409, 'NOTHING_KEPT']);
  expect((await api.inventory.swaps.left(shop.id)).map(({ operationId }) => operationId)).toEqual([first, second]);
});

test('a day later what is kept is let go, but not while an operation works on the cluster', async () => {
  const id = await pass(await post('in-place', { target: TIME, confirm: 'shop' }));
  await api.database.query(`update swaps set kept_until = now() - interval '1 minute' where operation_id = $1`, [id]);
  const rollback = await post('rollback', { confirm: 'shop' });
  const released = async (): Promise<string[]> =>
    (await api.inventory.swaps.listReleased()).map(({ operationId }) => operationId);
  expect(await released()).not.toContain(id);
  await finish(api.inventory, await operationOf(api, rollback.body['id']));
  expect(await released()).toContain(id);
  expect(codeOf(await post('rollback', { confirm: 'shop' }))).toEqual([409, 'NOTHING_KEPT']);
  await api.inventory.swaps.markRemoved(id);
  expect(await released()).not.toContain(id);
});

test('the cluster tells what its data was made from: after a rollback, what the data was made from that is back', async () => {
  const madeFrom = async (): Promise<unknown> => (await api.request('GET', '/v1/clusters/shop')).body['restoredFrom'];
  const inPlace = async (setId: string): Promise<OperationId> =>
    pass(await post('in-place', { target: TIME, confirm: 'shop' }), setId);
  const confirm = async (): Promise<void> => {
    const operation = await operationOf(api, (await post('confirm')).body['id']);
    await api.inventory.swaps.release(refOf(operation));
    await finish(api.inventory, operation);
  };
  expect(await madeFrom()).toBeNull();
  const first = await inPlace('20261121-063000F');
  const wanted = { operationId: first, site: 'secondary', setId: '20261121-063000F' };
  expect(await madeFrom()).toEqual(wanted);
  await confirm();
  const second = await inPlace('20261121-064000F');
  expect(await madeFrom()).toMatchObject({ operationId: second });
  await pass(await post('rollback', { confirm: 'shop' }));
  expect(await madeFrom()).toEqual(wanted);
  // One that was undone before the exchange changes nothing.
  await confirm();
  const undone = await operationOf(api, (await post('in-place', { target: TIME, confirm: 'shop' })).body['id']);
  const from = { site: 'primary', setId: '20261121-065000F', insteadOf: null };
  await api.inventory.operations.recordRestored(refOf(undone), { from });
  await finish(api.inventory, undone);
  expect(await madeFrom()).toEqual(wanted);
});
