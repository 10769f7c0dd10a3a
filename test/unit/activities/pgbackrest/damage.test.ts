import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHECK, namesFor } from '../../../../activities/pgbackrest/damage';

/** The shell script that looks for damage, with programs in the place of PostgreSQL's. */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'damage-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
}

/**
 * @param amcheck what pg_amcheck does; `$catalogs` is set in the first of its two runs.
 * @param only the one database that counts. Default: null, which is all.
 */
async function check(amcheck: string, only: string | null = null): Promise<{ exitCode: number | null; said: string }> {
  program(
    'psql',
    `printf '%s\\n' "$PGDATABASE" >>"${folder}/entered"
case $PGDATABASE in postgres) echo app ;; *) grep -q count && echo 1 || : ;; esac`,
  );
  program('pg_amcheck', `case "$*" in *--schema=pg_catalog*) catalogs=yes ;; *) catalogs= ;; esac\n${amcheck}`);
  const values = ['/run', `test-${process.pid}`, '1', 'mark', '2', ...namesFor(only)];
  const child = spawn('sh', ['-c', CHECK, 'sh', folder, ...values]);
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const exitCode = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { exitCode, said };
}

const FOUND = `echo 'heap table "app.public.orders", block 3:'; echo '    it is bad'`;

test.each([
  ['nothing', 'exit 0', 0, ''],
  ['damage in a catalog', `[ -z "$catalogs" ] || { ${FOUND}; exit 2; }`, 2, /^heap table .*\n {4}it is bad\n$/],
  ['damage elsewhere', `[ -n "$catalogs" ] || { ${FOUND}; exit 2; }`, 2, /^heap table /],
  ['nothing before the time was over', `[ -n "$catalogs" ] || exec sleep 60`, 0, 'cut off\n'],
  ['damage before the time was over', `[ -n "$catalogs" ] || { ${FOUND}; exec sleep 60; }`, 2, /^heap table /],
  ['no server', 'echo could not connect; exit 1', 1, /could not connect/],
  ['damage, and then no server', `[ -n "$catalogs" ] || exit 1; ${FOUND}; exit 2`, 2, /^heap table /],
])('pg_amcheck that finds %s', async (_what, amcheck, exitCode, said) => {
  const result = await check(amcheck);
  expect(result.exitCode).toBe(exitCode);
  if (typeof said === 'string') expect(result.said).toBe(said);
  else expect(result.said).toMatch(said);
});

const LAST_WORD = `for word; do :; done; printf '%s\\n' "$word"`;

test('of all databases all are entered and read', async () => {
  expect(await check(LAST_WORD)).toEqual({ exitCode: 0, said: '--all\n--all\n' });
  expect(entered()).toEqual(new Set(['postgres', 'app']));
});

test.each([
  ['sales', `dbname='sales'`],
  [`it's "o=dd" \\ $(false) %`, `dbname='it\\'s "o=dd" \\\\ $(false) %'`],
  ['two\nlines', `dbname='two\nlines'`],
])('of one database that alone is entered and read, whatever its name: %j', async (name, words) => {
  expect(await check(LAST_WORD, name)).toEqual({ exitCode: 0, said: `${words}\n${words}\n` });
  expect(entered()).toEqual(new Set(name.split('\n')));
});

const entered = (): Set<string> => new Set(readFileSync(join(folder, 'entered'), 'utf8').trim().split('\n'));

test('a second check waits for the first to end', async () => {
  const log = join(folder, 'log');
  const slow = `echo begun >>"${log}"; sleep 0.2; echo ended >>"${log}"`;
  await Promise.all([check(slow), check(slow)]);
  expect(readFileSync(log, 'utf8').trim().split('\n')).toEqual([
    'begun',
    'ended',
    'begun',
    'ended',
    'begun',
    'ended',
    'begun',
    'ended',
  ]);
});
