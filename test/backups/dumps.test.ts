import { createHash } from 'node:crypto';
import { request } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import { sql } from '../../activities/postgres/sql';
import { eventually } from '../support/eventually';
import type { Holdfast } from '../support/holdfast';
import { startHoldfast } from '../support/holdfast';
import { describeDropped } from './support/dropped';
import {
  downloadOf,
  dump,
  dumpOf,
  dumpsOf,
  ended,
  leftOnNodes,
  onPrimary,
  dumpedOf,
  restoreDump,
  scheduledDump,
  storedOn,
} from './support/dump-user';
import { dropTable, leftOfExtract, restoreDatabase } from './support/extracts';
import { ask } from './support/user';
import { login, query } from '../system/support/endpoint';

jest.setTimeout(600_000);

/** Logical dumps on real hosts and stores: an older major with one node, and a cluster with replicas. */

const ODD = `it's "odd" – ünï $HOME \`x\` =1`;

let holdfast: Holdfast;

beforeAll(async () => {
  holdfast = await startHoldfast({ stores: ['primary', 'secondary'] });
  const orders = [
    await holdfast.order({ name: 'old', plan: 'sandbox', version: '15' }),
    await holdfast.order({ name: 'shop', plan: 'ha-s' }),
  ];
  for (const { id } of orders) await holdfast.succeed(id);
  const old = login(await holdfast.credentials('old'), 'primaryPort');
  await query(old, 'create table goods (id int primary key, name text unique)');
  await query(old, `insert into goods select i, 'good ' || i from generate_series(1, 5000) i`);
  await query(old, `create materialized view names as select name from goods`);
  await query(old, `select lo_from_bytea(4711, 'large')`);
  // What only its owner may see, and what a superuser would run.
  await query(old, 'alter table goods enable row level security');
  await query(old, 'alter table goods force row level security');
  await query(old, 'create policy mine on goods using (current_user = $$app$$)');
  await query(
    old,
    `create function up() returns bool language plpgsql as $$
       begin execute 'reset role'; execute 'alter role app superuser'; return true; exception when others then return true; end $$`,
  );
  await query(old, 'create table trap (x int check (up()))');
  await query(old, 'insert into trap values (1)');
  await onPrimary(holdfast, 'shop', sql`CREATE DATABASE ${{ identifier: ODD }} OWNER app`);
  const shop = login(await holdfast.credentials('shop'), 'primaryPort');
  await query({ ...shop, database: ODD }, 'create table t as select 42 as answer');
});
afterAll(() => holdfast.stop());

test('a database is dumped as a role that is no superuser, to both sites, and leaves nothing on the node', async () => {
  const taken = await dump(holdfast, 'old', { description: 'before the sale' });
  expect(taken).toMatchObject({
    state: 'succeeded',
    database: 'app',
    databases: ['app'],
    nodeRole: 'primary',
    version: '15',
    description: 'before the sale',
    error: null,
  });
  expect(taken.copies.map(({ site }) => site)).toEqual(['primary', 'secondary']);
  for (const site of ['primary', 'secondary'])
    expect(await storedOn(holdfast, site, taken.timelineId)).toEqual([`dumps/${taken.id}.tar`]);
  expect(await leftOnNodes(holdfast, 'old')).toEqual([]);
  const role = await onPrimary(
    holdfast,
    'old',
    sql`SELECT rolsuper, rolpassword IS NULL FROM pg_authid WHERE rolname = 'dumper'`,
  );
  expect(role).toBe('f|t');
});

test('what is fetched by its URL is what was stored, and the URL opens nothing else', async () => {
  const [newest] = await dumpsOf(holdfast, 'old');
  const { url, caCertificate, checksum, sizeBytes } = await downloadOf(holdfast, newest?.id ?? '');
  const got = await fetchFrom(url, caCertificate);
  expect(got.status).toBe(200);
  expect(got.body).toHaveLength(sizeBytes);
  expect(createHash('sha256').update(got.body).digest('hex')).toBe(checksum);
  const names = await namesIn(got.body);
  expect(names).toEqual(expect.arrayContaining(['manifest.json', 'databases/1/toc.dat']));
  expect((await fetchFrom(url.replace(/dmp_[^.]*/, 'dmp_other'), caCertificate)).status).toBe(403);
  const second = await downloadOf(holdfast, newest?.id ?? '', { site: 'secondary' });
  expect((await fetchFrom(second.url, second.caCertificate)).body.equals(got.body)).toBe(true);
});

