import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archivePushScript, GIVEN_UP_MARK } from '../../../../activities/pgbackrest/archive-push';
import { lineageOn } from '../../../support/lineage';

/** PostgreSQL's archive_command, run by a shell as PostgreSQL does, with a volume and a pgBackRest that only say what they were told. */

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const SEGMENT = 'pg_wal/000000010000000000000005';
const SPOOL = '/var/spool/pgbackrest';
const script = archivePushScript(lineageOn(['primary', 'secondary']));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'archive-push-'));
  mkdirSync(join(folder, 'pg_wal', 'archive_status'), { recursive: true });
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'away'));
  writeFileSync(join(folder, 'push.sh'), script.replaceAll(SPOOL, join(folder, 'spool')));
  writeFileSync(join(folder, 'bin', 'pgbackrest'), PGBACKREST, { mode: 0o755 });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** As the real one does it: what a site has need not be pushed, and whatever else is pushed takes all that waits with it. */
const PGBACKREST = `#!/bin/sh
printf '%s\n' "$*" >>calls
site=\${1#--config=/etc/pgbackrest/push-}
site=\${site%.conf}
out=spool/push-$site/archive/\${2#--stanza=}/out
for last; do :; done
[ ! -e "$out/\${last#pg_wal/}.ok" ] || exit 0
[ ! -e "away/$site" ] || exit 103
mkdir -p "$out"
for ready in pg_wal/archive_status/*.ready; do
  name=\${ready##*/}
  : >"$out/\${name%.ready}.ok"
done
`;

interface Volume {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly waitingSegments: number;
}
const ROOMY: Volume = { totalBytes: GIB, freeBytes: GIB / 2, waitingSegments: 1 };

const nameOf = (i: number): string => `00000001000000000000${(i + 5).toString(16).toUpperCase().padStart(4, '0')}`;

interface Pushed {
  readonly status: number | null;
  /** What pgBackRest was called with, in no order: sites are not waited for one after the other. */
  readonly calls: readonly string[];
}

