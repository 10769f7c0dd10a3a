import type { TestApi } from '../../support/api';
import { exchangeData, operationOf, readyCluster, recordSites, succeedBackup } from '../../support/api-backups';
import type { TestCommand } from '../../support/command';
import { startTestUser, type TestUser } from '../../support/test-user';

/** A restore in place and the way back, by the command. */

const TIME = ['--time', '2026-11-21T08:00+01:00'];

let user: TestUser;
let api: TestApi;
let run: TestCommand['run'];

beforeAll(async () => {
  user = await startTestUser();
  ({ api, run } = user);
  await recordSites(api);
  api.engine.window = { earliest: '2026-11-21T06:30:09.000Z', latest: '2026-11-21T07:02:00.000Z' };
  const shop = await readyCluster(api, 'shop');
  const taken = await api.request('POST', '/v1/clusters/shop/backups', { body: {} });
  await succeedBackup(api, taken.body['id'], shop.timeline);
});
afterAll(() => user?.stop());

/** What the workflow of the operation that was ordered last would do. */
async function exchange(): Promise<void> {
  const { body } = await api.request('GET', '/v1/clusters/shop/operations?limit=1');
  await exchangeData(api, await operationOf(api, (body['items'] as { id: string }[])[0]?.id));
}

test('a restore in place is shown beforehand, wants the name typed, and tells what is kept', async () => {
  expect(await run(['restore', 'kept', 'shop'])).toEqual({ code: 0, stdout: '', stderr: 'Nothing is kept of shop.\n' });
  expect(await run(['restore', 'kept', 'shop', '-o', 'json'])).toEqual({ code: 0, stdout: 'null\n', stderr: '' });
  const preview = await run(['restore', 'in-place', 'shop', ...TIME, '--preview']);
  expect([preview.code, preview.stdout]).toEqual([
    0,
    expect.stringContaining('put the new data in the place of the old'),
  ]);
  expect(preview.stdout).toMatch(
    /^impact: takes about \d+ s; loses what was written since the time 2026\S+Z, which is kept for 24 hours; nobody can write for some seconds$/m,
  );
  expect(preview.stdout).not.toContain('/v1/');
  expect(preview.stderr).toContain('holdfast restore rollback shop');
  for (const typed of [[], ['--confirm', 'shopp']]) {
    const untyped = await run(['restore', 'in-place', 'shop', ...typed, ...TIME, '--wait']);
    expect([untyped.code, untyped.stderr]).toEqual([
      2,
      expect.stringMatching(
        /CONFIRMATION_MISMATCH: --confirm must be .*shop.*\. Nothing was done\.\n +next +holdfast restore in-place shop --time \S+ --wait --confirm shop\n/,
      ),
    ]);
    expect(untyped.stderr).toContain(TIME.join(' '));
  }

  const ordered = await run(['restore', 'in-place', 'shop', ...TIME, '--site', 'secondary', '--confirm', 'shop']);
  expect([ordered.code, ordered.stdout]).toEqual([0, expect.stringContaining('restore-in-place')]);
  await exchange();
  const second = await run(['restore', 'in-place', 'shop', ...TIME, '--confirm', 'shop']);
  expect([second.code, second.stderr]).toEqual([5, expect.stringContaining('next     holdfast restore kept shop\n')]);
  const kept = await run(['restore', 'kept', 'shop']);
  expect(kept.stdout).toMatch(/^node +pg-1$/m);
  expect(kept.stdout).toMatch(/^size +30MiB$/m);
  expect(kept.stdout).toMatch(/^kept until +20\S+Z$/m);
});

test('to what, has to be said; the newest state too', async () => {
  const before = (await api.request('GET', '/v1/clusters/shop/operations?limit=1')).body;
  for (const last of [['--confirm', 'shop'], ['--preview']]) {
    const nowhere = await run(['restore', 'in-place', 'shop', ...last]);
    expect([nowhere.code, nowhere.stderr]).toEqual([
      2,
      expect.stringMatching(
        /--time, --lsn, .* --latest for the newest state\. Nothing was done\.\n +next +holdfast restore window shop\n/,
      ),
    ]);
  }
  const newest = await run(['restore', 'in-place', 'shop', '--latest', '--preview']);
  expect([newest.code, newest.stdout]).toEqual([0, expect.stringContaining('as it was: the newest state')]);
  const both = await run(['restore', 'in-place', 'shop', '--latest', ...TIME, '--preview']);
  expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('cannot be used with option')]);
  expect((await api.request('GET', '/v1/clusters/shop/operations?limit=1')).body).toEqual(before);
});

test('it is rolled back, and what that has kept is given back', async () => {
  const preview = await run(['restore', 'rollback', 'shop', '--preview']);
  expect([preview.code, preview.stdout]).toEqual([0, expect.stringContaining('copy the kept data beside the other')]);
  expect(preview.stdout).toMatch(
    /^impact: takes about \d+ s; loses what was written since 2026\S+Z, which is kept for 24 hours; nobody can write for some seconds$/m,
  );
  expect((await run(['restore', 'rollback', 'shop'])).code).not.toBe(0);
  expect((await run(['restore', 'rollback', 'shop', '--confirm', 'shop'])).code).toBe(0);
  await exchange();
  expect((await run(['restore', 'confirm', 'shop', '--preview'])).stdout).toContain('delete the old data');
  expect((await run(['restore', 'confirm', 'shop'])).code).toBe(0);
});

test('both are in the list of restores, beside those to new clusters; giving the space back is none', async () => {
  const made = await run(['restore', 'create', 'shop', 'again', ...TIME]);
  expect(made.code).toBe(0);
  const { stdout } = await run(['restore', 'list', 'shop']);
  const rows = stdout.split('\n').map((line) => line.split(/ {2,}/).slice(1, 4));
  expect(rows).toEqual([
    ['KIND', 'INTO', 'AS OF'],
    ['restore', 'again', expect.stringMatching(/^the time 2026\S+Z$/)],
    ['rollback', 'shop', 'before the restore in place'],
    ['restore-in-place', 'shop', expect.stringMatching(/^the time 2026\S+Z$/)],
    [],
  ]);
  const other = await run(['restore', 'list', 'again', '-o', 'json']);
  expect(JSON.parse(other.stdout)).toEqual([]);
});
