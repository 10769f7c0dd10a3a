import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fleet } from '../../../activities/fleet';
import { unreachable } from '../../../activities/host/errors';
import type { OpenInventory } from '../../../activities/inventory/open';
import { createArchiveWatch } from '../../../activities/watch/archive';
import type { Archiving } from '../../../domain/archiving';
import type { RestoreWindow } from '../../../domain/backups';
import type { Condition } from '../../../domain/clusters';
import { openSimulatedFleet } from '../../simulation/fleet';
import type { BackedUpCluster } from '../../support/backups';
import { newSet, openBackedUpCluster } from '../../support/backups';
import type { ScratchInventory } from '../../support/inventory';
import { finish, newSubmission, openScratchInventory, refOf } from '../../support/inventory';
import { POLICY } from '../../support/lineage';
import { scriptedSsh } from '../../support/scripted-ssh';

/** What the watch makes of what a primary and the stores say: real inventory, stores and schedules, and a host that says what it is told. */

const GIB = 1024 ** 3;
const named = (number: number): string => `0000000100000000000000${number.toString(16).toUpperCase().padStart(2, '0')}`;

let opened: ScratchInventory;
let inventory: OpenInventory;
let folder: string;
let fleet: Fleet & { readonly inventory: OpenInventory };
let shop: BackedUpCluster;
let look: () => Promise<void>;
/** What each data node prints; one that prints `null` does not answer. */
let hosts: Record<string, string | null>;
/** By this much the control plane's clock is ahead of the real one. */
let laterMs: number;

beforeAll(async () => {
  opened = await openScratchInventory();
  ({ inventory } = opened);
  folder = mkdtempSync(join(tmpdir(), 'holdfast-archiving-'));
  const simulated = await openSimulatedFleet(join(folder, 'world'), join(folder, 'home'), opened.scratch.url);
  const ssh = scriptedSsh((name) => {
    const printed = hosts[name] ?? null;
    return printed === null ? Promise.reject(unreachable(name, new Error('no answer'))) : Promise.resolve(printed);
  });
  fleet = { ...simulated, ssh };
  const real = Date.now;
  jest.spyOn(Date, 'now').mockImplementation(() => real() + laterMs);
});
afterAll(async () => {
  jest.restoreAllMocks();
  await fleet?.inventory.close();
  rmSync(folder, { recursive: true, force: true });
  await opened.close();
});
beforeEach(async () => {
  laterMs = 0;
  await opened.scratch.query(`update clusters set state = 'deleted'`);
  shop = await openBackedUpCluster(opened);
  await opened.scratch.query(
    `insert into nodes (cluster_id, name, role, failure_domain, private_address, ssh_host, ssh_port, host_key)
     select $1, 'pg-' || n, 'data', 'local', '10.0.0.' || n, '10.0.0.' || n, 22, 'key' from generate_series(1, 3) n`,
    [shop.cluster.id],
  );
  hosts = { 'pg-1': '', 'pg-2': primary(), 'pg-3': '' };
  for (const site of POLICY.sites) await archive(site, 3, 9);
  const watch = createArchiveWatch(fleet, new AbortController().signal);
  look = async () => {
    for (const one of await inventory.archiving.listWatched()) await watch(one);
  };
});

interface Said {
  readonly segment?: number;
  readonly waitedS?: number;
  readonly gaveUpAt?: string;
  readonly error?: string;
  /** The last commit of the segment: when, and where. */
  readonly commit?: string;
}

/** What the primary prints, at noon. */
function primary({ segment = 9, waitedS = 0, gaveUpAt, error, commit }: Said = {}): string {
  const noon = Date.UTC(2026, 10, 21, 12);
  const facts = {
    now: new Date(noon).toISOString(),
    segment: named(segment),
    archivedAt: new Date(noon - 30_000).toISOString(),
    waitingBytes: waitedS > 0 ? 16 * 1024 ** 2 : 0,
    waitingSince: waitedS > 0 ? new Date(noon - waitedS * 1000).toISOString() : null,
    gaveUpAt: gaveUpAt ?? null,
  };
  const commits = commit === undefined ? [] : [`commit ${commit}`];
  const errors = error === undefined ? [] : ['error', error];
  return [JSON.stringify(facts), `${100 * GIB} ${90 * GIB}`, ...commits, ...errors, ''].join('\n');
}

/** The site has these segments. */
async function archive(site: string, from: number, to: number): Promise<void> {
  const { id } = shop.timeline;
  await fleet.storage.ensureAccount(site, id, fleet.storage.makeAccount(site, id));
  for (let number = from; number <= to; number++) {
    const key = `archive/${id}/18-1/${named(number).slice(0, 16)}/${named(number)}-${'0'.repeat(40)}.zst`;
    await fleet.storage.write(site, id, key, Buffer.alloc(0));
  }
}

