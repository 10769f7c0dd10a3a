import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestApi } from '../../support/api';
import { operationOf, readyCluster } from '../../support/api-backups';
import type { TestCommand } from '../../support/command';
import { finish, knownSite } from '../../support/inventory';
import { startTestUser, type TestUser } from '../../support/test-user';

/** The policy of backups by the command. */

let user: TestUser;
let api: TestApi;
let run: TestCommand['run'];

beforeAll(async () => {
  user = await startTestUser();
  ({ api, run } = user);
  await api.inventory.sites.record(['primary', 'secondary', 'offsite'].map((name) => knownSite(name, 'docker')));
  await readyCluster(api, 'shop');
});
afterAll(() => user?.stop());

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
  expect([unknown.code, unknown.stderr]).toEqual([
    2,
    expect.stringMatching(
      /--remove-site offsite: .*on primary, secondary\. Nothing was done\.\n +next +holdfast site list\n/,
    ),
  ]);
  const none = await run(['backup', 'policy', 'shop', '--remove-site', 'primary', '--remove-site', 'secondary']);
  expect([none.code, none.stderr]).toEqual([
    2,
    expect.stringMatching(/--remove-site primary, secondary: one site has to be left[^]*next +holdfast site list\n/),
  ]);
  expect(await policy()).toMatchObject({ sites: ['primary', 'secondary'] });
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

test('scripts come from files, with their time, and go again; so do those who are told', async () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'scripts-')), 'hold.sh');
  writeFileSync(file, '#!/bin/sh\necho hold\n');
  await change('policy', 'shop', '--pre-script', file, '--notify', 'failure:dba@example.org', '--notify', 'both:ops');
  const pre = { script: '#!/bin/sh\necho hold\n', timeoutSeconds: 60 };
  const notify = [
    { event: 'failure', to: 'dba@example.org' },
    { event: 'both', to: 'ops' },
  ];
  expect(await policy()).toMatchObject({ hooks: { pre, post: null }, notify });
  await change('policy', 'shop', '--script-timeout', '300');
  expect(await policy()).toMatchObject({ hooks: { pre: { ...pre, timeoutSeconds: 300 }, post: null }, notify });
  const { stdout } = await run(['backup', 'policy', 'shop']);
  expect(stdout).toMatch(/^script before +2 lines, at most 300 s$/m);
  expect(stdout).toMatch(/^notify +dba@example.org \(failure\), ops \(both\)$/m);
  const preview = await run(['backup', 'policy', 'shop', '--post-script', file, '--preview']);
  expect(preview.stdout).toMatch(/a script before and after each; dba@example.org, ops told/);
  await change('policy', 'shop', '--pre-script', 'none', '--notify', 'none');
  expect(await policy()).toMatchObject({ hooks: { pre: null, post: null }, notify: [] });
  const missing = await run(['backup', 'policy', 'shop', '--pre-script', `${file}.gone`]);
  expect([missing.code, missing.stderr]).toEqual([
    2,
    expect.stringContaining(`--pre-script ${file}.gone: the file cannot be read: it is not there. Nothing was done.`),
  ]);
  expect(missing.stderr).toContain('next     holdfast backup policy --help\n');
  const whom = await run(['backup', 'policy', 'shop', '--notify', 'never:dba']);
  expect([whom.code === 0, whom.stderr]).toEqual([false, expect.stringContaining('success, failure or both')]);
  const long = await run(['backup', 'policy', 'shop', '--pre-script', file, '--script-timeout', '9000']);
  expect([long.code === 0, long.stderr]).toEqual([false, expect.stringContaining('--script-timeout')]);
});

test('backups are paused and resumed', async () => {
  await change('pause', 'shop');
  expect((await run(['backup', 'policy', 'shop'])).stdout).toMatch(/^state +paused$/m);
  await change('resume', 'shop');
  expect(await policy()).toMatchObject({ paused: false });
});

test('a cluster that has no backups is given some, and only when that is what was said', async () => {
  await readyCluster(api, 'bare', { backups: null });
  const none = { code: 5, stderr: expect.stringContaining('next     holdfast backup begin bare\n') as string };
  for (const words of [['policy'], ['pause'], ['resume'], ['create']])
    expect(await run(['backup', ...words, 'bare'])).toMatchObject(none);
  const preview = await run(['backup', 'begin', 'bare', '--add-site', 'offsite', '--keep', '3', '--preview']);
  expect(preview.stdout).toMatch(/^\+ backups of bare: .*offsite.*the last 3 full ones kept/m);
  const wrong = await run(['backup', 'begin', 'bare', '--add-site', 'moon']);
  expect(wrong.stderr).toMatch(/--add-site: names moon, which is not a site[^]*next +holdfast site list\n/);

  await change('begin', 'bare', '--add-site', 'offsite', '--add-site', 'primary', '--full', 'none', '--keep', '3');
  const shown = await run(['backup', 'policy', 'bare']);
  expect(shown.stdout).toMatch(/^sites +offsite, primary$/m);
  expect(shown.stdout).toMatch(/^full +never$/m);
  expect(shown.stdout).toMatch(/^keep +the last 3 full ones$/m);
  const again = await run(['backup', 'begin', 'bare', '--full', 'none']);
  expect([again.code === 0, again.stderr]).toEqual([false, expect.stringContaining('bare has backups already')]);

  await readyCluster(api, 'plain', { backups: null });
  await change('policy', 'plain', '--keep', '5');
  expect((await run(['backup', 'policy', 'plain'])).stdout).toMatch(/^sites +primary, secondary$/m);
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
  expect([times.code, times.stderr]).toEqual([2, expect.stringMatching(/--full: .* or none for never\./)]);
  const keep = await run(['backup', 'policy', 'shop', '--keep', 'long']);
  expect([keep.code === 0, keep.stderr]).toEqual([false, expect.stringContaining('such as 14d')]);
  const site = await run(['backup', 'policy', 'shop', '--add-site', 'moon']);
  expect([site.code, site.stderr]).toEqual([
    2,
    expect.stringMatching(/--add-site: names moon, which is no site[^]*next +holdfast site list\n/),
  ]);
  const twice = await run(['backup', 'policy', 'shop', '--add-site', 'primary']);
  expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining('--add-site: is there twice: primary gets')]);
  const dumped = await run(['backup', 'policy', 'shop', '--dump-site', 'moon']);
  expect(dumped.stderr).toMatch(/--dump-site: names moon, which is no site of these[^]*next +holdfast site list\n/);
});
