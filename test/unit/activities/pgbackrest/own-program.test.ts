import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FLAGS } from '../../../../activities/pgbackrest/commands';
import { OWN_BACKUP_PROGRAM } from '../../../../activities/pgbackrest/own-program';
import type { OwnOrders } from '../../../../activities/pgbackrest/own-backups';
import { ownOrders } from '../../../../activities/pgbackrest/own-backups';
import { findOverdue } from '../../../../domain/backup-times';
import type { LastBegun } from '../../../../domain/backup-times';
import type { BackupPolicy } from '../../../../domain/backups';
import { lineageOn, POLICY } from '../../../support/lineage';
import { nodeOf, viewOf } from '../../../support/view';

/**
 * The program by which a host takes overdue backups by itself: with Python and systemd's calendar as they are, and scripts in
 * the place of pgBackRest and psql. On a real host: test/backups/backups.test.ts.
 */

const HOUR_MS = 3_600_000;
const now = Date.now();
const ago = (hours: number): string => new Date(now - hours * HOUR_MS).toISOString();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'own-backup-'));
  script('psql', 'echo f');
});
afterEach(() => rmSync(folder, { recursive: true }));

function script(name: string, body: string): string {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

interface Seen {
  readonly last?: Partial<LastBegun>;
  readonly status?: number;
  readonly held?: boolean;
  /** How long pgBackRest takes to answer for the first repository. */
  readonly afterS?: number;
  /** When incremental ones are due, and no others. */
  readonly incr?: string;
}

/** What pgBackRest was called with, but to look, of a host whose orders were written three weeks ago. */
function run(policy: Partial<BackupPolicy>, seen: Seen = {}): string[] {
  const { last = {}, status = 0, held = false, afterS = 0, incr } = seen;
  const backup = Object.entries(last).flatMap(([type, at]) =>
    at === null ? [] : [{ type: FLAGS[type as 'full'], timestamp: { start: Date.parse(at) / 1000 } }],
  );
  const answer = [{ backup, repo: [{ status: { code: status } }], status: { lock: { backup: { held } } } }];
  writeFileSync(join(folder, 'info.json'), JSON.stringify(answer));
  const tool = script(
    'pgbackrest',
    `case $* in *repo=1*info) sleep ${afterS}; cat ${folder}/info.json ;; *info) cat ${folder}/info.json ;; *) echo "$*" >>${folder}/calls ;; esac`,
  );
  const lineage = lineageOn(['primary']);
  const orders: OwnOrders = {
    ...ownOrders(viewOf('sandbox'), nodeOf(viewOf('sandbox'), 'pg-1'), lineage, { ...POLICY, ...policy }),
    ...{ pgbackrest: [tool], psql: join(folder, 'psql') },
    ...(incr !== undefined && { calendars: { full: null, diff: null, incr } }),
  };
  const file = join(folder, 'orders.json');
  writeFileSync(file, JSON.stringify(orders));
  utimesSync(file, new Date(), new Date(ago(21 * 24)));
  const { status: code, stderr } = spawnSync('python3', ['-c', OWN_BACKUP_PROGRAM, file], { encoding: 'utf8' });
  expect([code, stderr]).toEqual([0, '']);
  return existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : [];
}

test.each([
  ['nothing is there', 'UTC', {}],
  ['all are fresh', 'Asia/Kolkata', { full: ago(0.2), differential: ago(0.1), incremental: ago(0) }],
  ['incremental ones are missing', 'Europe/Paris', { full: ago(3) }],
  ['differential ones are missing', 'UTC', { full: ago(120), incremental: ago(0.1) }],
  ['a full one is missing', 'Europe/Paris', { full: ago(12 * 24), differential: ago(1), incremental: ago(0.1) }],
  ['a fuller one does for the others', 'UTC', { full: ago(0.5), differential: ago(200), incremental: ago(30) }],
] satisfies [string, string, Partial<LastBegun>][])(
  'it takes what is overdue by the rule of the policy: %s, %s',
  (_what, timeZone, last) => {
    const begun = { full: null, differential: null, incremental: null, ...last };
    const overdue = findOverdue({ ...POLICY, timeZone }, begun, new Date(ago(21 * 24)), new Date());
    const taken = run({ timeZone }, { last }).map((call) => /--type=(\w+)/.exec(call)?.[1]);
    expect(taken).toEqual(overdue === null ? [] : [FLAGS[overdue.type]]);
  },
);

test('it says which repository, and that it is its own', () => {
  expect(run({})).toEqual([
    expect.stringMatching(
      /^--repo=1 --type=(?:full|diff|incr) --annotation=holdfast=own-pg-1-\d{10} --backup-standby=prefer --no-expire-auto .*backup$/,
    ),
  ]);
});

/** Due twice, at two seconds of one minute: `inS` seconds from now, or a little later. */
function twiceIn(inS: number): string {
  const first = new Date(Date.now() + inS * 1000);
  if (first.getUTCSeconds() === 59) return twiceIn(inS + 1);
  const [day, time = ''] = first.toISOString().split(/[T.]/);
  return `${day} ${time},${String(first.getUTCSeconds() + 1).padStart(2, '0')} UTC`;
}

test('what falls due while it looks is left to its next look, for all repositories', () => {
  const incr = twiceIn(10);
  const last = { full: ago(1) };
  expect(run({}, { last, incr, afterS: 13 })).toEqual([]);
  expect(run({}, { last, incr })).toHaveLength(1);
});

test.each<[string, Partial<BackupPolicy>, Seen]>([
  ['whose policy is paused', { paused: true }, {}],
  ['that takes backups on demand only', { schedule: { full: null, differential: null, incremental: null } }, {}],
  ['whose store does not answer', {}, { status: 99 }],
  ['whose store has no stanza yet', {}, { status: 1 }],
  ['that has a backup under way', {}, { held: true }],
])('a host takes none %s', (_what, policy, seen) => {
  expect(run(policy, seen)).toEqual([]);
});

test('a replica takes none', () => {
  script('psql', 'echo t');
  expect(run({})).toEqual([]);
});

test('a host on which PostgreSQL does not answer takes none', () => {
  script('psql', 'exit 2');
  expect(run({})).toEqual([]);
});