const backUp = (hour: number): Promise<void> => inventory.backups.recordSets(shop.timeline, 'primary', [newSet(hour)]);
const told = async (): Promise<Condition | undefined> =>
  (await inventory.clusters.get(shop.cluster.id))?.status.conditions.find(({ type }) => type === 'Archiving');
const reason = async (): Promise<string | undefined> => (await told())?.reason;
const figures = (): Promise<Archiving | null> => inventory.archiving.get(shop.cluster.id);
const audited = async (): Promise<string[]> =>
  (
    await opened.scratch.query<{ reason: string }>(
      `select details ->> 'reason' as reason from audit_log where subject = $1 and action = 'archiving changed' order by seq`,
      [shop.cluster.id],
    )
  ).map((row) => row.reason);
/** Backups that were asked for. */
const ordered = (): string[] => {
  const occasions = join(folder, 'world', 'occasions', shop.cluster.id);
  return existsSync(occasions) ? readdirSync(occasions) : [];
};

test('the figures and the condition of a new cluster are there after one look, and that is no news', async () => {
  await look();
  expect(await figures()).toMatchObject({ oldestWaitingSince: null, freeBytes: 90 * GIB, totalBytes: 100 * GIB });
  expect(await told()).toMatchObject({ status: true, reason: 'UpToDate' });
  expect(await audited()).toEqual([]);
});

test('a log that is behind is told once with the site that is away, and once more when it has caught up', async () => {
  await look();
  const error = 'archive-push command encountered error(s):\nrepo2: [HostConnectError] no route';
  hosts['pg-2'] = primary({ waitedS: 300, error });
  for (let i = 0; i < 3; i++) await look();
  expect(await told()).toMatchObject({ status: false, reason: 'Behind' });
  expect((await told())?.message).toContain('site secondary');
  expect(await figures()).toMatchObject({ waitingBytes: 16 * 1024 ** 2, lastError: error });
  hosts['pg-2'] = primary();
  laterMs += 60_000;
  await look();
  expect(await reason()).toBe('UpToDate');
  expect(await audited()).toEqual(['Behind', 'UpToDate']);
  expect(ordered()).toEqual([]);
});

test('what was given up is a gap, for which one backup is ordered, and which that backup ends', async () => {
  await backUp(3);
  await look();
  expect(await reason()).toBe('UpToDate');
  // PostgreSQL goes on, and calls archived what no store has.
  hosts['pg-2'] = primary({ segment: 12, gaveUpAt: '2026-11-21T11:59:00.000Z' });
  for (let i = 0; i < 3; i++) {
    laterMs += 60_000;
    await look();
  }
  expect(await told()).toMatchObject({ status: false, reason: 'Gap' });
  expect((await told())?.message).toContain('0/A000000');
  expect(ordered()).toEqual([expect.stringMatching(/^incremental-gap-0-A000000-20\d{8}$/)]);
  await archive('primary', 13, 14);
  await inventory.backups.recordSets(shop.timeline, 'primary', [newSet(3), newSet(14, { startLsn: '0/D000028' })]);
  hosts['pg-2'] = primary({ segment: 14, gaveUpAt: '2026-11-21T11:59:00.000Z' });
  laterMs += 60_000;
  await look();
  expect(await reason()).toBe('UpToDate');
  expect(await audited()).toEqual(['Gap', 'UpToDate']);
});

