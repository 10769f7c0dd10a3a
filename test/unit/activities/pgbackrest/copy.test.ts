import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyOrders, copyProgram } from '../../../../activities/pgbackrest/copy';
import type { CopyOrders } from '../../../../activities/pgbackrest/copy';
import { beginOfSegment } from '../../../../domain/wal-segments';
import { eventually } from '../../../support/eventually';
import { lineageOn } from '../../../support/lineage';
import { viewOf } from '../../../support/view';

/**
 * Where a new replica gets its data from: the very program, with Python as it is, and scripts in the place of pgBackRest and psql
 * that say what they are given. On real hosts: test/alone/ha/copies.ts.
 */

const GIB = 1024 ** 3;
const SYSTEM = '7123456789012345678';

let folder: string;
const at = (name: string): string => join(folder, name);
const data = (): string => at('18/main');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-copy-'));
  // `psql … -c IDENTIFY_SYSTEM …`, `-c TIMELINE_HISTORY 3`
  tool(
    'psql',
    `case $* in *'replication=true'*IDENTIFY*) cat ${at('primary')} ;; *TIMELINE*) cat ${at('history')} ;; *) exit 1 ;; esac`,
  );
  // `pgbackrest --repo=1 … info`, `… repo-ls FOLDER`, `… restore`, `… archive-get NAME FILE`
  tool(
    'pgbackrest',
    `echo "$*" >>${at('calls')}
for word; do case $word in --repo=*) site=\${word#*=} ;; --pg1-path=*) to=\${word#*=} ;; esac; done
[ ! -e ${at('hangs')}$site ] || exec sleep 600
case $* in
*info) cat ${at('info')}$site ;;
*repo-ls*) cat ${at('names')}$site ;;
*archive-get*) eval "cp ${at('histories')}/\\\${$(($# - 1))} \\\${$#}" ;;
*restore) . ${at('restore')} ;;
esac`,
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function tool(name: string, body: string): void {
  writeFileSync(at(name), `#!/bin/sh\n${body}\n`);
  chmodSync(at(name), 0o755);
}

interface Taken {
  readonly label?: string;
  readonly log?: number;
  readonly startSegment?: number;
  readonly stopLsn?: string;
  readonly size?: number;
  readonly system?: string;
  readonly error?: boolean;
}

interface World {
  /** Of the primary. */
  readonly log?: number;
  readonly position?: string;
  readonly history?: string;
  /** Of each site, its backups; null: it fails. */
  readonly sites?: readonly (readonly Taken[] | null)[];
  /** Of each site. */
  readonly archived?: readonly (readonly string[])[];
  /** Shell, with the folder as $to. */
  readonly restore?: string;
  readonly orders?: Partial<CopyOrders>;
}

const hex = (value: number, digits = 8): string => value.toString(16).toUpperCase().padStart(digits, '0');
const segment = (log: number, number: number): string => `${hex(log)}${hex(number >> 8)}${hex(number & 255)}`;
const segments = (log: number, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => segment(log, from + i));

/** A cluster of 4 GiB that was failed over twice, and 256 MiB of log after its newest backup. */
const HISTORY = '1\t0/50000000\tno recovery target specified\n2\t1/0\tno recovery target specified\n';
const NEWEST: Taken = { label: 'NEWEST', log: 3, startSegment: 0x1f0, stopLsn: '1/F1000000', size: 4 * GIB };
const ARCHIVED = segments(3, 0x1f0, 0x1ff);
const RESTORE = 'mkdir -p $to/global $to/pg_wal; echo new >$to/PG_VERSION';

function infoOf(taken: readonly Taken[]): string {
  const systems = [...new Set(taken.map(({ system = SYSTEM }) => system))];
  const db = systems.map((system, i) => `{"id": ${i + 1}, "repo-key": 1, "system-id": ${system}, "version": "18"}`);
  const archive = systems.map((_, i) => ({ database: { id: i + 1, 'repo-key': 1 }, id: `18-${i + 1}` }));
  const backup = taken.map((one) => {
    const { label, log, startSegment, stopLsn, size, system = SYSTEM, error = false } = { ...NEWEST, ...one };
    const start = segment(log ?? 0, startSegment ?? 0);
    return {
      ...{ label, error, archive: { start, stop: start }, info: { size } },
      database: { id: systems.indexOf(system) + 1, 'repo-key': 1 },
      lsn: { start: beginOfSegment(startSegment ?? 0), stop: stopLsn },
    };
  });
  return `[{"db": [${db.join()}], "archive": ${JSON.stringify(archive)}, "backup": ${JSON.stringify(backup)}}]`;
}

function begin(world: World): ChildProcess {
  const { log = 3, position = '2/00000060', history = HISTORY, sites = [[NEWEST], [NEWEST]] } = world;
  writeFileSync(at('primary'), `${SYSTEM}|${log}|${position}|\n512MB\n`);
  writeFileSync(at('history'), `${hex(log)}.history|${history}\n`);
  sites.forEach((taken, i) => {
    if (taken) writeFileSync(at(`info${i + 1}`), infoOf(taken));
    const names = (world.archived ?? [ARCHIVED])[i] ?? [];
    const listed = names.map((name) =>
      name.endsWith('y') ? name : `${name.slice(0, 16)}/${name}-${'a'.repeat(40)}.zst`,
    );
    writeFileSync(at(`names${i + 1}`), listed.join('\n'));
  });
  mkdirSync(at('histories'), { recursive: true });
  for (let i = 2; i <= log; i++) writeFileSync(at(`histories/${hex(i)}.history`), `history ${i}`);
  writeFileSync(at('restore'), world.restore ?? RESTORE);
  const lineage = lineageOn(['primary', 'secondary'].slice(0, sites.length));
  const orders = copyOrders(viewOf('ha-s'), lineage);
  const own = { pgbackrest: [at('pgbackrest')], psql: at('psql'), progress: at('progress'), ...world.orders };
  writeFileSync(at('copy.py'), copyProgram({ ...orders, ...own }));
  rmSync(at('calls'), { force: true });
  const words = ['--scope=x', '--role=replica', `--datadir=${data()}`, '--connstring=host=10.0.0.1 user=replicator'];
  return spawn('python3', [at('copy.py'), ...words]);
}

interface Copied {
  readonly code: number | null;
  readonly said: string;
  readonly calls: readonly string[];
  /** Words of the restore. */
  readonly restored: string | undefined;
  /** What is where the data of PostgreSQL is, and beside it. */
  readonly there: readonly string[];
}

async function ended(child: ChildProcess): Promise<Copied> {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += String(chunk)));
  await once(child, 'close');
  const calls = existsSync(at('calls')) ? readFileSync(at('calls'), 'utf8').trim().split('\n') : [];
  const there = existsSync(at('18')) ? readdirSync(at('18')) : [];
  expect(existsSync(at('progress'))).toBe(false);
  return { code: child.exitCode, said, calls, restored: calls.find((call) => call.endsWith(' restore')), there };
}