test('it is restored beside what is there, and in its place only when asked to', async () => {
  const [newest] = await dumpsOf(holdfast, 'old');
  const id = newest?.id ?? '';
  const old = login(await holdfast.credentials('old'), 'primaryPort');
  const refused = await holdfast.api('POST', `/v1/dumps/${id}/restores`, {});
  expect(refused).toMatchObject({ status: 409, body: { code: 'DATABASE_EXISTS' } });
  await query(old, 'drop table trap, goods cascade');
  await holdfast.succeed((await restoreDump(holdfast, id, { database: `${ODD} 2` })).id);
  const beside = { ...old, database: `${ODD} 2` };
  expect(await query(beside, 'select count(*)::int as n from goods')).toEqual([{ n: 5000 }]);
  expect(await query(beside, `select convert_from(lo_get(4711), 'utf8') as lo`)).toEqual([{ lo: 'large' }]);
  expect(await query(beside, 'select rolsuper from pg_roles where rolname = current_user')).toEqual([
    { rolsuper: false },
  ]);
  await holdfast.succeed((await restoreDump(holdfast, id, { replace: true })).id);
  expect(await query(old, 'select count(*)::int as n from names')).toEqual([{ n: 5000 }]);
  const again = await ended(holdfast, (await restoreDump(holdfast, id, { database: `${ODD} 2` })).id);
  expect([again.state, again.error?.code]).toEqual(['failed', 'DATABASE_EXISTS']);
  expect(await leftOnNodes(holdfast, 'old')).toEqual([]);
});

test('and into another cluster, of a newer major', async () => {
  const [newest] = await dumpsOf(holdfast, 'old');
  const { id } = await restoreDump(holdfast, newest?.id ?? '', { cluster: 'shop', database: 'from old' });
  await holdfast.succeed(id);
  const shop = login(await holdfast.credentials('shop'), 'primaryPort');
  expect(await query({ ...shop, database: 'from old' }, 'select count(*)::int as n from goods')).toEqual([{ n: 5000 }]);
});

test('all databases are dumped from a replica, with the roles; names are what they are', async () => {
  const taken = await dump(holdfast, 'shop', { all: true });
  expect(taken).toMatchObject({ nodeRole: 'replica', database: null });
  expect([...taken.databases].sort()).toEqual(['app', 'from old', ODD].sort());
  const { url, caCertificate } = await downloadOf(holdfast, taken.id);
  const { body } = await fetchFrom(url, caCertificate);
  expect(await textIn(body, 'roles.sql')).toMatch(/CREATE ROLE app;/);
  expect(await textIn(body, 'roles.sql')).not.toMatch(/dumper|replicator|SCRAM/);
  await holdfast.succeed((await restoreDump(holdfast, taken.id, { source: ODD, database: 'plain' })).id);
  const shop = login(await holdfast.credentials('shop'), 'primaryPort');
  expect(await query({ ...shop, database: 'plain' }, 'select answer from t')).toEqual([{ answer: 42 }]);
});

test('dumps are taken by schedule: several databases in one, on the sites that are wanted', async () => {
  const dumps = { schedule: '0 0 1 1 *', databases: ['app', 'from old'], sites: ['secondary'] };
  const taken = await scheduledDump(holdfast, 'shop', dumps);
  expect(taken).toMatchObject({ state: 'succeeded', selection: ['app', 'from old'], error: null });
  expect(taken.databases).toEqual(['app', 'from old']);
  expect(taken.copies.map(({ site }) => site)).toEqual(['secondary']);
  expect(await storedOn(holdfast, 'primary', taken.timelineId)).not.toContain(`dumps/${taken.id}.tar`);
  expect(await dumpedOf(holdfast, 'shop')).toMatchObject({ status: true, reason: 'Taken' });

  const missing = await scheduledDump(holdfast, 'shop', { ...dumps, databases: ['app', 'nobody'] });
  expect(missing).toMatchObject({ state: 'failed', error: { code: 'DUMP_IMPOSSIBLE' } });
  expect(missing.error?.message).toContain('there is no database "nobody"');
  const condition = await dumpedOf(holdfast, 'shop');
  expect(condition).toMatchObject({ status: false, reason: 'Failed' });
  expect(condition?.message).toContain('The last good one ended at');
});

