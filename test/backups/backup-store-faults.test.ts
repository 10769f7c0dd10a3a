import type { ClientConfig } from 'pg';
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { hostOf, reachableNode, viewCluster } from '../../activities/fleet';
import type { Host } from '../../activities/host/host';
import { sh } from '../../activities/host/shell';
import { dataDirectory } from '../../activities/postgres/paths';
import { isId } from '../../domain/ids';
import type { BackupAnswer } from '../../domain/schemas/backups';
import { backupPolicyDetailSchema } from '../../domain/schemas/backup-policies';
import { numberOfLsn, segmentNumber } from '../../domain/wal-segments';
import { eventually } from '../support/eventually';
import type { Holdfast } from '../support/holdfast';
import { startHoldfast } from '../support/holdfast';
import type { StoreTrouble } from '../support/troubled-store';
import { age } from './support/ageing';
import { dataNode, writeSegments } from './support/archiving';
import { setPolicy } from './support/scheduled';
import { describeTroubledReads } from './support/troubled-reads';
import { ask, backupsOf, firstBackup, remove, takeBackup, windowOf } from './support/user';
import { login, query } from '../system/support/endpoint';
import type { Writer } from '../system/support/ledger';
import { findLost, startWriter } from '../system/support/ledger';
import type { TestStores } from '../system/support/stores';

/**
 * pgBackRest on a real host against a real store that gets into trouble, of which a cluster keeps the newest full backup only:
 * what is told of it, and that nothing good is lost by it.
 */

jest.setTimeout(600_000);

let holdfast: Holdfast;
let stores: TestStores;
let host: Host;

beforeAll(async () => {
  holdfast = await startHoldfast({ stores: ['primary', 'secondary'], troubled: ['secondary'], small: ['primary'] });
  if (!holdfast.stores) throw new Error('no stores');
  stores = holdfast.stores;
  const backups = { sites: ['secondary'], paused: true, retention: { unit: 'count', full: 1 } } as const;
  const { id, clusterId } = await holdfast.order({ name: 'shop', plan: 'sandbox', backups });
  await holdfast.succeed(id);
  if (!isId('clu', clusterId)) throw new Error(clusterId);
  const view = await viewCluster(holdfast.fleet, clusterId);
  host = hostOf(holdfast.fleet, view, reachableNode(view, 'pg-1'));
  // What happens stays the same, only sooner: jobs wait so long for a store and for the log in it, not 20 and 300 s.
  await host.run(sh`systemctl set-environment PGBACKREST_IO_TIMEOUT=2 PGBACKREST_ARCHIVE_TIMEOUT=20`);
  await firstBackup(holdfast, 'shop');
});
afterAll(() => holdfast?.stop());

const newest = async (): Promise<BackupAnswer> => {
  const [backup] = await backupsOf(holdfast, 'shop');
  if (!backup) throw new Error('no backup');
  return backup;
};
const sitesOf = ({ copies }: BackupAnswer): string[] =>
  copies.flatMap(({ site, removedAt }) => (removedAt === null ? [site] : [])).sort();

/** What the last try said, once it says this. */
async function toldWith(id: string, words: RegExp): Promise<string> {
  return eventually(async () => {
    const { state, steps } = await holdfast.operation(id);
    const told = steps.find(({ title }) => title.startsWith('copy'))?.lastError ?? '';
    if (['failed', 'succeeded'].includes(state) && !words.test(told)) throw new Error(`${state}: ${told}`);
    return words.test(told) && told;
  });
}

const SAID: Readonly<Record<StoreTrouble, RegExp>> = {
  'answers 500': /trouble of its own\. Look into the store's log/,
  'answers 503': /trouble of its own\. Look into the store's log/,
  hangs: /takes too long to answer\. Look at the load/,
  cuts: /Nothing answers at .*\. Start the store/,
  'is full': /is full\. Give it more disk/,
  'wrong certificate': /certificate of .* is not to be trusted.*caFile/,
};

