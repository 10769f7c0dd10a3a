import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { restoreCommand } from '../../../../activities/pgbackrest/archive';
import { patroniConfig, RESTORE_MARK } from '../../../../activities/patroni/config';
import type { RestoreTarget } from '../../../../domain/backups';
import { copyOn, lineageOn, POLICY } from '../../../support/lineage';
import { nodeOf, viewOf } from '../../../support/view';

/**
 * A restore that a site fails throws away what it began with and reads the next one: the very command that hosts run, with a
 * program in the place of pgBackRest that does with the folder what the real one does. test/backups has the real one.
 */

const SITES = ['primary', 'secondary', 'offsite'];
const source = lineageOn(SITES);
const copies = SITES.map((site, i) => copyOn(site, `20261120-01000${i}F`));
const fork = {
  operationId: 'op_1',
  oldLog: 1,
  forkLsn: '0/2000200',
  forksFrom: 0,
  swappedAt: '2026-11-20T12:00:00.000Z',
  lastCommitAt: null,
  lastCommitLsn: null,
} as const;

const TARGETS: readonly RestoreTarget[] = [
  { kind: 'latest' },
  { kind: 'time', time: '2026-11-20T14:02:00.123Z' },
  { kind: 'lsn', lsn: '0/3000060' },
  { kind: 'transaction', transaction: '4711' },
  { kind: 'point', name: 'release', lsn: '0/3000100', madeAt: '2026-11-20T14:00:00.000Z' },
  { kind: 'backup', backup: 'bkp_1' },
];

/*
 * `fails/N`: how it ends for repository N. Those that read it have begun to fill the folder by then, and `none` has not looked at it.
 * As the real one it refuses an option that stands there twice, and a folder that is not empty.
 */
const PGBACKREST = `#!/bin/sh
here=$(dirname "$0")
for word; do
  case $word in
  --repo=*) [ -z "$repo" ] || exit 31; repo=\${word#*=} ;;
  --recovery-option=restore_command=*) log=\${word#*=*=} ;;
  --db-include=*) echo "$word" >>"$here/databases" ;;
  esac
done
echo "$repo" >>"$here/called"
fails=$(cat "$here/fails/$repo" 2>/dev/null)
case $fails in none) exit 75 ;; esac
[ -z "$(ls -A "$here/data" 2>/dev/null)" ] || exit 40
mkdir -p "$here/data/base/1" "$here/data/.hidden"
echo "$repo" >"$here/data/base/1/of $repo"
[ -z "$fails" ] || exit "$fails"
echo "$repo" >"$here/data/PG_VERSION"
echo "$log" >"$here/data/log"
`;

let folder: string;
let data: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-next-site-'));
  data = join(folder, 'data');
  mkdirSync(join(folder, 'fails'));
  writeFileSync(join(folder, 'pgbackrest'), PGBACKREST, { mode: 0o755 });
});
afterEach(() => rmSync(folder, { recursive: true }));

const commandTo = (target: RestoreTarget, site: string | null = null, branches: boolean = false): string =>
  restoreCommand(source, { target, site }, { copies }, { data, branches: branches ? { forks: [fork], copies } : null });

/** How it ends, and which repositories it read, in order. */
function run(command: string, fails: Readonly<Record<number, number | 'none'>> = {}): { code: number; read: string } {
  for (const [repo, how] of Object.entries(fails)) writeFileSync(join(folder, 'fails', repo), String(how));
  const PATH = `${folder}:${process.env['PATH'] ?? ''}`;
  const { status } = spawnSync('sh', ['-c', command], { env: { PATH, INVOCATION_ID: 'run-1' } });
  const read = readFileSync(join(folder, 'called'), 'utf8').trim().replaceAll('\n', ' ');
  return { code: status ?? -1, read };
}
const files = (): string[] => readdirSync(data, { recursive: true, encoding: 'utf8' }).sort();
const whole = (repo: number): string[] =>
  ['.hidden', 'PG_VERSION', 'base', join('base', '1'), join('base', '1', `of ${repo}`), 'log'].sort();

