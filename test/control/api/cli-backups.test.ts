import { z } from 'zod';
import type { TestApi } from '../../support/api';
import { operationOf, readyCluster, recordSites, succeedBackup } from '../../support/api-backups';
import type { TestCommand } from '../../support/command';
import { eventually } from '../../support/eventually';
import { finish, refOf } from '../../support/inventory';
import { startTestUser, type TestUser } from '../../support/test-user';

/** Backups and restores by the command. */

const WINDOW = { earliest: '2026-11-21T06:30:09.000Z', latest: '2026-11-21T07:02:00.000Z' };

let user: TestUser;
let api: TestApi;
let run: TestCommand['run'];
let start: TestCommand['start'];
let shop: Awaited<ReturnType<typeof readyCluster>>;

beforeAll(async () => {
  user = await startTestUser();
  ({ api, run, start } = user);
  await recordSites(api);
  api.engine.window = WINDOW;
  shop = await readyCluster(api, 'shop');
});
afterAll(() => user?.stop());

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
  expect(list.stdout).toMatch(
    /^BACKUP +TYPE +STATE +DATABASE +STORED +SITES +STARTED +TOOK +KEPT UNTIL +BY +DESCRIPTION$/m,
  );
  expect(list.stdout).toMatch(
    new RegExp(
      `^${id} +full +succeeded +30MiB +8MiB +primary,secondary +20\\S+Z .* +1 more full +tester +before the sale$`,
      'm',
    ),
  );
  const shown = await run(['backup', 'show', 'shop', id]);
  expect(shown.stdout).toMatch(/^taken from +pg-1, the primary$/m);
  for (const line of [
    /^version +PostgreSQL 18\.6$/m,
    /^tool +pgBackRest 2\.60\.0$/m,
    /^parameters +zst, aes-256-cbc, bundle, block, 2 processes$/m,
    /^schedule +-$/m,
    /^copied from +2026-11-21T06:30:00\.000Z, 0\/2000028$/m,
    /^consistent at +2026-11-21T06:30:09\.000Z, 0\/2000100$/m,
    /^kept until +1 more full$/m,
    /^verified +-$/m,
    /^primary +full +20261121-\d+F +30MiB +4MiB +0\/2000028 +0\/2000100 +20\S+Z +9\.0 s +1 more full +- +-$/m,
    /^SITE +PATH +SHA-256 OF THE MANIFEST$/m,
  ])
    expect(shown.stdout).toMatch(line);
  const json = await run(['backup', 'show', 'shop', id, '-o', 'json']);
  expect(JSON.parse(json.stdout)).toMatchObject({ id, copies: [{ site: 'primary' }, { site: 'secondary' }] });
});

test('a restore is ordered to where the options say', async () => {
  const made = await run(['restore', 'create', 'shop', 'again', '--time', '2026-11-21T07:40+01:00', '--plan', 'ha-s']);
  expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/restore/)]);
  const shown = await run(['cluster', 'show', 'again']);
  expect(shown.stdout).toMatch(new RegExp(`^restored from +${shop.id}, the time 2026-11-21T06:40:00Z$`, 'm'));
  expect(shown.stdout).toMatch(/^backups +on primary and secondary: full 17 1/m);

  const point = await run(['restore', 'point', 'create', 'shop', 'before the sale', '-o', 'json']);
  const { id: pointId } = z.object({ id: z.string() }).parse(JSON.parse(point.stdout));
  const marking = await operationOf(api, pointId);
  await api.inventory.restorePoints.mark(refOf(marking), '0/3000000');
  await finish(api.inventory, marking);
  const points = await run(['restore', 'point', 'list', 'shop']);
  expect(points.stdout).toMatch(/^before the sale +20\S+Z +0\/3000000 +\S+$/m);
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

test('a restore says from which site and which set the data came, and what was found in it', async () => {
  const made = await run(['restore', 'create', 'shop', 'told', '-o', 'json']);
  const { id } = z.object({ id: z.string() }).parse(JSON.parse(made.stdout));
  const operation = await operationOf(api, id);
  const ref = refOf(operation, 'restore-the-data-and-replay-the-log');
  const { operations } = api.inventory;
  expect((await run(['cluster', 'show', 'told'])).stdout).not.toContain('made from');
  await operations.recordRestored(ref, {
    from: { site: 'secondary', setId: '20261121-063000F', insteadOf: 'primary' },
  });
  const checks = [{ name: 'tables and rows', passed: false, detail: 'XX001: invalid page' }];
  await operations.recordRestored(ref, { checks });
  const shown = await run(['ops', 'show', id]);
  expect(shown.stdout).toMatch(
    /^read +set 20261121-063000F of site secondary, because primary could not be read, or has none/m,
  );
  expect(shown.stdout).toMatch(/^tables and rows +NO: XX001: invalid page$/m);
  expect((await run(['cluster', 'show', 'told'])).stdout).toMatch(
    /^made from +set 20261121-063000F of site secondary$/m,
  );
  await finish(api.inventory, operation);
  const told = await operations.eventsAfter(operation.id, 0);
  expect(told.at(-1)?.body['restored']).toMatchObject({ from: { site: 'secondary' }, checks });
});