describe('what can be restored when nobody can ask the primary any more', () => {
  const window = (): Promise<RestoreWindow | null> => inventory.timelines.getWindow(shop.timeline.id);
  const known = { earliest: '2026-11-20T03:05:00.000Z', latest: '2026-11-21T11:00:00.000Z', lastLsn: '0/9000100' };
  beforeEach(async () => {
    await backUp(3);
    await inventory.timelines.setWindow(shop.timeline.id, known);
  });

  test('goes up to the newest commit in the archive, and never back', async () => {
    hosts['pg-2'] = primary({ commit: '2026-11-21T11:58:00.123456Z 0/9FFFF10' });
    await look();
    const later = { ...known, latest: '2026-11-21T11:58:00.123Z', lastLsn: '0/9FFFF10' };
    expect(await window()).toEqual(later);
    await archive('primary', 10, 10);
    hosts['pg-2'] = primary({ segment: 10, commit: '2026-11-21T11:57:00.000000Z 0/9F00000' });
    await look();
    expect(await window()).toEqual(later);
  });

  test('has nothing of what comes after a gap, also when that has ended', async () => {
    await look();
    const lost = { segment: 12, gaveUpAt: '2026-11-21T11:59:00.000Z', commit: '2026-11-21T11:58:00.000000Z 0/C000060' };
    hosts['pg-2'] = primary(lost);
    laterMs += 60_000;
    await look();
    expect([await reason(), await window()]).toEqual(['Gap', known]);
    await archive('primary', 13, 14);
    await inventory.backups.recordSets(shop.timeline, 'primary', [newSet(3), newSet(14, { startLsn: '0/D000028' })]);
    hosts['pg-2'] = primary({ segment: 14, gaveUpAt: lost.gaveUpAt });
    laterMs += 60_000;
    await look();
    expect([await reason(), await window()]).toEqual(['UpToDate', known]);
  });

  test('waits for the end of an operation that may leave this log', async () => {
    await look();
    const { operation } = await inventory.operations.submit(null, newSubmission(shop.cluster, 'configure-backups'));
    hosts['pg-2'] = primary({ commit: '2026-11-21T11:58:00.000000Z 0/9FFFF10' });
    await look();
    expect(await window()).toEqual(known);
    await finish(inventory, operation);
    hosts['pg-2'] = primary();
    await look();
    expect(await window()).toMatchObject({ latest: '2026-11-21T11:58:00.000Z' });
  });

  test('is nothing without a backup', async () => {
    await inventory.timelines.setWindow(shop.timeline.id, null);
    hosts['pg-2'] = primary({ commit: '2026-11-21T11:58:00.000000Z 0/9FFFF10' });
    await look();
    expect(await window()).toBeNull();
  });
});

test('a log that went with the old primary is found when another node takes over', async () => {
  await backUp(3);
  await look();
  hosts = { 'pg-1': null, 'pg-2': null, 'pg-3': primary({ segment: 12 }) };
  laterMs += 60_000;
  await look();
  expect(await reason()).toBe('Gap');
});

test('while an operation works on the cluster nothing is called a gap', async () => {
  await backUp(3);
  await look();
  const { operation } = await inventory.operations.submit(null, newSubmission(shop.cluster, 'configure-backups'));
  hosts['pg-2'] = primary({ segment: 12, gaveUpAt: '2026-11-21T11:59:00.000Z' });
  laterMs += 60_000;
  await look();
  expect(await reason()).toBe('UpToDate');
  await finish(inventory, operation);
  laterMs += 60_000;
  await look();
  expect(await reason()).toBe('Gap');
});

test('a cluster without a primary, or that does not answer, changes nothing', async () => {
  await look();
  const before = [await told(), await figures()];
  hosts = { 'pg-1': '', 'pg-2': '', 'pg-3': '' };
  laterMs += 120_000;
  await look();
  hosts = { 'pg-1': '', 'pg-2': null, 'pg-3': '' };
  await expect(look()).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
  expect([await told(), await figures()]).toEqual(before);
});

test('figures that stay the same are written once a minute, ones that change three times as often', async () => {
  let writes = 0;
  const { archiving } = fleet.inventory;
  const counted: Fleet = {
    ...fleet,
    inventory: {
      ...fleet.inventory,
      archiving: { ...archiving, record: (...one) => ((writes += 1), archiving.record(...one)) },
    },
  };
  const watch = createArchiveWatch(counted, new AbortController().signal);
  const lookFor = async (seconds: number, said: (second: number) => Said): Promise<number> => {
    const before = writes;
    for (let second = 0; second < seconds; second += 10) {
      hosts['pg-2'] = primary(said(second));
      for (const one of await inventory.archiving.listWatched()) await watch(one);
      laterMs += 10_000;
    }
    return writes - before;
  };
  await lookFor(10, () => ({}));
  expect(await lookFor(600, () => ({}))).toBeLessThanOrEqual(11);
  expect(await lookFor(600, (second) => ({ waitedS: (second % 60) + 1 }))).toBeLessThanOrEqual(31);
});

test('only clusters that are ready and archive are watched', async () => {
  const ids = async (): Promise<string[]> =>
    (await inventory.archiving.listWatched()).map(({ clusterId }) => clusterId);
  expect(await ids()).toEqual([shop.cluster.id]);
  await opened.scratch.query(`update clusters set spec = jsonb_set(spec, '{backups}', 'null') where id = $1`, [
    shop.cluster.id,
  ]);
  expect(await ids()).toEqual([]);
  shop = await openBackedUpCluster(opened);
  expect(await ids()).toEqual([shop.cluster.id]);
  const remove = await shop.remove();
  await inventory.clusters.setStatus(refOf(remove), { state: 'deleting' });
  expect(await ids()).toEqual([]);
  await look();
  expect(await figures()).toBeNull();
});
