import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SECRET_NAMES } from '../../../activities/secrets/stored-secrets';
import type { DumpId } from '../../../domain/ids';
import type { TestApi } from '../../support/api';
import { operationOf, readyCluster, SITES } from '../../support/api-backups';
import type { TestCommand } from '../../support/command';
import { eventually } from '../../support/eventually';
import { finish, refOf } from '../../support/inventory';
import { startTestUser, type TestUser } from '../../support/test-user';

/** Dumps by the command. What fetches one is in test/unit/activities/dumps/fetch.test.ts, of real stores in test/backups/dumps.test.ts. */

const CHECKSUM = 'ab'.repeat(32);

let user: TestUser;
let api: TestApi;
let folder: string;
let run: TestCommand['run'];
let start: TestCommand['start'];
let shop: Awaited<ReturnType<typeof readyCluster>>;

beforeAll(async () => {
  user = await startTestUser();
  ({ api, run, start, folder } = user);
  const told = { region: 'eu-west-3', pathStyle: true, caPem: null, accounts: 'versitygw' } as const;
  await api.inventory.sites.record(SITES.map((site) => ({ ...site, ...told })));
  shop = await readyCluster(api, 'shop', { database: 'orders' });
  const keys = JSON.stringify({ accessKey: 'the-key', secretKey: 'the-secret' });
  for (const site of shop.timeline.sites) api.secrets.set(SECRET_NAMES.siteAccount(shop.timeline.id, site), keys);
});
afterAll(() => user?.stop());

const newestOperation = async (): Promise<string> => {
  const { body } = await api.request('GET', '/v1/operations?limit=1');
  return (body['items'] as { id: string }[])[0]?.id ?? '';
};

/** As the operation of the dump would. */
async function succeedDump(): Promise<DumpId> {
  const operation = await operationOf(api, await newestOperation());
  const { dumps } = api.inventory;
  await dumps.recordNode(refOf(operation), 'pg-1', 'primary', 30 * 1024 ** 2);
  await dumps.recordArchive(refOf(operation), { databases: ['orders'], sizeBytes: 4 * 1024 ** 2, checksum: CHECKSUM });
  for (const site of shop.timeline.sites) await dumps.recordCopy(refOf(operation), site);
  await finish(api.inventory, operation);
  return (await dumps.ofOperation(operation.id)).id;
}

async function takenDump(): Promise<DumpId> {
  expect((await run(['dump', 'create', 'shop'])).code).toBe(0);
  return succeedDump();
}

test('a dump is taken and waited for; the list and its own page show it', async () => {
  const waiting = start(['dump', 'create', 'shop', '--description', 'before the sale', '--wait']);
  await eventually(() => waiting.stderr().includes('dump shop: pending'));
  const id = await succeedDump();
  expect((await waiting.ended).code).toBe(0);

  const list = await run(['dump', 'list', 'shop']);
  expect(list.stdout).toMatch(/^DUMP +OF +STATE +SIZE +SITES +VERSION +STARTED +TOOK +BY +DESCRIPTION$/m);
  expect(list.stdout).toMatch(
    new RegExp(`^${id} +orders +succeeded +4MiB +primary,secondary +18 +20\\S+Z .* before the sale$`, 'm'),
  );
  expect((await run(['dump', 'list'])).stdout).toMatch(new RegExp(`^${id} +shop +orders +succeeded `, 'm'));
  const shown = await run(['dump', 'show', id]);
  expect(shown.stdout).toMatch(/^taken from +pg-1, the primary$/m);
  expect(shown.stdout).toMatch(new RegExp(`^sha-256 +${CHECKSUM}$`, 'm'));
  expect(JSON.parse((await run(['dump', 'show', id, '-o', 'json'])).stdout)).toMatchObject({
    id,
    copies: [{ site: 'primary' }, { site: 'secondary' }],
  });
});