describe.each([
  ['whose log is one', false],
  ['whose log branches', true],
])('in a lineage %s', (_, branches) => {
  test.each(TARGETS)(
    'a restore to $kind that fails in the middle has nothing of it when the next site is read',
    (target) => {
      expect(run(commandTo(target, null, branches), { 1: 29 })).toEqual({ code: 0, read: '1 2' });
      expect(files()).toEqual(whole(2));
    },
  );

  test.each(TARGETS)('a restore to $kind goes through all sites, and ends where the last one fails', (target) => {
    expect(run(commandTo(target, null, branches), { 1: 29, 2: 103 })).toEqual({ code: 0, read: '1 2 3' });
    expect(files()).toEqual(whole(3));
    rmSync(data, { recursive: true });
    writeFileSync(join(folder, 'called'), '');
    expect(run(commandTo(target, null, branches), { 3: 29 })).toEqual({ code: 29, read: '1 2 3' });
  });

  test.each(TARGETS)('a restore to $kind from a site that was asked for reads no other', (target) => {
    expect(run(commandTo(target, 'secondary', branches), { 2: 29 })).toEqual({ code: 29, read: '2' });
  });
});

test('the first site is enough where nothing fails', () => {
  for (const target of TARGETS) {
    writeFileSync(join(folder, 'called'), '');
    expect(run(commandTo(target))).toEqual({ code: 0, read: '1' });
    expect(files()).toEqual(whole(1));
    rmSync(data, { recursive: true });
  }
});

test('where the first site has not even made the folder the next one does', () => {
  expect(run(commandTo({ kind: 'latest' }), { 1: 'none' })).toEqual({ code: 0, read: '1 2' });
  expect(files()).toEqual(whole(2));
});

test('the folder itself stays, with its mode: it may be a mount', () => {
  mkdirSync(data);
  chmodSync(data, 0o750);
  const before = statSync(data);
  expect(run(commandTo({ kind: 'latest' }), { 1: 29 }).code).toBe(0);
  const { ino, mode } = statSync(data);
  expect([ino, mode]).toEqual([before.ino, before.mode]);
});

test('what was in the folder before is nobody’s to throw away', () => {
  mkdirSync(data);
  writeFileSync(join(data, 'PG_VERSION'), '18');
  expect(run(commandTo({ kind: 'latest' }))).toEqual({ code: 1, read: '1' });
  expect(files()).toEqual(['PG_VERSION']);
});

test.each([
  ['another pgBackRest is at work', 50],
  ['it was told to end', 63],
])('nothing is thrown away and nothing more is tried where %s', (_, code) => {
  expect(run(commandTo({ kind: 'latest' }), { 1: code })).toEqual({ code: 1, read: '1' });
  expect(files()).toContain(join('base', '1', 'of 1'));
});

test('the log is read from every site, whichever the data came from', () => {
  for (const target of TARGETS)
    for (const branches of [false, true]) {
      writeFileSync(join(folder, 'called'), '');
      run(commandTo(target, null, branches), { 1: 29 });
      expect(readFileSync(join(data, 'log'), 'utf8').trim()).toBe(
        `sh /etc/pgbackrest/archive-get.sh %f "%p" --config=/etc/pgbackrest/restore.conf --stanza=${source.timeline.id}`,
      );
      rmSync(data, { recursive: true });
    }
});

test('a restore of one database says which, on each site that is tried', () => {
  const words = [`--db-include=it's "odd"`];
  const target = { kind: 'backup', backup: 'bkp_1' } as const;
  const command = restoreCommand(source, { target, site: null }, { copies }, { data, words });
  expect(run(command, { 1: 29, 2: 29 })).toEqual({ code: 0, read: '1 2 3' });
  const said = readFileSync(join(folder, 'databases'), 'utf8').trim().split('\n');
  expect(said).toEqual([...words, ...words, ...words]);
});

test('Patroni runs it as it is, and the mark of the restore is there as long', () => {
  const view = viewOf('ha-s', { backups: POLICY });
  const passwords = { superuser: 'S', replication: 'R', rewind: 'W' };
  const restore = restoreCommand(source, { target: { kind: 'latest' }, site: null }, null, { data });
  const config = patroniConfig(view, nodeOf(view, 'pg-1'), passwords, { archive: null, restore });
  const shape = z.object({ bootstrap: z.object({ restore: z.object({ command: z.string() }) }) });
  const { command } = shape.parse(parse(config)).bootstrap.restore;
  const mark = join(folder, 'restoring');
  expect(run(command.replaceAll(RESTORE_MARK, mark), { 1: 29 })).toEqual({ code: 0, read: '1 2' });
  expect(files()).toEqual(whole(2));
  expect(existsSync(mark) && readFileSync(mark, 'utf8')).toBe('run-1\n');
});