test('the window is shown, and a time outside is refused with the command that shows it', async () => {
  const window = await run(['restore', 'window', 'shop']);
  expect(window.stdout).toMatch(
    new RegExp(
      `^earliest +${WINDOW.earliest}\nlatest +${WINDOW.latest}\nfirst lsn +0/\\w+\nlast lsn +-\nlast transaction +-\ngaps +none\nas of +now$`,
      'm',
    ),
  );
  expect(JSON.parse((await run(['restore', 'window', 'shop', '-o', 'json'])).stdout)).toMatchObject(WINDOW);
  const outside = await run(['restore', 'create', 'shop', 'never', '--time', '2036-01-01T00:00:00Z']);
  expect([outside.code, outside.stderr]).toEqual([
    2,
    expect.stringMatching(
      /RESTORE_TARGET_OUTSIDE: The time 2036.* from 2026\S+ to 2026[^]*next +holdfast restore window shop\n/,
    ),
  ]);
});

test('what was looked for and is not there leads to the list of those that are', async () => {
  const restores = [
    ['create', 'shop', 'x'],
    ['in-place', 'shop', '--confirm', 'shop'],
    ['database', 'shop', '--replace'],
  ];
  for (const words of restores) {
    const backup = await run(['restore', ...words, '--backup', 'bkp_nope']);
    expect(backup.stderr).toMatch(/NOT_FOUND: There is no backup bkp_nope here\.\n +next +holdfast backup list shop\n/);
  }
  const point = await run(['restore', 'create', 'shop', 'x', '--point', 'nope']);
  expect([point.code, point.stderr]).toEqual([
    2,
    expect.stringContaining('next     holdfast restore point list shop\n'),
  ]);
  const drill = await run(['drill', 'show', 'shop', 'drl_nope']);
  expect(drill.stderr).toContain('next     holdfast drill list shop\n');
});

test('where the window and its gaps end is shown as positions, too: that is what --lsn takes', async () => {
  const [from, to] = ['2026-11-21T06:40:00.000Z', '2026-11-21T06:50:00.000Z'];
  const gaps = [{ from, to, fromLsn: '0/5000100', toLsn: '0/7000028' }];
  api.engine.window = { ...WINDOW, lastLsn: '0/09000060', lastTransaction: '793', gaps };
  const { stdout } = await run(['restore', 'window', 'shop']);
  const first = /^first lsn +(\S+)$/m.exec(stdout)?.[1] ?? '';
  expect(stdout).toMatch(/^last lsn +0\/9000060\nlast transaction +793$/m);
  const { stderr } = await run(['restore', 'create', 'shop', 'never', '--lsn', '5/0']);
  expect(stderr).toContain(`can be restored from ${first} to 0/9000060`);
  expect(stdout).toContain(`${from} (0/5000100) to ${to} (0/7000028)\n`);
  api.engine.window = WINDOW;
});

test('where nothing was archived since the oldest backup the window says so, and what becomes of a later time', async () => {
  const told = async (): Promise<string> => (await run(['restore', 'window', 'shop'])).stdout;
  const nothing = 'nothing was committed and archived since the oldest backup yet';
  api.engine.window = { ...WINDOW, latest: null };
  expect(await told()).toMatch(new RegExp(`^latest +${nothing}; a later time is looked for when it is ordered$`, 'm'));
  await api.inventory.timelines.setWindow(shop.timeline.id, { ...WINDOW, latest: null });
  api.engine.window = 'away';
  expect(await told()).toMatch(new RegExp(`^latest +${nothing}$`, 'm'));
  api.engine.window = WINDOW;
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
  expect(sites.stderr).toMatch(
    /--backup-sites \(number 2\): names moon, which is not a site[^]*next +holdfast site list\n/,
  );
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
  expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining('next     holdfast backup begin bare\n')]);
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
  expect((await operationOf(api, await newestOf('operations'))).kind).toBe('create-restore-point');
});

describe('a backup that its own script has stopped', () => {
  const sentence = 'No backup was taken: the script before it ended with exit code 3 on pg-1.';

  /** What the operation of the backup would write down. */
  async function stop(): Promise<string> {
    const operation = await operationOf(api, await newestOf('operations'));
    const { backups, operations } = api.inventory;
    const { id } = await backups.ofOperation(operation.id);
    const run = { phase: 'pre', node: 'pg-1', state: 'failed', exitCode: 3, output: 'not now\n' } as const;
    await backups.recordScript(refOf(operation), run);
    const message = `${sentence} What it wrote stands in the record of backup ${id}.`;
    const at = new Date().toISOString();
    const [, script] = operation.steps;
    const failed = { stepId: script?.id ?? '', state: 'failed', error: message, at } as const;
    await operations.record({ operationId: operation.id, seq: 1, steps: [failed] });
    const reason = `it failed: ${message}`;
    await operations.record({
      operationId: operation.id,
      seq: 2,
      steps: [],
      operation: { state: 'cancelling', reason, at },
    });
    const error = { code: 'BACKUP_SCRIPT_FAILED', message };
    await operations.record({
      operationId: operation.id,
      seq: 3,
      steps: [],
      operation: { state: 'failed', error, at },
    });
    return id;
  }

  test('says so once and at its end, and leads to its record, which does not send the reader to itself', async () => {
    const waiting = start(['backup', 'create', 'shop', '--wait']);
    await eventually(() => waiting.stderr().includes('backup shop: pending'));
    const id = await stop();
    const { code, stderr } = await waiting.ended;
    expect(code).toBe(3);
    expect(stderr.split(sentence).length - 1).toBe(2);
    expect(stderr).toContain('cancelling (it failed: as above.)\n');
    expect(stderr).toContain(`next     holdfast backup show shop ${id}\n`);
    const { stdout } = await run(['backup', 'show', 'shop', id]);
    expect(stdout).toMatch(new RegExp(`^error +BACKUP_SCRIPT_FAILED: ${sentence}$`, 'm'));
    expect(stdout).toContain(`The script before it ended with exit code 3 on pg-1:\nnot now\n`);
    expect(stdout).not.toMatch(/^SITE/m);
  });
});
