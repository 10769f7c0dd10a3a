import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ARCHIVE_FETCH_SCRIPT,
  ARCHIVE_GET_SCRIPT,
  LOST,
  patientArchiveGet,
  promptArchiveGet,
} from '../../../../activities/pgbackrest/archive-get';

/** What PostgreSQL fetches the log with, while it serves and in a restore: the very scripts, with a pgBackRest that ends as it is told, call after call. */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-archive-get-'));
  const pgbackrest = `#!/bin/sh
printf '%s|' "$@" >>"$(dirname "$0")/called"
echo >>"$(dirname "$0")/called"
ends=$(dirname "$0")/ends
status=$(head -n 1 "$ends")
[ "$(wc -l <"$ends")" -le 1 ] || sed -i 1d "$ends"
exit "$status"
`;
  writeFileSync(join(folder, 'pgbackrest'), pgbackrest, { mode: 0o755 });
  writeFileSync(join(folder, 'sleep'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(folder, 'archive-get.sh'), ARCHIVE_GET_SCRIPT);
  writeFileSync(join(folder, 'archive-fetch.sh'), ARCHIVE_FETCH_SCRIPT.replace('/var/spool/pgbackrest', folder));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Fetched {
  readonly code: number | null;
  readonly said: string;
  readonly calls: readonly string[];
}

/** @param ends how each call ends; the last one for all that follow. */
function run(restoreCommand: string, ends: readonly number[]): Fetched {
  writeFileSync(join(folder, 'ends'), ends.map((end) => `${end}\n`).join(''));
  rmSync(join(folder, 'called'), { force: true });
  const command = restoreCommand
    .replace('/etc/pgbackrest/archive-', join(folder, 'archive-'))
    .replace('%f', '000000010000000000000004')
    .replace('%p', 'pg_wal/RECOVERY XLOG');
  const PATH = `${folder}:${process.env['PATH'] ?? ''}`;
  const { status, stderr } = spawnSync('sh', ['-c', command], { env: { PATH }, encoding: 'utf8' });
  const called = join(folder, 'called');
  const calls = existsSync(called) ? readFileSync(called, 'utf8').trim().split('\n') : [];
  return { code: status, said: stderr, calls };
}

const fetch = (ends: readonly number[]): Fetched =>
  run(patientArchiveGet('/etc/pgbackrest/restore.conf', 'tl_1', '--repo=2'), ends);
const CALL =
  '--config=/etc/pgbackrest/restore.conf|--stanza=tl_1|--repo=2|archive-get|000000010000000000000004|pg_wal/RECOVERY XLOG|';

test.each([
  ['that is there', 0],
  ['that no store has, which is the end of the log', 1],
  ['when pgBackRest is told to end', 63],
])('a segment %s is asked for once', (_, end) => {
  expect(fetch([end])).toEqual({ code: end, said: '', calls: [CALL] });
});

test.each([0, 1])('a store that fails for a moment is asked again, and ends it with %d', (end) => {
  expect(fetch([25, 103, end])).toEqual({ code: end, said: '', calls: [CALL, CALL, CALL] });
});

test('one that fails on and on is given up, and that is said', () => {
  const { code, said, calls } = fetch([103]);
  expect([code, said, calls.length]).toEqual([103, `${LOST} 000000010000000000000004\n`, 6]);
});

describe('while it serves', () => {
  const fetchSoon = (end: number): Fetched => run(promptArchiveGet('/etc/pgbackrest/pgbackrest.conf', 'tl_1'), [end]);
  const mark = (): string => join(folder, 'in-trouble');

  test.each([0, 1, 25, 63])('what ends with %d is asked for once, and so is what comes next', (end) => {
    for (let i = 0; i < 2; i++) {
      const { code, calls } = fetchSoon(end);
      expect([code, calls]).toEqual([
        end,
        [
          '--config=/etc/pgbackrest/pgbackrest.conf|--stanza=tl_1|--io-timeout=2|--archive-timeout=10|archive-get|000000010000000000000004|pg_wal/RECOVERY XLOG|',
        ],
      ]);
    }
  });

  test('stores that were in trouble are let alone for half a minute', () => {
    expect(fetchSoon(103)).toMatchObject({ code: 103, calls: { length: 1 } });
    expect(fetchSoon(0)).toEqual({ code: 75, said: '', calls: [] });
    const before = (seconds: number): void => utimesSync(mark(), new Date(), new Date(Date.now() - seconds * 1000));
    before(31);
    expect(fetchSoon(0)).toMatchObject({ code: 0, calls: { length: 1 } });
    // The clock was set back since.
    before(-3600);
    expect(fetchSoon(0)).toMatchObject({ code: 0, calls: { length: 1 } });
  });
});
