import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { OperationId } from '../../../domain/ids';
import type { TestApi } from '../../support/api';
import { COMMAND, type TestCommand } from '../../support/command';
import { finish, refOf } from '../../support/inventory';
import { eventually } from '../../support/eventually';
import { startTestUser, type TestUser } from '../../support/test-user';

let user: TestUser;
let api: TestApi;
let token: string;
let folder: string;
let start: TestCommand['start'];
let run: TestCommand['run'];
beforeAll(async () => {
  user = await startTestUser();
  ({ api, start, run, token, folder } = user);
});
afterAll(() => user?.stop());

async function operationOf(cluster: string): Promise<OperationId> {
  const { body } = await api.request('GET', `/v1/operations?cluster=${cluster}`);
  return (body['items'] as { id: OperationId }[] | undefined)?.[0]?.id ?? 'op_none';
}

async function end(cluster: string): Promise<void> {
  const operation = await api.inventory.operations.get(await operationOf(cluster));
  if (operation === null) throw new Error(`no operation of ${cluster}`);
  await finish(api.inventory, operation);
}

async function makeReady(cluster: string): Promise<void> {
  const operation = await api.inventory.operations.get(await operationOf(cluster));
  if (operation === null) throw new Error(`no operation of ${cluster}`);
  const { clusterId, id: operationId, generation } = operation;
  api.secrets.set('role/app', 'pass:word').set('ca', JSON.stringify({ certificatePem: 'CERT\n' }));
  await api.inventory.clusters.setStatus(
    { clusterId, operationId, lane: 'cluster', generation, stepId: 'x' },
    {
      state: 'ready',
      endpoint: { addresses: [{ host: '127.0.0.1', primaryPort: 5432, replicaPort: 5433, pooledPort: 6432 }] },
    },
  );
}

test('create prints data on stdout, what to do next on stderr, and passes its options on', async () => {
  const made = await run([
    'cluster',
    'create',
    'shop',
    '--plan',
    'ha-s',
    '--version',
    '17',
    '--storage',
    '20GiB',
    '--allow-ip',
    '10.0.0.0/8',
    '--allow-ip',
    '192.0.2.1',
    '--protect',
  ]);
  expect(made.code).toBe(0);
  expect(made.stdout).toContain(await operationOf('shop'));
  expect(made.stderr).toBe(`Follow it: holdfast ops watch ${await operationOf('shop')}\n`);
  const shown = await run(['cluster', 'show', 'shop', '--output', 'json']);
  expect(JSON.parse(shown.stdout)).toMatchObject({
    spec: {
      version: '17',
      storageBytes: 20 * 1024 ** 3,
      allowedIps: ['10.0.0.0/8', '192.0.2.1/32'],
      deletionProtection: true,
    },
  });
  expect((await run(['cluster', 'list'])).stdout).toMatch(/^NAME +PLAN.*\nshop +ha-s/);
});

test('exit code 2: wrong usage, and fields that the API refuses, each named', async () => {
  expect((await run(['cluster', 'create', 'x'])).code).toBe(2);
  expect((await run(['nonsense'])).code).toBe(2);
  expect((await run(['--output', 'xml', 'plan', 'list'])).code).toBe(2);
  const refused = await run(['cluster', 'create', 'Bad', '--plan', 'huge']);
  expect(refused.code).toBe(2);
  expect(refused.stdout).toBe('');
  expect(refused.stderr).toMatch(
    /^error VALIDATION_FAILED: 2 things are wrong, and nothing was done:\n {2}<name>: must be [^]* {2}--plan: must be one of sandbox,[^]* {2}next +holdfast plan list\n[^]* {2}request +req_\w+\n$/,
  );
});

