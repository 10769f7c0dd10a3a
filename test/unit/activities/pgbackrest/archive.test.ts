import type { Backup, RestoreTarget } from '../../../../domain/backups';
import { archiveCommands, restoreCommand } from '../../../../activities/pgbackrest/archive';
import { backupArguments, pgbackrest } from '../../../../activities/pgbackrest/commands';
import type { Backups } from '../../../../activities/patroni/config';
import { patroniConfig } from '../../../../activities/patroni/config';
import { mayLeaveOut } from '../../../../domain/database-restores';
import { copyOn, lineageOn, POLICY } from '../../../support/lineage';
import { nodeOf, viewOf } from '../../../support/view';

/** What PostgreSQL and Patroni are told to call: golden, because a wrong word shows in no test without a real store. */

const source = lineageOn(['primary', 'secondary']);
const DATA = '/var/lib/postgresql/18/main';
const restored = (target: RestoreTarget, site: string | null = null, backup: Pick<Backup, 'copies'> | null = null) =>
  restoreCommand(source, { target, site }, backup, { data: DATA });

/** The oldest that is left. */
const OLDEST = { copies: [copyOn('primary', '20261106-010000F'), copyOn('secondary', '20261106-010100F')] };

const TARGETS: readonly RestoreTarget[] = [
  { kind: 'latest' },
  { kind: 'time', time: '2026-11-20T14:02:00.123Z' },
  { kind: 'time', time: '2026-11-20T14:02:00+02:00' },
  { kind: 'lsn', lsn: '0/3000060' },
  { kind: 'transaction', transaction: '4711' },
  { kind: 'point', name: `before the "sale", 5 o'clock $HOME`, lsn: '0/3000100', madeAt: '2026-11-20T14:00:00.000Z' },
];

test.each(TARGETS)('a restore to $kind', (target) => expect(restored(target, null, OLDEST)).toMatchSnapshot());

test('a restore to what has no place in time begins from the oldest backup, or not at all', () => {
  for (const target of TARGETS) {
    const isPlaced = target.kind !== 'transaction';
    expect([target, restored(target, null, OLDEST).includes('--set=20261106-010000F')]).toEqual([target, !isPlaced]);
    if (!isPlaced) expect(() => restored(target)).toThrow('There is no backup for');
  }
});

test('every target but the latest promotes when it is reached: nobody has to tell the new cluster to go on', () => {
  for (const target of TARGETS)
    expect([target, restored(target, null, OLDEST).includes('--target-action=promote')]).toEqual([
      target,
      target.kind !== 'latest',
    ]);
});

test('only up to the end of a backup the other databases may be left out', () => {
  expect(TARGETS.filter(mayLeaveOut)).toEqual([]);
  expect(mayLeaveOut({ kind: 'backup', backup: 'bkp_1' })).toBe(true);
});

test('a restore from a certain site reads that site alone, its log too', () => {
  for (const target of TARGETS) {
    const command = restored(target, 'secondary', OLDEST);
    expect([target, command.match(/--repo=./g)]).toEqual([target, ['--repo=2', '--repo=2']]);
    expect(command).toMatch(/--recovery-option=restore_command=[^']*archive-get[.]sh[^']* --repo=2/);
  }
  expect(() => restored({ kind: 'latest' }, 'elsewhere')).toThrow('There is no backup for');
});

describe('a restore of a certain backup', () => {
  const target: RestoreTarget = { kind: 'backup', backup: 'bkp_0000000000000000000000000a' };
  const backup = { copies: [copyOn('primary', '20261120-010000F'), copyOn('secondary', '20261120-010100F')] };

  test('names the set, which has a name of its own on each site, and stops at its end', () => {
    expect(restored(target, null, backup)).toMatchSnapshot();
    expect(restored(target, 'secondary', backup)).toContain('--set=20261120-010100F');
  });

  test('takes another copy when one was removed, and is refused when none is left there', () => {
    const removed = { copies: [copyOn('primary', 'a', '2026-11-21T00:00:00.000Z'), copyOn('secondary', 'b')] };
    expect(restored(target, null, removed)).toContain('--repo=2');
    for (const [site, left] of [
      ['primary', removed],
      [null, { copies: [] }],
      [null, null],
    ] as const)
      expect(() => restored(target, site, left)).toThrow('There is no backup for');
  });
});

test('what archives a segment and what gets it back', () => expect(archiveCommands(source)).toMatchSnapshot());

test.each(['full', 'differential', 'incremental'] as const)('what takes a backup that is %s', (type) =>
  expect(
    pgbackrest('/c', 'tl_x', ...backupArguments(2, type, { backupId: 'bkp_x', role: 'replica', forks: [] })),
  ).toMatchSnapshot(),
);

