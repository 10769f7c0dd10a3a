import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startTestApi, type TestApi } from '../../support/api';
import { operationOf, readyCluster, recordSites, succeedBackup } from '../../support/api-backups';
import { commandIn, type TestCommand } from '../../support/command';
import { eventually } from '../../support/eventually';

/** Backups and restores by the command. */

jest.setTimeout(60_000);

const WINDOW = { earliest: '2026-11-21T06:30:09.000Z', latest: '2026-11-21T07:02:00.000Z' };

let api: TestApi;
let folder: string;
let run: TestCommand['run'];
let start: TestCommand['start'];
let shop: Awaited<ReturnType<typeof readyCluster>>;

beforeAll(async () => {
  api = await startTestApi();
  await recordSites(api);
  api.engine.window = WINDOW;
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-backups-'));
  ({ run, start } = commandIn(folder, { HOLDFAST_URL: api.url, HOLDFAST_TOKEN: await api.token() }));
  shop = await readyCluster(api, 'shop');
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

const newestOf = async (what: string): Promise<string> => {
  const { body } = await api.request('GET', `/v1/clusters/shop/${what}?limit=1`);
  return (body['items'] as { id: string }[])[0]?.id ?? '';
};

test('a backup is taken and waited for; the list and its own page show it with its copies', async () => {
  const waiting = start(['backup', 'create', 'shop', '--type', 'full', '--description', 'before the sale', '--wait']);
  await eventually(() => waiting.stderr().includes('backup shop: pending'));
  const { id } = await succeedBackup(api, await newestOf('operations'), shop.timeline);
  expect((await waiting.ended).code).toBe(0);

  const list = await run(['backup', 'list', 'shop']);
  expect(list.stdout).toMatch(/^BACKUP +TYPE +STATE +DATABASE +STORED +SITES +STARTED +TOOK +BY +DESCRIPTION$/m);
  expect(list.stdout).toMatch(
    new RegExp(`^${id} +full +succeeded +30MiB +8MiB +primary,secondary +20\\S+Z .* before the sale$`, 'm'),
  );
  const shown = await run(['backup', 'show', 'shop', id]);
  expect(shown.stdout).toMatch(/^taken from +pg-1, the primary$/m);
  expect(shown.stdout).toMatch(/^primary +full +20261121-\d+F +4MiB +0\/2000028 +0\/2000100 +20\S+Z +-$/m);
  const json = await run(['backup', 'show', 'shop', id, '-o', 'json']);
  expect(JSON.parse(json.stdout)).toMatchObject({ id, copies: [{ site: 'primary' }, { site: 'secondary' }] });
});

test('a restore is ordered to where the options say', async () => {
  const made = await run(['restore', 'create', 'shop', 'again', '--time', '2026-11-21T07:40+01:00', '--plan', 'ha-s']);
  expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/restore/)]);
  const shown = await run(['cluster', 'show', 'again']);
  expect(shown.stdout).toMatch(new RegExp(`^restored from +${shop.id}, the time 2026-11-21T06:40:00Z$`, 'm'));
  expect(shown.stdout).toMatch(/^backups +on primary and secondary: full 17 1/m);

  const backup = await newestOf('backups');
  const targets = [
    ['--lsn', '0/3000000'],
    ['--transaction', '777'],
    ['--point', 'before the sale'],
    ['--backup', backup],
    ['--site', 'secondary', '--credentials', 'rotate', '--allow-ip', '10.0.0.0/8', '--protect', '--no-backups'],
  ];
  for (const [i, options] of targets.entries())
    expect((await run(['restore', 'create', 'shop', `to-${i}`, ...options])).code).toBe(0);
  const { body } = await api.request('GET', '/v1/clusters/to-4');
  expect(body).toMatchObject({
    origin: { site: 'secondary', keepsCredentials: false, target: { kind: 'latest' } },
    spec: { allowedIps: ['10.0.0.0/8'], deletionProtection: true, backups: null },
  });
  const list = await run(['restore', 'list', 'shop']);
  for (const name of ['again', 'to-0', 'to-3']) expect(list.stdout).toContain(` ${name} `);
});