test('exit code 5: a name that is taken, a cluster that is busy or protected, with the next command', async () => {
  expect((await run(['cluster', 'create', 'shop', '--plan', 'ha-s'])).code).toBe(5);
  const guarded = await run(['cluster', 'delete', 'shop', '--confirm', 'shop']);
  expect([guarded.code, guarded.stderr]).toEqual([
    5,
    expect.stringContaining('next     holdfast cluster unprotect shop'),
  ]);
  expect(guarded.stderr).toContain(
    'Cluster shop is protected against deletion (--protect): take that away first. Nothing was done.',
  );
  const says = async (verb: string): Promise<string> => (await run(['cluster', verb, 'shop'])).stdout;
  expect(await says('protect')).toBe('shop is protected against deletion.\n');
  expect(await says('unprotect')).toBe('shop is no longer protected against deletion.\n');
  const json = await run(['cluster', 'unprotect', 'shop', '-o', 'json']);
  expect(JSON.parse(json.stdout)).toMatchObject({ name: 'shop', spec: { deletionProtection: false } });
  const busy = await run(['cluster', 'delete', 'shop', '--confirm', 'shop']);
  expect([busy.code, busy.stderr]).toEqual([
    5,
    expect.stringContaining(`next     holdfast ops watch ${await operationOf('shop')}`),
  ]);
});

test('exit code 6: no token, a wrong one, one without the scope', async () => {
  expect((await run(['cluster', 'list'], { HOLDFAST_TOKEN: 'wrong' })).code).toBe(6);
  const reader = await api.token(['clusters:read']);
  expect((await run(['cluster', 'create', 'x', '--plan', 'sandbox'], { HOLDFAST_TOKEN: reader })).code).toBe(6);
});

test('exit code 1: nobody answers, said in a sentence with the remedy', async () => {
  const away = await run(['cluster', 'list'], { HOLDFAST_URL: 'http://127.0.0.1:1' });
  expect(away.code).toBe(1);
  expect(away.stderr).toMatch(/^error: No answer from http:\/\/127\.0\.0\.1:1 .*\n +next +npm start/);
});

test('errors are JSON with --output json', async () => {
  const missing = await run(['cluster', 'show', 'nothing', '-o', 'json']);
  expect(JSON.parse(missing.stderr)).toMatchObject({ code: 'NOT_FOUND', next: 'holdfast cluster list' });
});

test('the token is found in .holdfast/token of a folder above, when the environment has none', async () => {
  mkdirSync(path.join(folder, '.holdfast'), { recursive: true });
  writeFileSync(path.join(folder, '.holdfast/token'), `${token}\n`);
  const below = path.join(folder, 'a/b');
  mkdirSync(below, { recursive: true });
  expect((await run(['version', 'list'], { HOLDFAST_TOKEN: undefined }, below)).code).toBe(0);
  rmSync(path.join(folder, '.holdfast'), { recursive: true });
});

test('--wait in a pipe: a line per change on stderr, the id on stdout, exit code 0', async () => {
  const waiting = start(['cluster', 'create', 'waited', '--plan', 'sandbox', '--wait']);
  await eventually(() => waiting.stderr().includes('provision waited: pending'));
  const id = await operationOf('waited');
  const operation = await api.inventory.operations.get(id);
  const step = operation?.steps[0];
  if (!step) throw new Error('no step');
  await api.inventory.operations.record({
    operationId: id,
    seq: 1,
    steps: [{ stepId: step.id, state: 'running', at: new Date().toISOString() }],
  });
  await eventually(() => waiting.stderr().includes(`${step.title}: running`));
  await end('waited');
  const { code, stdout, stderr } = await waiting.ended;
  expect([code, stdout]).toEqual([0, `${id}\n`]);
  expect(stderr).toContain('Next: holdfast psql waited');
});