test('a backup of the primary uses no replica, however far behind the nearest one is', () => {
  const standby = (role: 'primary' | 'replica'): string[] =>
    backupArguments(1, 'full', { backupId: 'bkp_x', role, forks: [] }).filter((word) => word.includes('standby'));
  expect([standby('primary'), standby('replica')]).toEqual([[], ['--backup-standby=prefer']]);
});

test('nothing that is called holds what opens a store', () => {
  const all = TARGETS.map((target) => restored(target, null, OLDEST));
  expect([...all, ...Object.values(archiveCommands(source))].join('\n')).not.toMatch(/PASSPHRASE|secret-|key-/);
});

describe('Patroni', () => {
  const ha = viewOf('ha-s', { backups: POLICY });
  const passwords = { superuser: 'S', replication: 'R', rewind: 'W' };
  const configOf = (backups: Backups): string => patroniConfig(ha, nodeOf(ha, 'pg-1'), passwords, backups);
  const archive = archiveCommands(source);

  test('archives the log, a minute after a commit at most, and gets it back for a replica', () => {
    const config = configOf({ archive, restore: null });
    expect(config).toMatchSnapshot();
    expect(config).toMatch(/archive_mode: on|archive_mode: "on"/);
    expect(config).toContain('initdb:');
  });

  test('begins with what was restored in place of an empty database, and leaves its target alone', () => {
    const config = configOf({ archive, restore: restored({ kind: 'latest' }) });
    expect(config).toMatchSnapshot();
    expect(config).not.toContain('initdb');
    expect(config).toMatch(/method: restore/);
    expect(config).toMatch(/keep_existing_recovery_conf: true/);
  });

  test('archives into nothing where there are no backups, so that it keeps no log for them and needs no restart to get them', () => {
    const config = configOf({ archive: null, restore: null });
    expect(config).not.toMatch(/restore_command|recovery_conf|pre_promote/);
    expect([...config.matchAll(/^ +(archive_\w+: .*)$/gm)].map(([, line]) => line)).toEqual([
      'archive_mode: on',
      'archive_command: /bin/true',
    ]);
  });
});

describe('in a lineage whose log branches', () => {
  const fork = {
    operationId: 'op_1',
    oldLog: 1,
    forkLsn: '0/2000200',
    forksFrom: 0,
    swappedAt: '2026-11-20T12:00:00.000Z',
    lastCommitAt: '2026-11-20T11:59:00.000Z',
    lastCommitLsn: '0/2000300',
  } as const;
  const late = {
    ...copyOn('primary', '20261120-110000F'),
    finishedAt: '2026-11-20T11:00:00.000Z',
    stopLsn: '0/3000150',
  };
  const branches = { forks: [fork], copies: [copyOn('primary', '20261120-010000F'), late] };
  const at = (time: string): string =>
    restoreCommand(source, { target: { kind: 'time', time }, site: null }, null, { data: DATA, branches });

  test('a time before the branch is looked for on what was left', () => {
    expect(at('2026-11-20T11:30:00Z')).toMatch(/--set=20261120-110000F .* --type=time .*--target-timeline=1 /);
    expect(at('2026-11-20T11:59:30Z')).toMatch(
      /--set=20261120-110000F .* --type=lsn --target=0\/2000300 .*--target-timeline=1 /,
    );
  });

  test('a time after it on the newest log, from a backup that leads there', () => {
    expect(at('2026-11-20T13:00:00Z')).toMatch(/--set=20261120-010000F .* --type=time /);
    expect(at('2026-11-20T13:00:00Z')).not.toContain('--target-timeline');
  });

  test('the sites are read in their order, whichever has the newer set: the next only where one fails', () => {
    const newer = { ...copyOn('secondary', '20261120-010100F'), finishedAt: '2026-11-20T01:05:00.000Z' };
    const both = { forks: [fork], copies: [newer, ...branches.copies] };
    const command = restoreCommand(source, { target: { kind: 'latest' }, site: null }, null, {
      data: DATA,
      branches: both,
    });
    expect(command).toMatch(/--repo=1 --set=20261120-010000F .* \|\| .*--repo=2 --set=20261120-010100F/);
  });

  test('what no backup leads to is not begun', () => {
    const alone = { forks: [fork], copies: [late] };
    const restore = (): string =>
      restoreCommand(source, { target: { kind: 'latest' }, site: null }, null, { data: DATA, branches: alone });
    expect(restore).toThrow('There is no backup for');
  });
});
