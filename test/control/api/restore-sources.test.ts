import { backupSchema } from '../../../domain/schemas/backups';
import { restoreWindowSchema } from '../../../domain/schemas/restore-window';
import { clusterDetailSchema } from '../../../domain/schemas/clusters';
import { startTestApi } from '../../support/api';
import type { TestAnswer, TestApi } from '../../support/api';
import { deleteCluster, operationOf, readyCluster, recordSites, succeedBackup } from '../../support/api-backups';
import { finish, newId } from '../../support/inventory';

/** What a new cluster can be restored from: older lineages, and clusters that were deleted. */

const WINDOW = { earliest: '2026-11-21T06:30:09.000Z', latest: '2026-11-21T07:02:00.000Z' };

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
  await recordSites(api);
  api.engine.window = WINDOW;
});
afterAll(() => api.stop());

let serial = 0;
const restore = (request: object, cluster: string, query = ''): Promise<TestAnswer> =>
  api.request('POST', `/v1/clusters/${cluster}/restores${query}`, {
    body: { name: `copy-${++serial}`, ...request },
  });
const window = async (cluster: string): Promise<unknown> =>
  restoreWindowSchema.parse((await api.request('GET', `/v1/clusters/${cluster}/restores/window`)).body);
const detail = async (cluster: string): Promise<ReturnType<typeof clusterDetailSchema.parse>> =>
  clusterDetailSchema.parse((await api.request('GET', `/v1/clusters/${cluster}`)).body);

test('a backup of an older lineage of the same cluster is not there', async () => {
  const { timeline } = await readyCluster(api, 'twice');
  const taken = await api.request('POST', '/v1/clusters/twice/backups', { body: {} });
  const { id } = await succeedBackup(api, taken.body['id'], timeline);
  expect((await restore({ target: { backup: id } }, 'twice', '?preview=true')).status).toBe(200);
  await api.database.query(
    `insert into timelines (id, project_id, cluster_id, version, sites)
     select $2, project_id, cluster_id, version, sites from timelines where id = $1`,
    [timeline.id, newId('tl')],
  );
  expect((await restore({ target: { backup: id } }, 'twice')).body['code']).toBe('NOT_FOUND');
});

describe('of a deleted cluster', () => {
  test('a new one is made by its id, with its password, until its backups are removed', async () => {
    const { id, timeline } = await readyCluster(api, 'lost');
    await api.inventory.timelines.setWindow(timeline.id, WINDOW);
    const taken = await api.request('POST', '/v1/clusters/lost/backups', { body: {} });
    await succeedBackup(api, taken.body['id'], timeline);
    await deleteCluster(api, 'lost');
    const looks = api.engine.lookedAt.length;
    expect(await window(id)).toEqual({
      ...WINDOW,
      firstLsn: '0/2000100',
      lastLsn: null,
      lastTransaction: null,
      gaps: [],
      asOf: 'last look',
      timelineId: timeline.id,
    });
    expect((await restore({}, 'lost')).body['code']).toBe('NOT_FOUND');
    const answer = await restore({ name: 'lost', target: { time: WINDOW.latest } }, id);
    expect(answer.status).toBe(202);
    expect((await detail('lost')).origin).toMatchObject({ clusterId: id, keepsCredentials: true });
    expect(api.engine.lookedAt).toHaveLength(looks);

    await api.inventory.timelines.markRemoved(timeline.id);
    const late = await restore({}, id);
    expect([late.status, late.body['detail']]).toEqual([422, expect.stringMatching(/its backups have been removed/)]);
    expect(await window(id)).toMatchObject({ earliest: null, timelineId: null });
    const { body } = await api.request('GET', `/v1/clusters/${id}/backups`);
    const [left] = backupSchema.array().parse(body['items']);
    expect(left).toMatchObject({ state: 'expired', copies: [{ site: 'primary' }, { site: 'secondary' }] });
    expect(left?.copies.every(({ removedAt }) => removedAt !== null)).toBe(true);
  });

  test('nothing is restored once its time is over, also when nobody has removed it yet', async () => {
    const { id, timeline } = await readyCluster(api, 'overdue');
    await api.inventory.timelines.setWindow(timeline.id, WINDOW);
    await deleteCluster(api, 'overdue', 0);
    expect((await restore({}, id)).body['code']).toBe('RESTORE_TARGET_OUTSIDE');
  });
});

test('the restores of a cluster are listed, and no others', async () => {
  const { id } = await readyCluster(api, 'mother');
  const first = await restore({}, 'mother');
  const second = await restore({}, id);
  await finish(api.inventory, await operationOf(api, first.body['id']));
  const { body } = await api.request('GET', '/v1/clusters/mother/restores');
  expect((body['items'] as { id: string }[]).map((item) => item.id)).toEqual([second.body['id'], first.body['id']]);
  expect((await api.request('GET', '/v1/clusters/twice/restores')).body['items']).toEqual([]);
});