const copy = (world: World = {}): Promise<Copied> => ended(begin(world));
const setOf = ({ restored }: Copied): string | undefined => /--repo=\d --set=\w+/.exec(restored ?? '')?.[0];

/** Patroni goes on with a base backup, for which there has to be nothing. */
const FROM_PRIMARY = { code: 1, restored: undefined, there: [] };

test('the newest backup of the first site is restored, and takes the place of the data when it is whole', async () => {
  const older = { label: 'OLDER', startSegment: 0x1e0, stopLsn: '1/E1000000' };
  const copied = await copy({ sites: [[older, NEWEST, { ...older, label: 'OLDEST' }], [NEWEST]] });
  expect(copied).toMatchObject({ code: 0, there: ['main'] });
  expect(copied.restored).toBe(
    `--repo=1 --set=NEWEST --pg1-path=${data()}.copy --type=none --process-max=2 --io-timeout=10 --log-level-console=detail restore`,
  );
  expect(readFileSync(join(data(), 'PG_VERSION'), 'utf8')).toBe('new\n');
});

describe('the primary is copied', () => {
  test('without asking any site when all its log is less than what is worth it', async () => {
    expect(await copy({ position: '0/30000000' })).toMatchObject({ ...FROM_PRIMARY, calls: [] });
  });

  test('when it does not say where it is', async () => {
    tool('psql', 'exit 2');
    expect(await copy()).toMatchObject({ ...FROM_PRIMARY, calls: [] });
  });

  const left = segments(1, 0x60, 0x1ff);
  test.each<[string, World, string]>([
    ['its data is small', { sites: [[{ size: GIB / 2 }]] }, 'little data'],
    ['much log would have to be replayed', { sites: [[{ size: 1.1 * GIB, startSegment: 0x1a0 }]] }, 'of log follow'],
    ['there is no backup', { sites: [[], []] }, 'no site tells'],
    ['no site answers well', { sites: [null, null] }, 'no site tells'],
    ['the backup has damaged pages', { sites: [[{ error: true }]] }, 'no site tells'],
    ['the backup is of another cluster', { sites: [[{ system: '7000000000000000001' }]] }, 'no site tells'],
    [
      'the backup is of a log that was left before it ended',
      {
        log: 5,
        history: '1\t0/50000000\tbefore 2026\n',
        sites: [[{ log: 1, startSegment: 0x60, stopLsn: '0/61000000' }]],
        archived: [left],
      },
      'no site tells',
    ],
    ['the backup is of a log that the primary never had', { sites: [[{ log: 4 }]] }, 'no site tells'],
    [
      'the archive has a gap behind which the primary keeps nothing',
      {
        position: '2/60000060',
        sites: [[{ size: 40 * GIB }]],
        archived: [segments(3, 0x1f0, 0x260).filter((_, i) => i !== 3)],
      },
      `lacks ${segment(3, 0x1f3)}`,
    ],
    ['the archive is behind what the primary keeps', { position: '2/21000000' }, `lacks ${segment(3, 0x200)}`],
    [
      'the archive lacks the history of a log',
      {
        sites: [[{ log: 2, startSegment: 0xf0, stopLsn: '0/F1000000', size: 40 * GIB }]],
        archived: [[...segments(2, 0xf0, 0xff), ...segments(3, 0x100, 0x1ff)]],
      },
      'lacks the history',
    ],
  ])('when %s', async (_what, world, reason) => {
    const copied = await copy({ sites: [[NEWEST]], ...world });
    expect(copied).toMatchObject(FROM_PRIMARY);
    expect(copied.said).toContain(reason);
  });

  test("when what an earlier call has begun is of no use any more: it is in nobody's way", async () => {
    mkdirSync(at('18/main.copy/base'), { recursive: true });
    expect(await copy({ sites: [[]] })).toMatchObject(FROM_PRIMARY);
  });

  test.each([
    ['fails', 'mkdir $to/base; exit 56', {}, 'ended with 56'],
    ['brings nothing any more', 'mkdir $to/base; exec sleep 600', { stallSeconds: 1 }, 'brings nothing'],
    [
      'is slow from the begin',
      'while sleep 0.1; do i=$((i+1)); echo "P01 DETAIL: restore file a (8KB, 0.$i%) checksum b"; done',
      { startSeconds: 2 },
      'is slow',
    ],
  ])('when the restore %s: nothing of it is left', async (_what, restore, orders, reason) => {
    const copied = await copy({ restore, orders });
    expect(copied).toMatchObject({ code: 1, there: [] });
    expect(copied.said).toContain(reason);
  });
});

