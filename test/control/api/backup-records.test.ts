import type { BackupPolicy, Timeline } from '../../../domain/backups';
import type { BackupAnswer } from '../../../domain/schemas/backups';
import { backupSchema } from '../../../domain/schemas/backups';
import { startTestApi } from '../../support/api';
import type { TestApi } from '../../support/api';
import { deleteCluster, newSet, operationOf, readyCluster, recordSites } from '../../support/api-backups';
import { finish, refOf } from '../../support/inventory';

/** What of a backup follows from its copies, from those beside it and from the policy. */

let api: TestApi;
let clusters = 0;

beforeAll(async () => {
  api = await startTestApi();
  await recordSites(api);
});
afterAll(() => api.stop());

const at = (day: number, minute: number): string => new Date(Date.UTC(2026, 9, day, 1, minute)).toISOString();
const set = (day: number, change: Parameters<typeof newSet>[1] = {}): ReturnType<typeof newSet> =>
  newSet(null, { setId: `202610${day}-010000F`, startedAt: at(day, 0), finishedAt: at(day, 5), ...change });

/** A cluster with these sets on each site. @returns its name, and its backups: the oldest first. */
async function clusterWith(
  retention: BackupPolicy['retention'],
  stores: Readonly<Record<string, ReturnType<typeof newSet>[]>>,
): Promise<{ readonly name: string; readonly timeline: Timeline; readonly list: () => Promise<BackupAnswer[]> }> {
  const name = `kept-${++clusters}`;
  const { id, timeline } = await readyCluster(api, name, { backups: { retention } });
  for (const [site, sets] of Object.entries(stores)) await api.inventory.backups.recordSets(timeline, site, sets);
  return {
    name,
    timeline,
    list: async () => {
      const { body } = await api.request('GET', `/v1/clusters/${id}/backups`);
      return backupSchema.array().parse(body['items']).toReversed();
    },
  };
}
const keptOf = ({
  keptUntil,
  keptUntilFullBackups,
}: Pick<BackupAnswer, 'keptUntil' | 'keptUntilFullBackups'>): unknown => keptUntil ?? keptUntilFullBackups;

test('of days: a full one with what builds on it, so many days after the next one; the newest waits for a next one', async () => {
  const incremental = set(12, { setId: '20261010-010000F_20261012-010000I', type: 'incremental' });
  const { list } = await clusterWith({ unit: 'days', full: 14 }, { primary: [set(10), incremental, set(17)] });
  expect((await list()).map(keptOf)).toEqual([at(31, 5), at(31, 5), 1]);
});

test('of a count: so many more full ones', async () => {
  const { list } = await clusterWith({ unit: 'count', full: 2 }, { primary: [set(10), set(17)] });
  expect((await list()).map(keptOf)).toEqual([1, 2]);
});

test('each site for itself, and the backup as long as one of its copies', async () => {
  const stores = { primary: [set(10), set(17)], secondary: [set(10)] };
  const [old] = await (await clusterWith({ unit: 'days', full: 14 }, stores)).list();
  expect(old?.copies.map((copy) => [copy.site, keptOf(copy)])).toEqual([
    ['primary', at(31, 5)],
    ['secondary', 1],
  ]);
  expect(old && keptOf(old)).toBe(1);
});

test('with its cluster it is kept until the seven days are over', async () => {
  const { name, list } = await clusterWith({ unit: 'count', full: 2 }, { primary: [set(10)] });
  await deleteCluster(api, name);
  const [only] = await list();
  expect(Math.abs(Date.parse(only?.keptUntil ?? '') - Date.now() - 7 * 86_400_000)).toBeLessThan(60_000);
  expect([only?.keptUntilFullBackups, only?.copies[0]?.keptUntil]).toEqual([null, only?.keptUntil]);
});

test('what is gone is not kept, nor verified, and takes no room', async () => {
  const { timeline, list } = await clusterWith({ unit: 'days', full: 14 }, { primary: [set(10)] });
  await api.inventory.backups.recordSets(timeline, 'primary', []);
  const [gone] = await list();
  expect(gone).toMatchObject({ state: 'expired', storedBytes: 0, keptUntil: null, keptUntilFullBackups: null });
  expect(gone?.copies).toMatchObject([{ keptUntil: null, keptUntilFullBackups: null, lastVerifiedAt: null }]);
});

test('its range is that of all copies, positions by their value; how long it took', async () => {
  const { name, timeline, list } = await clusterWith({ unit: 'days', full: 14 }, {});
  const operation = await operationOf(api, (await api.request('POST', `/v1/clusters/${name}/backups`)).body['id']);
  const [running] = await list();
  expect(running).toMatchObject({
    durationMs: null,
    range: null,
    storedBytes: 0,
    keptUntil: null,
    keptUntilFullBackups: null,
  });
  const backupId = String(running?.id);
  const first = set(10, { backupId, startLsn: '9/0', stopLsn: 'F/100' });
  const second = set(10, { backupId, startedAt: at(10, 5), finishedAt: at(10, 9), startLsn: 'A/0', stopLsn: '10/28' });
  await api.inventory.backups.recordSets(timeline, 'primary', [first]);
  await api.inventory.backups.recordSets(timeline, 'secondary', [second]);
  await api.inventory.backups.succeed(refOf(operation));
  await finish(api.inventory, operation);
  const [backup] = await list();
  expect(backup).toMatchObject({
    range: { from: at(10, 0), to: at(10, 9), fromLsn: '9/0', toLsn: '10/28' },
    storedBytes: 8 * 1024 ** 2,
    copies: [{ durationMs: 300_000 }, { durationMs: 240_000 }],
  });
  expect(backup?.durationMs).toBe(Date.parse(backup?.finishedAt ?? '') - Date.parse(backup?.startedAt ?? ''));
});

test('it was verified when the latest of its copies was', async () => {
  const { list } = await clusterWith({ unit: 'days', full: 14 }, { primary: [set(10)], secondary: [set(10)] });
  const [before] = await list();
  expect(before?.lastVerifiedAt).toBeNull();
  const verify = (site: string, when: string): Promise<unknown> =>
    api.database.query('update backup_copies set verified_at = $2 where backup_id = $1 and site = $3', [
      before?.id,
      when,
      site,
    ]);
  await verify('primary', at(20, 0));
  await verify('secondary', at(19, 0));
  expect((await list())[0]?.lastVerifiedAt).toBe(at(20, 0));
});
