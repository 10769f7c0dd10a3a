import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestApi } from '../../support/api';
import { startTestApi } from '../../support/api';
import { operationOf, readyCluster } from '../../support/api-backups';
import type { TestCommand } from '../../support/command';
import { commandIn } from '../../support/command';
import { finish, knownSite } from '../../support/inventory';

/** The policy of backups by the command. */

jest.setTimeout(60_000);

let api: TestApi;
let folder: string;
let run: TestCommand['run'];

beforeAll(async () => {
  api = await startTestApi();
  await api.inventory.sites.record(['primary', 'secondary', 'offsite'].map((name) => knownSite(name, 'docker')));
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-policy-'));
  ({ run } = commandIn(folder, { HOLDFAST_URL: api.url, HOLDFAST_TOKEN: await api.token() }));
  await readyCluster(api, 'shop');
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

async function policy(): Promise<Record<string, unknown>> {
  return (await api.request('GET', '/v1/clusters/shop/backup-policy')).body;
}

/** Runs a command that changes the policy, and ends its operation. */
async function change(...words: string[]): Promise<void> {
  const { code, stdout, stderr } = await run(['backup', ...words, '-o', 'json']);
  expect([code, stderr]).toEqual([0, expect.stringContaining('Follow it')]);
  const { id } = JSON.parse(stdout) as { id: string };
  await finish(api.inventory, await operationOf(api, id));
}

test('without options the policy is shown, for people and as JSON', async () => {
  const shown = await run(['backup', 'policy', 'shop']);
  expect(shown.stdout).toMatch(/^state +on$/m);
  expect(shown.stdout).toMatch(/^sites +primary, secondary$/m);
  expect(shown.stdout).toMatch(/^incremental +47 \* \* \* \*; next \S+:47:00\.000Z, \S+Z, \S+Z$/m);
  expect(shown.stdout).toMatch(/^keep +full ones of 14 days$/m);
  const json = await run(['backup', 'policy', 'shop', '-o', 'json']);
  expect(JSON.parse(json.stdout)).toMatchObject({
    paused: false,
    nextRuns: { full: [expect.any(String), expect.any(String), expect.any(String)] },
  });
});

test('every option changes what it names, and nothing else', async () => {
  await change('policy', 'shop', '--full', '0 3 * * 6', '--differential', 'none', '--time-zone', 'Europe/Paris');
  await change('policy', 'shop', '--keep', '10', '--add-site', 'offsite');
  expect(await policy()).toMatchObject({
    sites: ['primary', 'secondary', 'offsite'],
    schedule: { full: '0 3 * * 6', differential: null, incremental: '47 * * * *' },
    timeZone: 'Europe/Paris',
    retention: { unit: 'count', full: 10 },
  });
  await change('policy', 'shop', '--remove-site', 'offsite');
  expect(await policy()).toMatchObject({ sites: ['primary', 'secondary'] });
  const unknown = await run(['backup', 'policy', 'shop', '--remove-site', 'offsite']);
  expect([unknown.code === 0, unknown.stderr]).toEqual([false, expect.stringContaining('on primary, secondary')]);
  await change('policy', 'shop', '--keep', '30d', '--incremental', '*/30 * * * *');
  expect(await policy()).toMatchObject({ retention: { unit: 'days', full: 30 } });
  expect((await run(['backup', 'policy', 'shop'])).stdout).toMatch(/^differential +never$/m);
});

test('dumps are scheduled, and switched off', async () => {
  await change('policy', 'shop', '--dump', '30 4 * * *', '--dump-database', 'app', '--dump-database', 'sales');
  await change('policy', 'shop', '--dump-site', 'secondary');
  expect(await policy()).toMatchObject({
    dumps: { schedule: '30 4 * * *', databases: ['app', 'sales'], sites: ['secondary'] },
  });
  const shown = await run(['backup', 'policy', 'shop']);
  expect(shown.stdout).toMatch(/^dump +30 4 \* \* \*; next \S+T0[23]:30:00\.000Z/m);
  expect(shown.stdout).toMatch(/^what is dumped +databases app, sales on secondary$/m);
  await change('policy', 'shop', '--dump', 'none', '--dump-database', 'all', '--dump-site', 'all');
  expect(await policy()).toMatchObject({ dumps: { schedule: null, databases: 'all', sites: null } });
  const wrong = await run(['backup', 'policy', 'shop', '--dump-site', 'moon']);
  expect([wrong.code === 0, wrong.stderr]).toEqual([false, expect.stringContaining('--dump-site')]);
});

test('backups are paused and resumed', async () => {
  await change('pause', 'shop');
  expect((await run(['backup', 'policy', 'shop'])).stdout).toMatch(/^state +paused$/m);
  await change('resume', 'shop');
  expect(await policy()).toMatchObject({ paused: false });
});

test('a preview changes nothing', async () => {
  const before = await policy();
  const { code, stdout } = await run(['backup', 'policy', 'shop', '--keep', '3', '--preview']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^~ backups of shop: .*the last 3 full ones kept/m);
  expect(await policy()).toEqual(before);
});

test('what is wrong is told by the name of its option', async () => {
  const times = await run(['backup', 'policy', 'shop', '--full', 'weekly']);
  expect([times.code === 0, times.stderr]).toEqual([false, expect.stringContaining('--full')]);
  const keep = await run(['backup', 'policy', 'shop', '--keep', 'long']);
  expect([keep.code === 0, keep.stderr]).toEqual([false, expect.stringContaining('such as 14d')]);
  const site = await run(['backup', 'policy', 'shop', '--add-site', 'moon']);
  expect([site.code === 0, site.stderr]).toEqual([false, expect.stringContaining('--add-site')]);
});