test('--wait with --output json: only NDJSON on stdout, the operation last; a failure is exit code 3', async () => {
  const waiting = start(['cluster', 'create', 'failing', '--plan', 'sandbox', '--wait', '-o', 'json']);
  await eventually(async () => (await operationOf('failing')) !== 'op_none');
  const id = await operationOf('failing');
  const error = { code: 'CLOUD_FULL', message: 'no room' };
  await api.inventory.operations.record({
    operationId: id,
    seq: 9,
    steps: [],
    operation: { state: 'failed', at: new Date().toISOString(), error },
  });
  const { code, stdout, stderr } = await waiting.ended;
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(code).toBe(3);
  expect(lines.at(-1)).toMatchObject({ type: 'result', operation: { id, state: 'failed' } });
  expect(JSON.parse(stderr)).toMatchObject({ detail: `Operation ${id} failed. CLOUD_FULL: no room` });
});

test('exit code 4 when the wait is over before the operation; Ctrl-C detaches. Both say how to go on, and the operation does', async () => {
  await run(['cluster', 'create', 'slow', '--plan', 'sandbox']);
  const id = await operationOf('slow');
  const late = await run(['ops', 'watch', id, '--timeout', '1s']);
  expect([late.code, late.stderr]).toEqual([4, expect.stringContaining(`next     holdfast ops watch ${id}`)]);
  const left = start(['ops', 'watch', id]);
  await eventually(() => left.stderr().includes('provision slow: pending'));
  left.interrupt();
  const { code, stderr } = await left.ended;
  expect([code, stderr]).toEqual([
    130,
    expect.stringContaining(`The operation goes on.\n  next     holdfast ops watch ${id}`),
  ]);
  expect(api.engine.decisions).toEqual([]);
  expect((await run(['ops', 'cancel', id])).code).toBe(0);
  expect(api.engine.decisions).toEqual([[id, 'cancel']]);
});

test('the list names what somebody should look at; what was not due yet is none of that', async () => {
  await run(['cluster', 'create', 'watched', '--plan', 'sandbox']);
  await makeReady('watched');
  const tell = async (type: 'BackedUp' | 'RestoreProven', status: boolean, reason: string): Promise<void> => {
    const operation = await api.inventory.operations.get(await operationOf('watched'));
    if (operation === null) throw new Error('no operation of watched');
    await api.inventory.clusters.setCondition(refOf(operation), { type, status, reason, message: 'So it is.' });
  };
  const row = async (): Promise<string | undefined> =>
    (await run(['cluster', 'list'])).stdout.split('\n').find((line) => line.startsWith('watched'));
  await tell('BackedUp', true, 'Taken');
  await tell('RestoreProven', false, 'NoneYet');
  expect(await row()).toMatch(/^watched +sandbox +\S+ +ready +- +clu_/);
  expect((await run(['cluster', 'show', 'watched'])).stdout).toMatch(/^RestoreProven +not yet: So it is\.$/m);
  await tell('BackedUp', false, 'Failed');
  await tell('RestoreProven', false, 'Overdue');
  expect(await row()).toMatch(/^watched +sandbox +\S+ +ready +(BackedUp,RestoreProven|RestoreProven,BackedUp) +clu_/);
});

test('previews write nothing', async () => {
  const preview = await run(['cluster', 'create', 'perhaps', '--plan', 'ha-s', '--preview']);
  expect(preview.stdout).toMatch(
    /\+ cluster perhaps: PostgreSQL 18\.6[^]*ok +the name perhaps is free[^]*\nimpact: none; takes about 20 s; 39\.00 EUR a month\n/,
  );
  const bare = await run(['cluster', 'create', 'perhaps', '--plan', 'ha-s', '--no-backups', '--preview']);
  expect(bare.stdout).toMatch(
    /\. declare the cluster ready and schedule its backups: nothing to schedule, it has no backups$/m,
  );
  expect((await run(['cluster', 'delete', 'shop', '--preview'])).stdout).toMatch(
    /^impact: takes about 8 s; loses all data of shop/m,
  );
  expect((await run(['cluster', 'show', 'perhaps'])).code).toBe(1);
});

