import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ARCHIVE_GET_SCRIPT, LOST, patientArchiveGet } from '../../../../activities/pgbackrest/archive-get';

/** What a restore fetches the log with: the very script, with a pgBackRest that ends as it is told, call after call. */

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
});
afterEach(() => rmSync(folder, { recursive: true }));

/** @param ends how each call ends; the last one for all that follow. */
function fetch(ends: readonly number[]): { code: number | null; said: string; calls: string[] } {
  writeFileSync(join(folder, 'ends'), ends.map((end) => `${end}\n`).join(''));
  const command = patientArchiveGet('/etc/pgbackrest/restore.conf', 'tl_1', '--repo=2')
    .replace('/etc/pgbackrest/archive-get.sh', join(folder, 'archive-get.sh'))
    .replace('%f', '000000010000000000000004')
    .replace('%p', 'pg_wal/RECOVERY XLOG');
  const PATH = `${folder}:${process.env['PATH'] ?? ''}`;
  const { status, stderr } = spawnSync('sh', ['-c', command], { env: { PATH }, encoding: 'utf8' });
  const calls = readFileSync(join(folder, 'called'), 'utf8').trim().split('\n');
  return { code: status, said: stderr, calls };
}
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