test('a URL is for the site that was asked for, for as long as was asked for, and its secret is nowhere', async () => {
  const id = await takenDump();
  const made = await run([
    'dump',
    'download',
    id,
    '--print-url',
    '--site',
    'secondary',
    '--expires',
    '600',
    '-o',
    'json',
  ]);
  const { url, site, checksum } = JSON.parse(made.stdout) as Record<string, string>;
  const signed = new URL(url ?? '');
  expect([site, checksum, signed.host]).toEqual(['secondary', CHECKSUM, 'secondary.example.test']);
  expect(signed.searchParams.get('X-Amz-Expires')).toBe('600');
  expect(made.stdout + made.stderr).not.toContain('the-secret');
  const table = await run(['dump', 'download', id, '--print-url']);
  expect(table.stdout).toMatch(/^url +https:\/\/primary\.example\.test\/\S+X-Amz-Expires=3600\S*$/m);
  const elsewhere = await run(['dump', 'download', id, '--print-url', '--site', 'offsite']);
  expect([elsewhere.code, elsewhere.stderr]).toEqual([2, expect.stringContaining('has no copy of this dump')]);
  const forever = await run(['dump', 'download', id, '--print-url', '--expires', '99999999']);
  expect([forever.code, forever.stderr]).toEqual([2, expect.stringContaining('--expires')]);
});

test('one that can not be fetched leaves no file, and tells why without the URL', async () => {
  const id = await takenDump();
  const file = path.join(folder, 'orders.tar');
  const fetched = await run(['dump', 'download', id, '--file', file]);
  expect([fetched.code, fetched.stderr]).toEqual([
    1,
    expect.stringContaining('The dump could not be fetched from site primary'),
  ]);
  expect(fetched.stderr).not.toContain('X-Amz');
  writeFileSync(file, 'mine');
  const there = await run(['dump', 'download', id, '--file', file]);
  expect([there.code, there.stderr]).toEqual([2, expect.stringContaining(`${file} is there already`)]);
  const forced = await run(['dump', 'download', id, '--file', file, '--force']);
  expect([forced.code, readFileSync(file, 'utf8')]).toEqual([1, 'mine']);
  await expect(run(['dump', 'show', id])).resolves.toMatchObject({ code: 0 });
});

test('a dump is restored where the options say, and refused where that would take the place of another database', async () => {
  const id = await takenDump();
  const look = await run(['dump', 'restore', id, '--database', 'before', '--preview']);
  expect([look.code, look.stdout]).toEqual([0, expect.stringContaining('before')]);
  const taken = await run(['dump', 'restore', id]);
  expect([taken.code, taken.stderr]).toEqual([
    5,
    expect.stringMatching(/DATABASE_EXISTS: .*as --database, or set --replace, .* Nothing was changed\.\n/),
  ]);
  expect(taken.stderr).toContain(`next     holdfast dump restore ${id} --database NEW_NAME (or --replace`);
  const nowhere = await run(['dump', 'restore', id, '--cluster', 'nosuch']);
  expect(nowhere.stderr).toContain('next     holdfast cluster list\n');
  const waiting = start(['dump', 'restore', id, '--database', 'before', '--source', 'orders', '--wait']);
  await eventually(() => waiting.stderr().includes('restore-dump shop: pending'));
  const operation = await operationOf(api, await newestOperation());
  expect(operation).toMatchObject({ kind: 'restore-dump', clusterName: 'shop' });
  const { dump, restore } = await api.inventory.dumps.useOf(operation.id);
  expect([dump.id, restore]).toEqual([id, { source: 'orders', database: 'before', replace: false }]);
  await finish(api.inventory, operation);
  expect((await waiting.ended).code).toBe(0);
  expect(waiting.stderr()).toContain('Next: holdfast psql shop --database before\n');
});

test('a dump is deleted by an operation, once', async () => {
  const id = await takenDump();
  expect((await run(['dump', 'delete', id])).code).toBe(0);
  const operation = await operationOf(api, await newestOperation());
  expect(operation.kind).toBe('delete-dump');
  await api.inventory.dumps.markDeleting(refOf(operation), [id]);
  await api.inventory.dumps.markDeleted(refOf(operation), id);
  await finish(api.inventory, operation);
  const again = await run(['dump', 'delete', id]);
  expect([again.code, again.stderr]).toEqual([5, expect.stringContaining('DUMP_NOT_THERE')]);
  const gone = await run(['dump', 'download', id, '--print-url']);
  expect(gone.stderr).toContain('DUMP_NOT_THERE');
  const none = await run(['dump', 'show', 'dmp_none']);
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('NOT_FOUND')]);
});

test('previews and wrong options do nothing', async () => {
  const before = await newestOperation();
  const look = await run(['dump', 'create', 'shop', '--all', '--preview']);
  expect([look.code, look.stdout]).toEqual([0, expect.stringMatching(/dump/)]);
  const both = await run(['dump', 'create', 'shop', '--all', '--database', 'orders']);
  expect(both.code).toBe(2);
  expect(await newestOperation()).toBe(before);
});