test('the window is shown, and a time outside is refused with the command that shows it', async () => {
  const window = await run(['restore', 'window', 'shop']);
  expect(window.stdout).toMatch(
    new RegExp(`^earliest +${WINDOW.earliest}\nlatest +${WINDOW.latest}\ngaps +none\nas of +now$`, 'm'),
  );
  expect(JSON.parse((await run(['restore', 'window', 'shop', '-o', 'json'])).stdout)).toMatchObject(WINDOW);
  const outside = await run(['restore', 'create', 'shop', 'never', '--time', '2036-01-01T00:00:00Z']);
  expect([outside.code, outside.stderr]).toEqual([
    5,
    expect.stringMatching(
      /RESTORE_TARGET_OUTSIDE: The time 2036.* from 2026\S+ to 2026[^]*next +holdfast restore window shop\n/,
    ),
  ]);
});

test('fields that are wrong are named as they were typed', async () => {
  const local = await run(['restore', 'create', 'shop', 'x', '--time', '2026-11-21T07:00:00']);
  expect([local.code, local.stderr]).toEqual([2, expect.stringContaining('--time: must be a time with its offset')]);
  expect(local.stderr).toContain('next     holdfast restore create --help\n');
  const lsn = await run(['restore', 'create', 'shop', 'x', '--lsn', 'top', '--version', '15']);
  expect(lsn.stderr).toContain('--lsn: must be a position in the log');
  const both = await run(['restore', 'create', 'shop', 'x', '--time', '2026-11-21T07:00:00Z', '--lsn', '0/1']);
  expect([both.code, both.stderr]).toEqual([2, expect.stringMatching(/cannot be used with option/)]);
  const sites = await run(['cluster', 'create', 'x', '--plan', 'sandbox', '--backup-sites', 'primary,moon']);
  expect(sites.stderr).toMatch(/--backup-sites \(number 2\): is not a site[^]*next +holdfast site list\n/);
  const none = await run(['backup', 'show', 'shop', 'bkp_none']);
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('next     holdfast backup list shop\n')]);
});

test('a cluster is ordered with backups on the sites that are named, or without any', async () => {
  await run(['cluster', 'create', 'far', '--plan', 'sandbox', '--backup-sites', 'secondary, primary']);
  await run(['cluster', 'create', 'bare', '--plan', 'sandbox', '--no-backups']);
  const sitesOf = async (name: string): Promise<unknown> => {
    const { body } = await api.request('GET', `/v1/clusters/${name}`);
    return (body['spec'] as { backups: { sites: string[] } | null }).backups?.sites ?? null;
  };
  expect([await sitesOf('far'), await sitesOf('bare')]).toEqual([['secondary', 'primary'], null]);
  expect((await run(['cluster', 'show', 'bare'])).stdout).toMatch(/^backups +none$/m);
  const refused = await run(['backup', 'create', 'bare']);
  expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining('next     holdfast site list\n')]);
});

test('previews say what would be done, and do nothing', async () => {
  const before = await newestOf('operations');
  const backup = await run(['backup', 'create', 'shop', '--preview']);
  expect(backup.stdout).toMatch(/^\+ incremental backup on primary: [^]*^ok +cluster shop is ready$/m);
  const restored = await run(['restore', 'create', 'shop', 'maybe', '--preview']);
  expect(restored.stdout).toMatch(/^\+ cluster maybe: PostgreSQL 18\.6, restored from shop, the newest state$/m);
  expect(await newestOf('operations')).toBe(before);
  expect((await run(['cluster', 'show', 'maybe'])).code).toBe(1);
});

test('Tab offers types, and the backups of the cluster that was named', async () => {
  const offered = async (...words: string[]): Promise<string[]> =>
    (await run(['__complete', '--', ...words])).stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t')[0] ?? '');
  expect(await offered('backup', 'create', 'shop', '--type', '')).toEqual(['full', 'differential', 'incremental']);
  const known = await newestOf('backups');
  expect(await offered('backup', 'show', 'shop', '')).toContain(known);
  expect(await offered('restore', 'create', 'shop', 'new', '--backup', 'bkp')).toContain(known);
  expect((await operationOf(api, await newestOf('operations'))).kind).toBe('backup');
});