test('uri and psql verify the server; the password is in no argument and no environment of psql, and its file is gone afterwards', async () => {
  await run(['cluster', 'create', 'open', '--plan', 'sandbox']);
  await makeReady('open');
  const uri = await run(['uri', 'open', '--pooled']);
  const ca = /sslrootcert=(\S+)/.exec(uri.stdout)?.[1] ?? '';
  expect(uri.stdout).toBe(`postgresql://app:pass%3Aword@127.0.0.1:6432/app?sslmode=verify-full&sslrootcert=${ca}\n`);
  expect(readFileSync(decodeURIComponent(ca), 'utf8')).toBe('CERT\n');
  expect(statSync(decodeURIComponent(ca)).mode & 0o777).toBe(0o600);

  const bin = path.join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(
    path.join(bin, 'psql'),
    '#!/bin/sh\necho "args: $*"; env; echo "file: $(stat -c %a "$PGPASSFILE") $(cat "$PGPASSFILE")"; exit 7\n',
  );
  chmodSync(path.join(bin, 'psql'), 0o755);
  const own = { PGPASSWORD: 'mine', PGHOSTADDR: '192.0.2.1', PGSERVICE: 'mine' };
  const psql = await run(['psql', 'open', '--readonly', '--', '-c', 'select 1'], own);
  const other = await run(['psql', 'open', '--database', 'app_1402'], own);
  rmSync(bin, { recursive: true });
  expect(other.stdout).toContain('PGDATABASE=app_1402\n');
  expect((await run(['uri', 'open', '--database', 'app_1402'])).stdout).toContain(':5432/app_1402?sslmode=');
  expect(psql.code).toBe(7);
  expect(psql.stdout).toContain('args: -c select 1\n');
  expect(psql.stdout).toContain('PGSSLMODE=verify-full\n');
  expect(psql.stdout).toContain('PGPORT=5433\n');
  expect(psql.stdout).not.toMatch(/PGPASSWORD|PGHOSTADDR|PGSERVICE/);
  expect(psql.stdout).toContain('PGDATABASE=app\n');
  // For every database: psql may be told another one.
  expect(psql.stdout).toContain('file: 600 *:*:*:app:pass\\:word');
  expect(psql.stdout.replace(/file: .*/, '')).not.toContain('word');
  const passfile = /PGPASSFILE=(.*)/.exec(psql.stdout)?.[1] ?? '';
  expect(() => statSync(passfile)).toThrow('ENOENT');
  const none = await run(['psql', 'open'], { PATH: path.dirname(COMMAND) });
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('psql is not on the PATH.')]);
});

test('tokens are made, listed and revoked; only the new one is on stdout', async () => {
  const made = await run(['token', 'create', 'ci', '--scope', 'clusters:read']);
  expect(made.stdout).toMatch(/^hft_\w+_[\w-]+\n$/);
  const ci = { HOLDFAST_TOKEN: made.stdout.trim() };
  expect((await run(['cluster', 'list'], ci)).code).toBe(0);
  const id = /tok_\w+/.exec(made.stderr)?.[0] ?? '';
  expect((await run(['token', 'list'])).stdout).toMatch(new RegExp(`${id} +ci +clusters:read`));
  expect((await run(['token', 'revoke', id])).code).toBe(0);
  expect((await run(['cluster', 'list'], ci)).code).toBe(6);
});

test('it starts with less than 250 ms of work once its code was compiled', () => {
  // CPU time, not wall time: what else the machine does is not the command's fault.
  const spent = Array.from({ length: 5 }, () => {
    const env = { PATH: '/usr/bin:/bin', HOME: folder };
    const times = execFileSync('sh', ['-c', '"$0" --help >/dev/null; times', COMMAND], { env, encoding: 'utf8' });
    const children = times.trim().split('\n').at(-1) ?? '';
    const parts = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(
      ([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds),
    );
    expect(parts).toHaveLength(2);
    return parts.reduce((sum, part) => sum + part, 0) * 1000;
  });
  expect(Math.min(...spent)).toBeLessThan(250);
});