test('backups of logs that lead to the log of the primary are good ones: their histories are there before PostgreSQL starts', async () => {
  const backup = { log: 1, startSegment: 0x40, stopLsn: '0/41000000', size: 40 * GIB };
  const histories = [2, 3, 4, 5].map((log) => `${hex(log)}.history`);
  const archived = [[...segments(1, 0x40, 0x4f), ...segments(5, 0x50, 0x1ff), ...histories]];
  // The backups of the logs between were left by a restore in place.
  const copied = await copy({ log: 5, history: '1\t0/50000000\tbefore 2026\n', sites: [[backup]], archived });
  expect(copied).toMatchObject({ code: 0, there: ['main'] });
  expect(readdirSync(join(data(), 'pg_wal')).sort()).toEqual(histories);
});

test('where logs meet, only the segment of the newer one counts', async () => {
  const backup = { log: 2, startSegment: 0xf0, stopLsn: '0/F1000000', size: 40 * GIB };
  const archived = [[...segments(2, 0xf0, 0x1ff), '00000003.history']];
  const copied = await copy({ sites: [[backup]], archived });
  expect(copied).toMatchObject(FROM_PRIMARY);
  expect(copied.said).toContain(`lacks ${segment(3, 0x100)}`);
});

test('what one site lacks of the log another one may have', async () => {
  const [even, odd] = [0, 1].map((rest) => ARCHIVED.filter((_, i) => i % 2 === rest));
  expect(setOf(await copy({ archived: [even ?? [], odd ?? []] }))).toBe('--repo=1 --set=NEWEST');
});

