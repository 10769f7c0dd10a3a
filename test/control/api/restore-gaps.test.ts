import type { ClusterId } from '../../../domain/ids';
import { restoreWindowSchema } from '../../../domain/schemas/restore-window';
import { previewSchema } from '../../../domain/schemas/previews';
import { startTestApi } from '../../support/api';
import type { TestAnswer, TestApi } from '../../support/api';
import { readyCluster, recordSites, succeedBackup } from '../../support/api-backups';

/** What a restore is refused for that lies in a gap, behind the end or ahead of what has happened, and what a preview does not do. */

const WINDOW = { earliest: '2026-11-21T06:30:09.000Z', latest: '2026-11-21T07:02:00.000Z' };

let api: TestApi;
let cluster: ClusterId;

beforeAll(async () => {
  api = await startTestApi();
  await recordSites(api);
  const { id, timeline } = await readyCluster(api, 'shop');
  cluster = id;
  const taken = await api.request('POST', '/v1/clusters/shop/backups', { body: {} });
  await succeedBackup(api, taken.body['id'], timeline);
});
afterAll(() => api.stop());
beforeEach(() => {
  api.engine.window = WINDOW;
});

let serial = 0;
const restore = (request: object, query = ''): Promise<TestAnswer> =>
  api.request('POST', `/v1/clusters/shop/restores${query}`, { body: { name: `copy-${++serial}`, ...request } });

async function clusters(): Promise<number> {
  const [row] = await api.database.query<{ count: string }>('select count(*) from clusters');
  return Number(row?.count);
}

describe('the window, where it is broken', () => {
  const gap = {
    from: '2026-11-21T06:40:00.000Z',
    to: '2026-11-21T06:50:00.000Z',
    fromLsn: '0/5000000',
    toLsn: '0/8000028',
  };
  beforeEach(() => {
    api.engine.window = { ...WINDOW, lastLsn: '0/9FFFFE8', gaps: [gap] };
  });

  test('tells its gaps, and where it ends in the log', async () => {
    const { body } = await api.request('GET', '/v1/clusters/shop/restores/window');
    expect(restoreWindowSchema.parse(body)).toMatchObject({ lastLsn: '0/9FFFFE8', gaps: [gap] });
  });

  test.each([
    ['a time in a gap', { time: '2026-11-21T06:45:00Z' }, 'nothing between 2026-11-21T06:40:00.000Z and'],
    ['a position in a gap', { lsn: '0/6000000' }, 'nothing between 0/5000000 and 0/8000028 can be restored'],
    ['a position behind the end', { lsn: 'F/0' }, 'to 0/9FFFFE8'],
  ])('%s is refused before anything is made', async (_what, target, words) => {
    const before = await clusters();
    const { status, body } = await restore({ target });
    expect([status, body['code'], body['detail']]).toEqual([
      422,
      'RESTORE_TARGET_OUTSIDE',
      expect.stringContaining(words),
    ]);
    expect(await clusters()).toBe(before);
  });

  test('is asked of the one site that is to be read', async () => {
    expect((await restore({ target: { time: '2026-11-21T06:35:00Z' }, site: 'secondary' })).status).toBe(202);
    expect(api.engine.lookedInto.at(-1)).toBe('secondary');
  });
});

describe('a transaction that has not ended', () => {
  const HIGH = '4000000000';
  const asks = (target: object): Record<string, () => Promise<TestAnswer>> => ({
    'a new cluster': () => restore({ target }),
    'its preview': () => restore({ target }, '?preview=true'),
    'in place': () => api.request('POST', '/v1/clusters/shop/restores/in-place', { body: { target, confirm: 'shop' } }),
    'one database': () =>
      api.request('POST', '/v1/clusters/shop/restores/database', { body: { target, database: 'x' } }),
  });
  const written = async (): Promise<unknown> =>
    api.database.query(
      'select (select count(*) from clusters) as clusters, (select count(*) from operations) as operations',
    );

  test.each(Object.keys(asks({})))('is refused before anything is made, with the newest that has: %s', async (way) => {
    api.engine.window = { ...WINDOW, lastTransaction: '749' };
    const before = await written();
    for (const transaction of ['750', HIGH]) {
      const answer = await asks({ transaction })[way]?.();
      expect([answer?.status, answer?.body['code'], answer?.body['detail']]).toEqual([
        422,
        'RESTORE_TARGET_OUTSIDE',
        `Transaction ${transaction} cannot be restored: the newest transaction of cluster shop that has ended is 749. Nothing was done.`,
      ]);
    }
    expect(await written()).toEqual(before);
  });

  test('is looked for when it has, and when nobody tells', async () => {
    api.engine.window = { ...WINDOW, lastTransaction: '749' };
    expect((await restore({ target: { transaction: '749' } })).status).toBe(202);
    const timeline = await api.inventory.timelines.current(cluster);
    if (!timeline) throw new Error('no timeline');
    // Nobody keeps it: what has ended by now is not known from what had then.
    await api.inventory.timelines.setWindow(timeline.id, api.engine.window);
    api.engine.window = 'away';
    expect((await restore({ target: { transaction: HIGH } })).status).toBe(202);
  });
});

describe('a preview of a restore', () => {
  const previewOf = async (target: object): Promise<TestAnswer> => restore({ target }, '?preview=true');

  test('has nothing archived, and says so of a target that may be in what is not archived yet', async () => {
    const just = new Date().toISOString();
    const { status, body } = await previewOf({ time: just });
    expect(status).toBe(200);
    expect(api.engine.lookedUpTo.at(-1)).toBeNull();
    const { checks } = previewSchema.parse(body);
    expect(checks.find(({ id }) => id === 'target-inside')?.message).toContain('not in the archive yet');
  });

  test('refuses what no order could restore', async () => {
    const { status } = await previewOf({ time: '2999-01-01T00:00:00Z' });
    expect(status).toBe(422);
  });
});
