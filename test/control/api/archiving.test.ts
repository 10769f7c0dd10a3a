import type { Archiving } from '../../../domain/archiving';
import type { TestApi } from '../../support/api';
import { readyCluster, recordSites } from '../../support/api-backups';
import type { TestCommand } from '../../support/command';
import { startTestUser, type TestUser } from '../../support/test-user';

/** How the log of a cluster gets into its stores, as users and their monitoring see it. */

const GIB = 1024 ** 3;
const FIGURES: Archiving = {
  asOf: '2026-11-21T14:30:00.000Z',
  lastArchivedAt: '2026-11-21T14:20:31.000Z',
  lagMs: 31_000,
  oldestWaitingSince: '2026-11-21T14:25:00.000Z',
  waitingBytes: 32 * 1024 ** 2,
  freeBytes: 5 * GIB,
  totalBytes: 10 * GIB,
  lastError: 'repo1: [HostConnectError] no route',
};

let user: TestUser;
let api: TestApi;
let run: TestCommand['run'];
let shop: Awaited<ReturnType<typeof readyCluster>>;

beforeAll(async () => {
  user = await startTestUser();
  ({ api, run } = user);
  await recordSites(api);
  shop = await readyCluster(api, 'shop');
});
afterAll(() => user?.stop());

const statusOf = async (): Promise<unknown> => (await api.request('GET', '/v1/clusters/shop')).body['status'];

test('a cluster shows the newest measurement of its archive, none while there is none', async () => {
  expect(await statusOf()).toMatchObject({ archiving: null });
  expect((await run(['cluster', 'show', 'shop'])).stdout).not.toMatch(/^archive /m);
  await api.inventory.archiving.record(shop.id, { ...FIGURES, lagMs: null, oldestWaitingSince: null });
  expect((await run(['cluster', 'show', 'shop'])).stdout).toMatch(
    /^archive +nothing was measured yet, the newest segment at 2026-11-21T14:20:31.000Z; nothing waits \(as of/m,
  );
  await api.inventory.archiving.record(shop.id, FIGURES);
  expect(await statusOf()).toMatchObject({ archiving: FIGURES });
  expect((await run(['cluster', 'show', 'shop'])).stdout).toMatch(
    /^archive +31 s from a commit to all stores, .*; 32MiB wait since 2026-11-21T14:25:00.000Z, 5GiB of 10GiB are free/m,
  );
});

test('metrics have the figures by the id of the cluster, and no name', async () => {
  await api.inventory.archiving.record(shop.id, FIGURES);
  const { body } = await api.request('GET', '/metrics', { token: null });
  const told = String(body['text'])
    .split('\n')
    .filter((line) => /^holdfast_(archive|volume)/.test(line));
  expect(told).toEqual([
    `holdfast_archive_lag_seconds{cluster="${shop.id}"} 31`,
    `holdfast_archive_waiting_bytes{cluster="${shop.id}"} ${32 * 1024 ** 2}`,
    `holdfast_archive_waiting_seconds{cluster="${shop.id}"} 300`,
    `holdfast_volume_free_ratio{cluster="${shop.id}"} 0.5`,
  ]);
});
