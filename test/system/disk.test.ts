import { Client } from 'pg';
import type { ClientConfig } from 'pg';
import { DISK_ACTS_FILE, REFUSED as REFUSING } from '../../activities/disk/guard';
import { hostOf, reachableNode, viewCluster } from '../../activities/fleet';
import type { ClusterView } from '../../activities/fleet';
import type { Host } from '../../activities/host/host';
import { sh } from '../../activities/host/shell';
import { runSql } from '../../activities/postgres/psql';
import { identifier, sql } from '../../activities/postgres/sql';
import { isId } from '../../domain/ids';
import type { CredentialsAnswer } from '../../domain/schemas/credentials';
import { eventually, untilSuccess } from '../support/eventually';
import type { Holdfast } from '../support/holdfast';
import { startHoldfast } from '../support/holdfast';
import { login, query, refusal } from './support/endpoint';
import type { Writer } from './support/ledger';
import { findLost, startWriter } from './support/ledger';
import { fillToTheBrim, fillVolume, usedThousandths } from './support/volume';

jest.setTimeout(600_000);

/** The volume of a real data node that fills: by its tenant, and by something else; under writers that remember each promise. */

const REFUSED = '25006 cannot execute INSERT in a read-only transaction';
const TABLES = ['direct', 'pooled'] as const;
const PORTS = { direct: 'primaryPort', pooled: 'pooledPort' } as const;

let holdfast: Holdfast;
let credentials: CredentialsAnswer;
let view: ClusterView;
let host: Host;
let writers: Record<(typeof TABLES)[number], Writer>;

beforeAll(async () => {
  holdfast = await startHoldfast();
  const { id, clusterId } = await holdfast.order({ name: 'shop', plan: 'sandbox' });
  await holdfast.succeed(id);
  if (!isId('clu', clusterId)) throw new Error(clusterId);
  credentials = await holdfast.credentials('shop');
  view = await viewCluster(holdfast.fleet, clusterId);
  host = hostOf(holdfast.fleet, view, reachableNode(view, 'pg-1'));
  await query(direct(), 'create table filler (text text storage plain)');
  for (const table of TABLES) await query(direct(), `create table ${table} (number int primary key)`);
  const start = (table: (typeof TABLES)[number]): Writer => startWriter(login(credentials, PORTS[table]), table);
  writers = { direct: start('direct'), pooled: start('pooled') };
});
afterAll(async () => {
  for (const table of TABLES) await writers?.[table].stop();
  await holdfast?.stop();
});

const direct = (): ClientConfig => login(credentials, 'primaryPort');
async function session(change: ClientConfig = {}): Promise<Client> {
  const client = new Client({ ...direct(), ...change });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
/** Eight kilobytes each, and as much of log. */
const fill = (rows: number): string => `insert into filler select repeat('x', 7900) from generate_series(1, ${rows})`;
const insideOf = (table: string): string => `insert into ${table} values (-1)`;

async function told(): Promise<string | undefined> {
  const { status } = await holdfast.cluster('shop');
  return status.conditions.find(({ type }) => type === 'DiskSpace')?.reason;
}
/** Slow enough for the API, which counts requests. */
const untilTold = (reason: string): Promise<true> =>
  eventually(async () => (await told()) === reason, { everyMs: 1_000, limitMs: 120_000 });

/** A write that begins from now on is acknowledged, by each writer. */
async function untilWritten(): Promise<void> {
  const since = Date.now();
  for (const table of TABLES)
    await eventually(() =>
      writers[table].attempts.some(({ outcome, beganAt }) => outcome === 'acknowledged' && beganAt >= since),
    );
}
const startedAt = (): Promise<string> =>
  runSql(view, host, 'postgres', sql`SELECT pg_postmaster_start_time()`, 'see since when it runs');
const acts = async (): Promise<string> => host.run(sh`cat ${DISK_ACTS_FILE}`);

/** What a session says to a statement that it is given again and again, when it refuses. */
const untilRefused = (statement: () => Promise<unknown>): Promise<string> =>
  eventually(
    () =>
      statement().then(
        () => undefined,
        (error: unknown) => {
          const { code = '', message = '' } = error as { code?: string; message?: string };
          return `${code} ${message}`.trim();
        },
      ),
    { everyMs: 0 },
  );

test('a tenant who fills it is warned, then refused politely in every session, reads on, and writes again when there is space', async () => {
  await untilWritten();
  const running = await startedAt();
  const old = await session();
  await old.query('select 1');
  // The tenant fills the last quarter.
  const empty = await fillVolume(host, 250);
  const filling = (limit: number): Promise<unknown> =>
    eventually(async () => {
      await query(direct(), fill(500));
      return (await usedThousandths(host)) > limit;
    });
  await filling(805);
  await untilTold('Filling');
  await filling(905);
  await untilTold('NearlyFull');
  const filler = await session();
  expect(await untilRefused(() => filler.query(fill(100)))).toBe(REFUSED);
  await filler.end();

  expect(await refusal(direct(), insideOf('direct'))).toBe(REFUSED);
  expect(await refusal(login(credentials, 'pooledPort'), insideOf('pooled'))).toBe(REFUSED);
  expect(await untilRefused(() => old.query(insideOf('direct')))).toBe(REFUSED);
  for (const port of ['primaryPort', 'pooledPort', 'replicaPort'] as const)
    expect(await query(login(credentials, port), 'select from filler limit 1')).toHaveLength(1);
  await untilTold('WritesRefused');
  const refused = writers.direct.attempts.length;
  await eventually(() => writers.direct.attempts.length > refused + 5);
  expect(writers.direct.attempts.slice(refused).map(({ outcome }) => outcome)).not.toContain('acknowledged');
  // Of so small a volume one segment of the log, which PostgreSQL itself goes on to write, is 1.7 %.
  expect(await usedThousandths(host)).toBeLessThan(1_000);

  // As docs/disk.md tells users.
  await query(direct(), 'begin read write; truncate filler; commit');
  await untilWritten();
  await expect(old.query('select 1')).resolves.toMatchObject({ rowCount: 1 });
  await old.end();
  await empty();
  await untilTold('Enough');
  expect(await startedAt()).toBe(running);
  const audited = await holdfast.database.query<{ action: string }>(
    `select action from audit_log where subject = $1 and details ? 'node' order by seq`,
    [view.cluster.id],
  );
  expect(audited.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['log kept short', 'writes refused', 'writes allowed']),
  );
});