test.each([
  ['answers 500', 'hangs'],
  ['cuts', 'is full'],
  ['answers 503', 'wrong certificate'],
] as const)(
  'of a site that %s, and then: %s, a backup tells what is wrong, and ends well when it is over',
  async (first, second) => {
    stores.trouble('secondary', first);
    const { id } = await takeBackup(holdfast, 'shop', { type: 'incremental' });
    for (const trouble of [first, second]) {
      stores.trouble('secondary', trouble);
      const told = await toldWith(id, SAID[trouble]);
      console.log(`${trouble}: ${told}`);
      expect(told).toContain('site secondary');
    }
    stores.trouble('secondary', null);
    await holdfast.succeed(id);
    const backup = await newest();
    expect([backup.state, backup.error, sitesOf(backup)]).toEqual(['succeeded', null, ['secondary']]);
  },
);

/** Also when the tests before were left out. */
async function onBothSites(): Promise<void> {
  const sites = ['secondary', 'primary'];
  const { body } = await holdfast.api('GET', '/v1/clusters/shop/backup-policy');
  if (JSON.stringify(body).includes(JSON.stringify(sites))) return;
  const { id } = await ask(holdfast, 'PATCH', '/v1/clusters/shop/backup-policy', { sites });
  await holdfast.succeed(id);
}

test('a backup that a site never took has failed and takes the place of no good one; the log goes on to the other', async () => {
  await onBothSites();
  const before = await backupsOf(holdfast, 'shop');
  stores.trouble('secondary', 'wrong certificate');
  const { id } = await takeBackup(holdfast, 'shop', { type: 'full' });
  const ended = await eventually(async () => {
    const operation = await holdfast.operation(id);
    return operation.state === 'failed' && operation;
  });
  expect(ended.error).toMatchObject({
    code: 'BACKUP_FAILED',
    message: expect.stringMatching(/site secondary.*caFile/) as string,
  });
  expect(ended.steps.find(({ title }) => title.startsWith('copy'))?.attempt).toBe(4);
  const [failed, ...others] = await backupsOf(holdfast, 'shop');
  expect(failed).toMatchObject({ state: 'failed', error: { code: 'BACKUP_FAILED' } });
  expect(others).toEqual(before);
  // The other one has a whole set, which pgBackRest calls so only when the log behind it is there too.
  expect(filesOn('primary').filter((file) => /F\/backup\.manifest$/.test(file))).toHaveLength(1);
  const { status } = await holdfast.cluster('shop');
  expect(status.conditions).toContainEqual(
    expect.objectContaining({
      type: 'BackedUp',
      status: false,
      reason: 'Failed',
      message: expect.stringContaining('site secondary') as string,
    }),
  );
  stores.trouble('secondary', null);
});

const filesOn = (site: string): string[] => readdirSync(stores.dataFolder(site), { recursive: true, encoding: 'utf8' });

/** Numbers of the segments that a store has. */
const segmentsOn = (site: string): number[] =>
  filesOn(site).flatMap((file) => {
    const [, high, low] = /^[0-9A-F]{8}([0-9A-F]{8})([0-9A-F]{8})-/.exec(basename(file)) ?? [];
    return high === undefined || low === undefined ? [] : [Number.parseInt(high, 16) * 256 + Number.parseInt(low, 16)];
  });

test('of one that is kept, the next good one takes the place: sets, log, window and record', async () => {
  const { earliest } = await windowOf(holdfast, 'shop');
  const { id } = await takeBackup(holdfast, 'shop', { type: 'full' });
  await holdfast.succeed(id);
  const [kept, ...others] = await backupsOf(holdfast, 'shop');
  if (!kept) throw new Error('no backup');
  expect([kept.state, sitesOf(kept)]).toEqual(['succeeded', ['primary', 'secondary']]);
  expect(others.flatMap(sitesOf)).toEqual([]);
  expect(new Set(others.map(({ state }) => state))).toEqual(new Set(['expired', 'failed']));
  for (const { site, startLsn } of kept.copies) expect(Math.min(...segmentsOn(site))).toBe(numberOfLsn(startLsn));
  const window = await windowOf(holdfast, 'shop');
  expect(window.earliest).toBe(kept.copies.map(({ finishedAt }) => finishedAt).sort()[0]);
  expect(Date.parse(window.earliest ?? '')).toBeGreaterThan(Date.parse(earliest ?? ''));
});

