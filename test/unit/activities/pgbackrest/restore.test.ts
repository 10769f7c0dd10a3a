import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fleet } from '../../../../activities/fleet';
import type { Host } from '../../../../activities/host/host';
import { createRestoreActivities, LOOK } from '../../../../activities/pgbackrest/restore';
import type { Origin, RestoreTarget } from '../../../../domain/backups';
import { lineageOn } from '../../../support/lineage';
import { stepIn, viewOf } from '../../../support/view';

/** What a restore makes of what PostgreSQL and pgBackRest have said on the host: the very scripts, with a journal of their own. */

const AT = stepIn('cluster', 'restore');

const { timeline } = lineageOn(['primary', 'secondary']);

/** As pgBackRest says it, and Patroni. */
const begin = 'P00   INFO: restore command begin 2.60.0: --config=/etc/pgbackrest/restore.conf';
const reads = (repo: number): string =>
  `P00   INFO: repo${repo}: restore backup set 20261120-01000${repo}F, recovery will start at 2026-11-20 01:00:00`;
const completed = 'P00   INFO: restore command end: completed successfully (812ms)';
const failed = (code: string, why: string): string[] => [
  `P00  ERROR: [${code}]: ${why}`,
  `P00   INFO: restore command end: aborted with exception [${code}]`,
];
const gotSegment = [
  'P00   INFO: archive-get command begin 2.60.0: [000000010000000000000003, pg_wal/RECOVERYXLOG]',
  'P00   INFO: found 000000010000000000000003 in the archive asynchronously',
  'P00   INFO: archive-get command end: completed successfully (12ms)',
];
/** It is tried again. */
const failedSegment = [
  'P00   INFO: archive-get command begin 2.60.0: [000000010000000000000004, pg_wal/RECOVERYXLOG]',
  'P00  ERROR: [103]: unable to find a valid repository',
  'P00   INFO: archive-get command end: aborted with exception [103]',
];
/** PostgreSQL takes it for the end of the log. */
const lostSegment = [...failedSegment, ...failedSegment, 'holdfast: could not fetch 000000010000000000000004'];
/** Behind the last segment there is none: that is how each log ends. */
const noSegment = [
  'P00   INFO: archive-get command begin 2.60.0: [000000010000000000000004, pg_wal/RECOVERYXLOG]',
  'P00   INFO: unable to find 000000010000000000000004 in the archive asynchronously',
  'P00   INFO: archive-get command end: completed successfully (12ms)',
];
const promoted = 'LOG:  archive recovery complete';
const gaveUp = 'patroni.exceptions.PatroniFatalException: Failed to bootstrap cluster';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-restore-'));
  const journalctl = '#!/bin/sh\ncase $* in *--sync*) ;; *) cat "$(dirname "$0")/journal" ;; esac\n';
  writeFileSync(join(folder, 'journalctl'), journalctl, { mode: 0o755 });
});
afterEach(() => rmSync(folder, { recursive: true }));

const LOOKED_AT = ['see that no segment was missed', 'see which backup was restored', 'see how the restore gets on'];

interface Waited {
  readonly error: unknown;
  /** In order. */
  readonly asked: readonly string[];
  readonly restored: readonly unknown[];
}

/** Waits for the data of a restore whose node has said this; whether it has become the primary. */
async function waitAfter(
  journal: readonly string[],
  { target = { kind: 'latest' }, isPrimary = true }: { target?: RestoreTarget; isPrimary?: boolean } = {},
): Promise<Waited> {
  writeFileSync(join(folder, 'journal'), journal.map((line) => `${line}\n`).join(''));
  const asked: string[] = [];
  const run: Host['run'] = (command, { title = '' } = {}) => {
    asked.push(title);
    const PATH = `${folder}:${process.env['PATH'] ?? ''}`;
    if (LOOKED_AT.includes(title))
      return Promise.resolve(execFileSync('sh', ['-c', command], { env: { PATH }, encoding: 'utf8' }));
    return Promise.resolve(title === 'see that the restore has ended' && isPrimary ? 'done\n' : '');
  };
  const host: Host = { label: 'orders/pg-1', run, putFiles: () => Promise.resolve([]) };
  const view = viewOf('sandbox');
  const origin: Origin = {
    clusterId: timeline.clusterId,
    timelineId: timeline.id,
    target,
    site: null,
    keepsCredentials: true,
    undeletes: false,
    onlyDatabase: null,
  };
  const restored: unknown[] = [];
  const inventory = {
    clusters: { get: () => Promise.resolve({ ...view.cluster, origin }), getNetwork: () => Promise.resolve(null) },
    nodes: { list: () => Promise.resolve(view.nodes) },
    timelines: { get: () => Promise.resolve(timeline) },
    operations: {
      get: () => Promise.resolve({ kind: 'restore' }),
      recordProgress: () => Promise.resolve(),
      recordRestored: (_at: unknown, found: unknown) => Promise.resolve(void restored.push(found)),
    },
  };
  // Nothing else of a fleet is asked for.
  const fleet = { ssh: { host: () => host }, inventory, clouds: {} } as unknown as Fleet;
  const error: unknown = await createRestoreActivities(fleet)
    .waitForData(AT)
    .then(() => null)
    .catch((thrown: unknown) => thrown);
  return { error, asked, restored };
}