test('what the archive lacks at the end is there when the primary keeps it', async () => {
  expect(setOf(await copy({ position: '2/1F000060' }))).toBe('--repo=1 --set=NEWEST');
});

test('a site that does not answer soon is not waited for', async () => {
  writeFileSync(at('hangs1'), '');
  expect(setOf(await copy({ archived: [[], ARCHIVED], orders: { answerSeconds: 2, listSeconds: 2 } }))).toBe(
    '--repo=2 --set=NEWEST',
  );
});

test('data that is there already is kept as far as it is the same', async () => {
  mkdirSync(data(), { recursive: true });
  for (const name of ['PG_VERSION', 'postmaster.pid']) writeFileSync(join(data(), name), 'old');
  const copied = await copy({ restore: 'ls $to >$to/found; echo new >$to/PG_VERSION' });
  expect(copied).toMatchObject({ code: 0, there: ['main'] });
  expect(copied.restored).toContain(' --delta ');
  expect(readFileSync(join(data(), 'found'), 'utf8')).toBe('PG_VERSION\nfound\n');
});

test('a call that is ended leaves nothing where data is looked for, and the next one goes on', async () => {
  const child = begin({ restore: 'echo half >$to/half; echo P00 INFO: begun; exec sleep 600' });
  const end = ended(child);
  await eventually(() => existsSync(at('18/main.copy/half')));
  child.kill();
  expect(await end).toMatchObject({ code: 1, there: ['main.copy'] });
  const copied = await copy();
  expect(copied).toMatchObject({ code: 0, there: ['main'] });
  expect(copied.restored).toContain(' --delta ');
});

test('when Patroni is gone the restore ends, too', async () => {
  const child = begin({ restore: 'echo $$ >$to/pid; exec sleep 600' });
  child.kill('SIGKILL');
  await once(child, 'close');
  const patroni = spawn('sh', [
    '-c',
    `python3 ${at('copy.py')} --datadir=${data()} --connstring=x & echo $! >${at('pid')}; wait`,
  ]);
  await eventually(() => existsSync(at('18/main.copy/pid')));
  const restore = Number(readFileSync(at('18/main.copy/pid'), 'utf8'));
  patroni.kill('SIGKILL');
  await eventually(() => !existsSync(`/proc/${restore}`));
});

test('what it is at can be seen', async () => {
  const child = begin({ restore: 'echo "P01 DETAIL: restore file a (1GB, 25.00%) checksum b"; exec sleep 600' });
  const end = ended(child);
  await eventually(() => existsSync(at('progress')) && readFileSync(at('progress'), 'utf8').includes('1024 MiB'));
  expect(readFileSync(at('progress'), 'utf8')).toBe('has 1024 MiB of 4096 MiB from primary\n');
  child.kill();
  expect((await end).said).not.toContain('DETAIL');
});