test('of days, the newest full backup from before them is kept, and what is older goes with the next good one', async () => {
  await onBothSites();
  const full = async (): Promise<BackupAnswer> => {
    await holdfast.succeed((await takeBackup(holdfast, 'shop', { type: 'full' })).id);
    return newest();
  };
  const oldest = await full();
  await setPolicy(holdfast, 'shop', { retention: { unit: 'days', full: 1 } });
  const old = [oldest, await full(), await full()];
  const left = async (): Promise<string[][]> => {
    const all = await backupsOf(holdfast, 'shop');
    return old.map(({ id }) => all.flatMap((one) => (one.id === id ? sitesOf(one) : [])));
  };
  const both = ['primary', 'secondary'];
  expect(await left()).toEqual([both, both, both]);
  // Two of them are now three and two days old, wherever they are.
  const { body } = await holdfast.api('GET', '/v1/clusters/shop/backup-policy');
  const sites = backupPolicyDetailSchema.parse(body).sites;
  for (const [i, site] of sites.entries()) {
    const sets = old.map(({ copies }) => copies.find((copy) => copy.site === site)?.setId ?? '');
    await age(
      host,
      old[0]?.timelineId ?? '',
      { repository: i + 1, folder: stores.dataFolder(site) },
      { [sets[0] ?? '']: 3, [sets[1] ?? '']: 2 },
    );
  }
  await full();
  expect(await left()).toEqual([[], both, both]);
  for (const site of both)
    for (const [{ copies } = { copies: [] }, isThere] of [
      [old[0], false],
      [old[1], true],
    ] as const) {
      const path = copies.find((copy) => copy.site === site)?.path ?? '';
      expect(filesOn(site).some((file) => `/${file}`.includes(`${path}/`))).toBe(isThere);
    }
  await setPolicy(holdfast, 'shop', { retention: { unit: 'count', full: 1 } });
});

test('a host whose zone puts its clock back takes the next backup all the same', async () => {
  for (const zone of ['Etc/GMT-2', 'Etc/GMT+2']) {
    await host.run(sh`systemctl set-environment ${`TZ=${zone}`}`);
    const { id } = await takeBackup(holdfast, 'shop', { type: 'incremental' });
    await holdfast.succeed(id);
  }
});

test('of a store whose disk is really full a backup tells so, and ends well when there is room again', async () => {
  await onBothSites();
  const empty = stores.fill('primary');
  const { id } = await takeBackup(holdfast, 'shop', { type: 'full' }).catch((error: unknown) => {
    empty();
    throw error;
  });
  const told = await toldWith(id, SAID['is full']).finally(empty);
  console.log(`really full: ${told}`);
  expect(told).toContain('site primary');
  await holdfast.succeed(id);
  expect(sitesOf(await newest())).toEqual(['primary', 'secondary']);
});

describeTroubledReads(() => ({ holdfast, stores, onBothSites }));

const KILL_A_PUSH = 'until pkill -KILL -u postgres -f archive-push; do sleep 0.02; done';

/** How long a store is away; longer ones than fit into a run of all tests end with a restore from that store. */
const OUTAGE_MINUTES = process.env['HOLDFAST_OUTAGE_MINUTES'];
const OUTAGE_MS = Number(OUTAGE_MINUTES ?? 0.2) * 60_000;