function push({ totalBytes, freeBytes, waitingSegments }: Volume): Pushed {
  const stat = `#!/bin/sh\n[ "$*" = '-f -c %S %b %a .' ] && echo 4096 ${totalBytes / 4096} ${freeBytes / 4096}\n`;
  writeFileSync(join(folder, 'bin', 'stat'), stat, { mode: 0o755 });
  for (let i = 0; i < waitingSegments; i++)
    writeFileSync(join(folder, 'pg_wal', 'archive_status', `${nameOf(i)}.ready`), '');
  writeFileSync(join(folder, 'calls'), '');
  const env = { PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}` };
  const { status } = spawnSync('sh', ['push.sh', SEGMENT], { cwd: folder, env });
  return { status, calls: readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n').sort() };
}

/** How much may wait. */
const limitOf = (volume: Volume): number =>
  Number(/--archive-push-queue-max=(\d+) /.exec(push(volume).calls.join('\n'))?.[1]);
const callFor = (site: string, ...words: readonly string[]): string =>
  [`--config=/etc/pgbackrest/push-${site}.conf`, '--stanza=tl_0000000000000000000000000a', ...words].join(' ');
const ofSegment = (site: string): RegExp =>
  new RegExp(`^${callFor(site, '--archive-push-queue-max=[0-9]+', 'archive-push', SEGMENT)}$`);
const areAway = (...sites: readonly string[]): void =>
  sites.forEach((site) => writeFileSync(join(folder, 'away', site), ''));
const areBack = (): void => rmSync(join(folder, 'away'), { recursive: true });
/** Names of the segments that waits and a site has. */
const onSite = (site: string): string[] => {
  const out = join(folder, 'spool', `push-${site}`, 'archive/tl_0000000000000000000000000a/out');
  return existsSync(out)
    ? readdirSync(out)
        .sort()
        .map((file) => file.replace('.ok', ''))
    : [];
};
const first = (count: number): string[] => Array.from({ length: count }, (_, i) => nameOf(i));

test('what PostgreSQL is told to call', () => expect(script).toMatchSnapshot());

test('the segment is pushed to each site by itself', () => {
  const { status, calls } = push(ROOMY);
  expect([status, calls]).toEqual([
    0,
    ['primary', 'secondary'].map((site) => expect.stringMatching(ofSegment(site)) as string),
  ]);
  const again = push({ ...ROOMY, waitingSegments: 9 });
  expect([again.status, again.calls.length]).toEqual([0, 2]);
});

test('to one site there is one call', () => {
  writeFileSync(
    join(folder, 'push.sh'),
    archivePushScript(lineageOn(['secondary'])).replaceAll(SPOOL, join(folder, 'spool')),
  );
  expect(push(ROOMY)).toEqual({ status: 0, calls: [expect.stringMatching(ofSegment('secondary'))] });
  rmSync(join(folder, 'spool'), { recursive: true });
  areAway('secondary');
  expect(push(ROOMY)).toEqual({ status: 103, calls: [expect.stringMatching(ofSegment('secondary'))] });
});

test.each(['primary', 'secondary'])(
  'while %s is away the other site gets all that comes, and PostgreSQL keeps it',
  (away) => {
    const well = away === 'primary' ? 'secondary' : 'primary';
    areAway(away);
    expect(push(ROOMY)).toMatchObject({ status: 103, calls: { length: 2 } });
    for (const waitingSegments of [7, 8, 20]) {
      const { status, calls } = push({ ...ROOMY, waitingSegments });
      expect(status).toBe(103);
      expect(calls).toContain(
        callFor(well, '--archive-timeout=1', 'archive-push', `pg_wal/${nameOf(waitingSegments - 1)}`),
      );
      expect(onSite(well)).toEqual(first(waitingSegments));
    }
    expect(push({ ...ROOMY, waitingSegments: 20 }).calls).toHaveLength(2);
    expect(onSite(away)).toEqual([]);
    areBack();
    expect(push({ ...ROOMY, waitingSegments: 20 }).status).toBe(0);
    expect(onSite(away)).toEqual(first(20));
  },
);

test('with all sites away nothing is said to be archived', () => {
  areAway('primary', 'secondary');
  expect(push({ ...ROOMY, waitingSegments: 3 })).toMatchObject({ status: 103, calls: { length: 2 } });
});

test('the log may wait until a tenth of the volume is left, whatever else is on it', () => {
  const totalBytes = 10 * GIB;
  expect(limitOf({ totalBytes, freeBytes: 5 * GIB, waitingSegments: 10 })).toBe(4 * GIB + 160 * MIB);
  expect(limitOf({ totalBytes, freeBytes: 2 * GIB, waitingSegments: 64 })).toBe(2 * GIB);
});

test('on a volume that is nearly full of data a twentieth of it may wait all the same', () => {
  const totalBytes = 10 * GIB;
  expect(limitOf({ totalBytes, freeBytes: GIB / 2, waitingSegments: 1 })).toBe(GIB / 2);
  expect(limitOf({ totalBytes, freeBytes: 0, waitingSegments: 32 })).toBe(GIB / 2);
});

test('that log is given up is marked for who watches', () => {
  const isMarked = (): boolean => existsSync(join(folder, 'pg_wal', 'archive_status', GIVEN_UP_MARK));
  areAway('secondary');
  push({ totalBytes: 10 * GIB, freeBytes: 2 * GIB, waitingSegments: 64 });
  push({ totalBytes: 10 * GIB, freeBytes: GIB, waitingSegments: 64 });
  expect(isMarked()).toBe(false);
  push({ totalBytes: 10 * GIB, freeBytes: GIB - 4096, waitingSegments: 64 });
  expect(isMarked()).toBe(true);
});

test('histories of logs go once more when log was given up, as soon as a segment has got to all sites', () => {
  const status = (name: string): string => join(folder, 'pg_wal', 'archive_status', name);
  const histories = (): string[] => readdirSync(status('')).filter((file) => file.includes('.history.'));
  writeFileSync(status('00000002.history.done'), '');
  const full = { totalBytes: 10 * GIB, freeBytes: 0, waitingSegments: 64 };
  push(ROOMY);
  expect(histories()).toEqual(['00000002.history.done']);
  rmSync(join(folder, 'spool'), { recursive: true });
  areAway('primary', 'secondary');
  push(full);
  // What pgBackRest says of segments that it gave up.
  for (const site of ['primary', 'secondary']) {
    const out = join(folder, 'spool', `push-${site}`, 'archive/tl_0000000000000000000000000a/out');
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, `${nameOf(0)}.ok`), '');
  }
  expect(push(full).status).toBe(0);
  for (const ready of readdirSync(status('')).filter((file) => file.endsWith('.ready'))) rmSync(status(ready));
  expect(push(ROOMY).status).toBe(0);
  rmSync(join(folder, 'spool'), { recursive: true });
  expect(push(ROOMY).status).toBe(103);
  expect(histories()).toEqual(['00000002.history.done']);
  areBack();
  expect(push(ROOMY).status).toBe(0);
  expect(histories()).toEqual(['00000002.history.ready']);
  renameSync(status('00000002.history.ready'), status('00000002.history.done'));
  rmSync(join(folder, 'spool'), { recursive: true });
  expect(push(ROOMY).status).toBe(0);
  expect(histories()).toEqual(['00000002.history.done']);
});

test('what is given up for a site that is away is not given up for one that has the oldest', () => {
  const full = { totalBytes: 10 * GIB, freeBytes: 0, waitingSegments: 64 };
  areAway('secondary');
  push(ROOMY);
  const limited = push(full).calls.filter((call) => call.includes('--archive-push-queue-max='));
  // pgBackRest gives up only where it begins a run, which it does not for a segment that the site has.
  expect(limited.map((call) => call.split(' ').at(-1))).toEqual([SEGMENT, SEGMENT]);
  expect(onSite('primary')).toEqual(first(64));
});

test('without a volume to ask nothing is pushed, and PostgreSQL tries again', () => {
  writeFileSync(join(folder, 'bin', 'stat'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const env = { PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}` };
  expect(() => execFileSync('sh', ['push.sh', SEGMENT], { cwd: folder, env, stdio: 'ignore' })).toThrow();
});