/** What ALTER SYSTEM has set, and what roles may. */
const LIMITS = sql`SELECT string_agg(concat_ws(' ', name, setting), ', ' ORDER BY name) FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'
  UNION ALL SELECT string_agg(concat_ws(' ', rolname, rolconnlimit, rolconfig), ', ' ORDER BY rolname) FROM pg_roles`;
const limits = (): Promise<string> => runSql(view, host, 'postgres', LIMITS, 'see what is set');

test('one who insists is ended before it is full, then held, and PostgreSQL runs on; what others had set is as before', async () => {
  await untilWritten();
  const set = sql`ALTER ROLE ${identifier(credentials.username)} CONNECTION LIMIT 33; CREATE ROLE shut LOGIN CONNECTION LIMIT 0;
    CREATE ROLE reader; ALTER ROLE reader SET default_transaction_read_only = on;
    ALTER SYSTEM SET max_wal_size = '300MB'; SELECT pg_reload_conf()`;
  await runSql(view, host, 'postgres', set, 'set limits');
  const before = await limits();
  const running = await startedAt();
  const reader = await session();
  await query(direct(), fill(1));
  const empty = await fillVolume(host, 30);
  await eventually(async () => (await refusal(direct(), insideOf('direct')).catch(() => '')) === REFUSED);
  const said: string[] = [];
  let most = 0;
  while (!said.at(-1)?.startsWith('53300')) {
    const insisting = (): Promise<Client> => session({ options: '-c default_transaction_read_only=off' });
    const client = await insisting().catch((error: unknown) => String((error as { code?: string }).code));
    said.push(typeof client === 'string' ? client : await untilRefused(() => client.query(fill(1000))));
    most = Math.max(most, await usedThousandths(host));
    if (typeof client !== 'string') await client.end().catch(() => undefined);
  }
  console.log(`${said.join('; ')}; at most ${most.toFixed(1)} thousandths were used`);
  expect(most).toBeLessThan(1_000);
  expect(said.join()).not.toContain('53100');
  expect(await limits()).toMatch(new RegExp(`\\b${credentials.username} 0,`));
  // Whoever is connected reads on.
  await expect(reader.query('select from filler limit 1')).resolves.toMatchObject({ rowCount: 1 });
  await reader.query('begin read write; truncate filler; commit');
  expect(await acts()).toContain('sessions ended');
  expect(await startedAt()).toBe(running);
  await reader.end();
  await empty();
  await untilWritten();
  await eventually(async () => (await limits()) === before);
  await runSql(view, host, 'postgres', sql`ALTER SYSTEM RESET max_wal_size; SELECT pg_reload_conf()`, 'set no limits');
});

test('filled to the last byte by something else PostgreSQL stops, and starts again by itself when there is room', async () => {
  await untilWritten();
  // Otherwise nobody writes any more by then.
  await host.run(sh`systemctl stop holdfast-disk`);
  const empty = await fillToTheBrim(host);
  // More log than there are segments.
  const flood = sql`SELECT pg_logical_emit_message(false, 'flood', repeat('x', 30000000)) IS NULL FROM generate_series(1, 10)`;
  const crash = await runSql(view, host, 'postgres', flood, 'write log').catch(String);
  expect(crash).toMatch(/No space left|server closed|connection to server/);
  await host.run(sh`systemctl start holdfast-disk`);
  await empty();
  await untilSuccess(() => query(direct(), 'select 1'), { everyMs: 500 });
  await untilWritten();
  await untilTold('Enough');
});

test('a guard that was killed is there again at once, and what a restore brought along is put right', async () => {
  await host.run(sh`systemctl kill --signal=KILL holdfast-disk`);
  await runSql(
    view,
    host,
    'postgres',
    sql`ALTER SYSTEM SET default_transaction_read_only = ${REFUSING}`,
    'as a restore does',
  );
  await runSql(view, host, 'postgres', sql`SELECT pg_reload_conf()`, 'as a restore does');
  await untilWritten();
});

test('after all of it no acknowledged row is lost', async () => {
  for (const table of TABLES) {
    await writers[table].stop();
    const rows = await query<{ number: number }>(direct(), `select number from ${table}`);
    expect(rows.length).toBeGreaterThan(100);
    expect([table, findLost(writers[table].attempts, new Set(rows.map(({ number }) => number)))]).toEqual([table, []]);
  }
});