test(
  'the log waits for a store that is away under a load of writes, which nobody notices, and gets there whole; the other has it meanwhile',
  async () => {
    await onBothSites();
    await holdfast.succeed((await takeBackup(holdfast, 'shop', { type: 'full' })).id);
    const config = login(await holdfast.credentials('shop'), 'primaryPort');
    await query(config, 'create table ledger (number int primary key)');
    const [writer, load] = [startWriter(config), startLoad(config)];
    await stores.stop('primary');
    const awayAt = Date.now();
    for (let told = 0; Date.now() < awayAt + OUTAGE_MS; told++) {
      await eventually(() => Promise.resolve(Date.now() > awayAt + Math.min(OUTAGE_MS, told * 30_000)));
      const behind = (await currentSegment()) - Math.max(...segmentsOn('secondary'));
      console.log(`away for ${seconds(awayAt)} s: ${await waiting()} segments wait, the other store lacks ${behind}`);
    }
    const from = Math.max(...segmentsOn('primary')) + 1;
    const last = segmentNumber(await writeSegments(await dataNode(holdfast, 'shop'), 8));
    const lacking = (): number[] => {
      const has = new Set(segmentsOn('secondary'));
      return Array.from({ length: last - from + 1 }, (_, i) => from + i).filter((number) => !has.has(number));
    };
    await eventually(() => Promise.resolve(lacking().length === 0), { everyMs: 1_000, limitMs: 400_000 });
    console.log(
      `all of ${last - from + 1} segments are in the other store ${seconds(awayAt)} s after the outage began`,
    );
    const queued = await waiting();
    expect(queued).toBeGreaterThan(0);
    await stores.start('primary');
    const backAt = Date.now();
    // PostgreSQL tries once a minute by now, and again after what was killed in the middle.
    await host.run(sh`sh -c ${KILL_A_PUSH}`, { title: 'kill what archives', timeoutMs: 120_000 });
    await eventually(async () => (await waiting()) === 0, { everyMs: 1_000, limitMs: 900_000 });
    console.log(`${queued} segments waited, after ${seconds(backAt)} s none`);
    await Promise.all([writer.stop(), load.stop()]);
    const there = new Set(segmentsOn('primary'));
    const first = Math.min(...there);
    expect(segmentsOn('secondary').filter((number) => number >= first && !there.has(number))).toEqual([]);
    expect((await windowOf(holdfast, 'shop')).gaps).toEqual([]);
    const { attempts } = writer;
    expect(attempts.filter(({ outcome }) => outcome === 'unknown')).toEqual([]);
    if (OUTAGE_MINUTES === undefined) return;
    const { id } = await ask(holdfast, 'POST', '/v1/clusters/shop/restores', { name: 'again', site: 'primary' });
    await holdfast.succeed(id);
    const rows = await query<{ number: number }>(
      login(await holdfast.credentials('again'), 'primaryPort'),
      'select number from ledger',
    );
    console.log(`${attempts.length} rows acknowledged, ${rows.length} in a restore from the store that was away`);
    expect(findLost(attempts, new Set(rows.map(({ number }) => number)))).toEqual([]);
    await remove(holdfast, 'again');
  },
  OUTAGE_MS * 3 + 600_000,
);

const seconds = (since: number): number => Math.round((Date.now() - since) / 1000);
const wal = async (command: string): Promise<string> =>
  (await host.run(sh`sh -c ${command} sh ${`${dataDirectory('18')}/pg_wal`}`)).trim();
const waiting = async (): Promise<number> => Number(await wal('ls "$1/archive_status" | grep -c "[.]ready$" || :'));
async function currentSegment(): Promise<number> {
  const name = await wal('ls "$1" | grep -E "^[0-9A-F]{24}$" | sort | tail -n 1');
  return Number.parseInt(name.slice(8, 16), 16) * 256 + Number.parseInt(name.slice(16), 16);
}

/** Half a megabyte of log a second, and nothing in the data. */
function startLoad(config: ClientConfig): Pick<Writer, 'stop'> {
  let stopped = false;
  const work = async (): Promise<void> => {
    while (!stopped) {
      await query(config, `select pg_logical_emit_message(true, 'load', repeat('x', 500000))`);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  };
  const working = work();
  return { stop: () => ((stopped = true), working) };
}