test('one database is taken out of the backups into another cluster, as it was before somebody dropped the table', async () => {
  const { time, backup } = await dropTable(holdfast, 'old', 'goods');
  const shop = login(await holdfast.credentials('shop'), 'primaryPort');
  const made = await restoreDatabase(holdfast, 'old', { target: { time }, cluster: 'shop', database: 'old at noon' });
  expect(await query({ ...shop, database: 'old at noon' }, 'select count(*)::int as n from goods')).toEqual([
    { n: 5000 },
  ]);
  expect(await leftOfExtract(holdfast, made)).toEqual([]);
  expect(await leftOnNodes(holdfast, 'shop')).toEqual([]);
  // Up to the end of a backup only the database itself is restored.
  await restoreDatabase(holdfast, 'old', { target: { backup }, database: 'as backed up' });
  const old = login(await holdfast.credentials('old'), 'primaryPort');
  expect(await query({ ...old, database: 'as backed up' }, 'select count(*)::int as n from goods')).toEqual([
    { n: 5000 },
  ]);
});

describe('when something fails', () => {
  test('a dump of a database that is not there says so, and keeps nothing', async () => {
    const { id } = await ask(holdfast, 'POST', '/v1/clusters/old/dumps', { database: 'nobody' });
    expect(await ended(holdfast, id)).toMatchObject({ state: 'failed', error: { code: 'DUMP_IMPOSSIBLE' } });
    expect(await dumpOf(holdfast, 'old', id)).toMatchObject({ state: 'failed', copies: [] });
    expect(await leftOnNodes(holdfast, 'old')).toEqual([]);
  });

  describeDropped(() => holdfast);

  test('a restore that fails half way has changed nothing', async () => {
    const old = login(await holdfast.credentials('old'), 'primaryPort');
    // What was true when the row was written is no more.
    await query(old, 'create function good() returns bool language sql as $$ select true $$');
    await query(old, 'create table bad (x int, constraint never check (good()))');
    await query(old, 'insert into bad values (1)');
    await query(old, 'create or replace function good() returns bool language sql as $$ select false $$');
    const taken = await dump(holdfast, 'old');
    const failed = await ended(holdfast, (await restoreDump(holdfast, taken.id, { replace: true })).id);
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'DUMP_IMPOSSIBLE' } });
    expect(failed.error?.message).toMatch(/never/);
    expect(await query(old, 'select count(*)::int as n from bad')).toEqual([{ n: 1 }]);
    await query(old, 'drop table bad');
    const left = await onPrimary(
      holdfast,
      'old',

      sql`SELECT datname FROM pg_database WHERE starts_with(datname, 'holdfast_')`,
    );
    expect(left).toBe('');
    expect(await leftOnNodes(holdfast, 'old')).toEqual([]);
  });

  test('a worker that is killed in the middle leaves one dump on each site', async () => {
    const { id } = await ask(holdfast, 'POST', '/v1/clusters/shop/dumps', { all: true });
    await eventually(async () => (await dumpOf(holdfast, 'shop', id)).node !== null, { everyMs: 100 });
    await holdfast.worker.kill();
    holdfast.worker.start();
    await holdfast.succeed(id);
    const taken = await dumpOf(holdfast, 'shop', id);
    for (const site of ['primary', 'secondary'])
      expect((await storedOn(holdfast, site, taken.timelineId)).filter((key) => key.includes(taken.id))).toHaveLength(
        1,
      );
    expect(await leftOnNodes(holdfast, 'shop')).toEqual([]);
  });
});

test('the plan keeps so many, and one that is deleted is gone from its sites', async () => {
  const good = async (): Promise<string[]> =>
    (await dumpsOf(holdfast, 'old')).filter(({ state }) => state === 'succeeded').map(({ id }) => id);
  const { id: newest, timelineId } = await dump(holdfast, 'old');
  expect(await good()).toHaveLength(2);
  expect(await good()).toContain(newest);
  for (const site of ['primary', 'secondary']) expect(await storedOn(holdfast, site, timelineId)).toHaveLength(2);
  await holdfast.succeed((await ask(holdfast, 'DELETE', `/v1/dumps/${newest}`, {})).id);
  for (const site of ['primary', 'secondary']) expect(await storedOn(holdfast, site, timelineId)).toHaveLength(1);
});

async function fetchFrom(url: string, ca: string | null): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, ca === null ? {} : { ca }, (response) => {
      buffer(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function filesIn(archive: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const tar = extract();
  tar.end(archive);
  for await (const entry of tar) files.set(entry.header.name, await buffer(entry));
  return files;
}
const namesIn = async (archive: Buffer): Promise<string[]> => [...(await filesIn(archive)).keys()];
const textIn = async (archive: Buffer, name: string): Promise<string> =>
  (await filesIn(archive)).get(name)?.toString() ?? '';