test('how far the replay is, is told while there is one', () => {
  writeFileSync(join(folder, 'journal'), '');
  const control = join(folder, 'pg_controldata');
  const told = (position: string): string => {
    writeFileSync(control, `#!/bin/sh\necho 'Minimum recovery ending location:     ${position}'\n`, { mode: 0o755 });
    const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    return execFileSync('sh', ['-c', LOOK, 'sh', folder, control, '0', 'no-mark'], { env, encoding: 'utf8' });
  };
  expect(told('0/3000858')).toMatch(/^\d+ MiB, replayed up to 0\/3000858\n$/);
  expect(told('0/0')).toMatch(/^\d+ MiB\n$/);
});

describe('the newest state', () => {
  test('is offered when the log was read to its end', async () => {
    const { error, restored } = await waitAfter([begin, reads(1), completed, ...gotSegment, ...noSegment, promoted]);
    expect(error).toBeNull();
    expect(restored).toEqual([{ from: { site: 'primary', setId: '20261120-010001F', insteadOf: null } }]);
  });

  test('is offered when a store failed for a moment, and the same segment came then', async () => {
    const said = [begin, reads(1), completed, ...failedSegment, ...gotSegment, ...noSegment, promoted];
    expect((await waitAfter(said)).error).toBeNull();
  });

  test('is not offered when a store failed while the log was read: newer commits may be missing', async () => {
    const { error, asked } = await waitAfter([begin, reads(1), completed, ...gotSegment, ...lostSegment, promoted]);
    expect(error).toMatchObject({
      code: 'RESTORE_FAILED',
      retryable: false,
      message: expect.stringMatching(
        /the newest commits may be missing \(holdfast: could not fetch 0+10+4: P00 +ERROR: .103.: unable to find a valid repository\): cancel, and restore again/,
      ) as string,
    });
    // Whoever looks finds it as it came back.
    expect(asked).not.toContain('forget the target');
  });

  test('is not offered either when the store answered again afterwards', async () => {
    const { error } = await waitAfter([
      begin,
      reads(1),
      completed,
      ...lostSegment,
      ...gotSegment,
      ...noSegment,
      promoted,
    ]);
    expect(error).toMatchObject({ code: 'RESTORE_FAILED' });
  });

  test('is judged by what was said since the data was last restored: what failed before was thrown away', async () => {
    const again = [begin, reads(1), completed, ...gotSegment, ...noSegment, promoted];
    const first = [begin, reads(1), completed, ...lostSegment, promoted];
    expect((await waitAfter([...first, ...again])).error).toBeNull();
    expect((await waitAfter([...again, ...first])).error).toMatchObject({ code: 'RESTORE_FAILED' });
  });
});

test('a restore to a place in the log ends there, or says itself that it did not come so far', async () => {
  const said = [begin, reads(1), completed, ...gotSegment, ...lostSegment, promoted];
  expect((await waitAfter(said, { target: { kind: 'lsn', lsn: '0/3000060' } })).error).toBeNull();
});

test('a restore that went on with the next site says so', async () => {
  const first = [begin, reads(1), ...failed('029', 'file is corrupt')];
  const { error, restored } = await waitAfter([...first, begin, reads(2), completed, ...gotSegment, ...noSegment]);
  expect(error).toBeNull();
  expect(restored).toEqual([{ from: { site: 'secondary', setId: '20261120-010002F', insteadOf: 'primary' } }]);
});

describe('where no site has what is wanted', () => {
  const first = [begin, reads(1), ...failed('029', 'file is corrupt')];

  test('it is told what was wrong with each of them', async () => {
    const said = [...first, begin, ...failed('075', 'no backup set found to restore'), gaveUp];
    const { error } = await waitAfter(said, { isPrimary: false });
    const detail = 'P00  ERROR: [029]: file is corrupt; P00  ERROR: [075]: no backup set found to restore';
    expect(error).toMatchObject({ code: 'RESTORE_FAILED', values: { detail } });
  });

  test('what Patroni tries again by itself is not told twice', async () => {
    const { error } = await waitAfter([...first, gaveUp, ...first], { isPrimary: false });
    expect(error).toMatchObject({ values: { detail: 'P00  ERROR: [029]: file is corrupt' } });
  });

  test('a site that was left is not blamed for what PostgreSQL did afterwards', async () => {
    const said = [
      ...first,
      begin,
      reads(2),
      completed,
      'FATAL:  recovery ended before configured recovery target was reached',
      gaveUp,
    ];
    const { error } = await waitAfter(said, { isPrimary: false });
    expect(error).toMatchObject({ values: { detail: expect.stringMatching(/^FATAL: +recovery ended/) as string } });
    const { error: other } = await waitAfter([...first, begin, reads(2), completed, gaveUp], { isPrimary: false });
    expect(other).toMatchObject({ values: { detail: gaveUp } });
    const starting = 'FATAL:  the database system is starting up';
    const crashed = [
      ...first,
      begin,
      reads(2),
      completed,
      'PANIC:  could not locate a valid checkpoint',
      starting,
      gaveUp,
    ];
    const { error: third } = await waitAfter(crashed, { isPrimary: false });
    expect(third).toMatchObject({ values: { detail: 'PANIC:  could not locate a valid checkpoint' } });
  });
});
