import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OpenInventory } from '../../../activities/inventory/open';
import { openKeyring } from '../../../activities/secrets/keyring';
import type { SecretStore } from '../../../activities/secrets/secrets';
import { createSecretStore } from '../../../activities/secrets/store';
import { SECRET_NAMES } from '../../../activities/secrets/stored-secrets';
import type { BackedUpCluster } from '../../support/backups';
import { openBackedUpCluster } from '../../support/backups';
import {
  finish,
  knownSite,
  newCluster,
  newId,
  newSubmission,
  openScratchInventory,
  refOf,
} from '../../support/inventory';
import type { ScratchInventory } from '../../support/inventory';
import { POLICY } from '../../support/lineage';

/** Lineages, the secrets that open them, and how both outlive their cluster. */

const home = mkdtempSync(join(tmpdir(), 'holdfast-timelines-'));
let opened: ScratchInventory;
let inventory: OpenInventory;
let secrets: SecretStore;
let shop: BackedUpCluster;

beforeAll(async () => {
  opened = await openScratchInventory();
  ({ inventory } = opened);
  secrets = createSecretStore(inventory.database, await openKeyring({ home, command: null }));
});
afterAll(async () => {
  await opened.close();
  rmSync(home, { recursive: true });
});
beforeEach(async () => {
  shop = await openBackedUpCluster(opened);
});

const makeDue = (id: string): Promise<object[]> =>
  opened.scratch.query(`update timelines set expires_at = now() - interval '1 second' where id = $1`, [id]);
const isDue = async (id: string): Promise<boolean> =>
  (await inventory.timelines.listExpired()).some((timeline) => timeline.id === id);

test('a lineage is opened once, in the order of its sites; the newest one is the current', async () => {
  const { timeline, cluster } = shop;
  expect(timeline).toMatchObject({
    clusterId: cluster.id,
    projectId: opened.project,
    sites: POLICY.sites,
    version: '18',
  });
  const deletion = refOf(await shop.remove());
  await inventory.timelines.open(deletion, { id: timeline.id, sites: ['offsite'], version: '17' });
  expect(await inventory.timelines.current(cluster.id)).toEqual(timeline);
  const newer = newId('tl');
  await inventory.timelines.open(deletion, { id: newer, sites: ['offsite'], version: '18' });
  expect(await inventory.timelines.current(cluster.id)).toMatchObject({ id: newer, sites: ['offsite'] });
  expect(await inventory.timelines.get(timeline.id)).toEqual(timeline);
  expect(await inventory.timelines.get(newId('tl'))).toBeNull();
});

test('the lineage of a cluster that lives never expires; of one that was deleted it does, after the days asked for', async () => {
  expect(shop.timeline.expiresAt).toBeNull();
  const deletion = await shop.remove();
  const days = 7;
  await inventory.timelines.expireWith(refOf(deletion), days);
  const expiresAt = (await inventory.timelines.get(shop.timeline.id))?.expiresAt ?? '';
  const away = Date.parse(expiresAt) - Date.now();
  expect(away / 86_400_000).toBeCloseTo(days, 2);
  await inventory.timelines.expireWith(refOf(deletion), days * 2);
  expect((await inventory.timelines.get(shop.timeline.id))?.expiresAt).toBe(expiresAt);
  expect(await isDue(shop.timeline.id)).toBe(false);
});

test('a lineage that is due is listed until it was removed', async () => {
  await makeDue(shop.timeline.id);
  expect(await isDue(shop.timeline.id)).toBe(true);
  for (let i = 0; i < 2; i++) await inventory.timelines.markRemoved(shop.timeline.id);
  expect(await isDue(shop.timeline.id)).toBe(false);
});

test('a lineage that is due is not removed while an operation restores from it', async () => {
  const { id: timelineId } = shop.timeline;
  await makeDue(timelineId);
  const plain = newCluster(opened.project, `copy-${newId('clu').slice(-8)}`);
  const target = { kind: 'latest' } as const;
  const origin = {
    clusterId: shop.cluster.id,
    timelineId,
    target,
    site: null,
    keepsCredentials: true,
    undeletes: false,
    onlyDatabase: null,
  };
  const restored = { ...plain, origin };
  const { operation } = await inventory.operations.submitCreate(restored, newSubmission(restored, 'restore'));
  expect([await isDue(timelineId), await inventory.timelines.isRead(timelineId)]).toEqual([false, true]);
  await finish(inventory, operation);
  expect([await isDue(timelineId), await inventory.timelines.isRead(timelineId)]).toEqual([true, false]);
});

test('backups from which their own cluster is recovered are read', async () => {
  const { operation } = await inventory.operations.submit(null, newSubmission(shop.cluster, 'recover'));
  expect(await inventory.timelines.isRead(shop.timeline.id)).toBe(true);
  await finish(inventory, operation);
  expect(await inventory.timelines.isRead(shop.timeline.id)).toBe(false);
});

test('an operation that was overtaken lets no lineage expire and opens none', async () => {
  const backup = await shop.backup();
  await shop.remove();
  const stale = { code: 'STALE_GENERATION' };
  await expect(inventory.timelines.expireWith(refOf(backup), 1)).rejects.toMatchObject(stale);
  const other = { id: newId('tl'), sites: ['primary'], version: '18' } as const;
  await expect(inventory.timelines.open(refOf(backup), other)).rejects.toMatchObject(stale);
  expect(await inventory.timelines.current(shop.cluster.id)).toEqual(shop.timeline);
});

test('the window is what was measured last, also that nothing can be restored', async () => {
  const { id } = shop.timeline;
  expect(await inventory.timelines.getWindow(id)).toBeNull();
  const window = { earliest: '2026-11-20T01:05:00.000Z', latest: null };
  await inventory.timelines.setWindow(id, window);
  expect(await inventory.timelines.getWindow(id)).toEqual(window);
  const wider = { ...window, latest: '2026-11-21T14:01:59.123Z' };
  await inventory.timelines.setWindow(id, wider);
  expect(await inventory.timelines.getWindow(id)).toEqual(wider);
  await inventory.timelines.setWindow(id, null);
  expect(await inventory.timelines.getWindow(id)).toBeNull();
});

describe('secrets', () => {
  const namesOf = async ({ cluster: { id } }: BackedUpCluster): Promise<string[]> => {
    const kept = await opened.scratch.query<{ name: string }>('select name from secrets where cluster_id = $1', [id]);
    return kept.map(({ name }) => name).sort();
  };
  const ofBackups = ({ timeline: { id } }: BackedUpCluster): string[] => [
    SECRET_NAMES.backupPassphrase(id),
    SECRET_NAMES.siteAccount(id, 'primary'),
    SECRET_NAMES.siteAccount(id, 'secondary'),
  ];
  // One that only looks like one of a backup: a role may have any name.
  const OWN = [SECRET_NAMES.authority, SECRET_NAMES.role('backup'), SECRET_NAMES.role('backup/x')];
  const fill = async (one: BackedUpCluster): Promise<void> => {
    for (const name of [...ofBackups(one), ...OWN])
      await secrets.ensure({ projectId: opened.project, clusterId: one.cluster.id, name }, () => `secret ${name}`);
  };

  test('that backups need stay when those of the cluster go, and can be read', async () => {
    await fill(shop);
    await secrets.deleteOwn(shop.cluster.id);
    expect(await namesOf(shop)).toEqual(ofBackups(shop).sort());
    const [name = ''] = ofBackups(shop);
    expect(await secrets.read({ projectId: opened.project, clusterId: shop.cluster.id, name })).toBe(`secret ${name}`);
  });

  test('that backups needed go with them, and no others; those of another cluster stay', async () => {
    const other = await openBackedUpCluster(opened);
    for (const one of [shop, other]) await fill(one);
    for (let i = 0; i < 2; i++) await secrets.deleteOfBackups(shop.cluster.id, shop.timeline.id);
    expect(await namesOf(shop)).toEqual(OWN.toSorted());
    expect(await namesOf(other)).toEqual([...OWN, ...ofBackups(other)].sort());
  });
});

test('sites are listed as they were last configured, in order; others are forgotten', async () => {
  await inventory.sites.record([knownSite('secondary', 'docker'), knownSite('primary', 'docker', 'static')]);
  const now = [knownSite('primary', 'static'), knownSite('offsite', 'docker')] as const;
  for (let i = 0; i < 2; i++) await inventory.sites.record(now);
  expect(await inventory.sites.list()).toEqual(now);
  await Promise.all(Array.from({ length: 5 }, () => inventory.sites.record(now)));
  expect(await inventory.sites.list()).toEqual(now);
  await inventory.sites.record([]);
  expect(await inventory.sites.list()).toEqual([]);
});

test('a cluster remembers what it was restored from', async () => {
  const origin = {
    clusterId: shop.cluster.id,
    timelineId: shop.timeline.id,
    target: { kind: 'time', time: '2026-11-21T14:01:59+01:00' },
    site: null,
    keepsCredentials: true,
    undeletes: false,
    onlyDatabase: null,
  } as const;
  const copy = { ...shop.cluster, id: newId('clu'), name: `copy-${newId('clu').slice(-8)}`, origin };
  const { operation } = await inventory.operations.submitCreate(copy, newSubmission(copy, 'restore'));
  expect(await inventory.clusters.get(copy.id)).toMatchObject({ origin, spec: { backups: POLICY } });
  await finish(inventory, operation);
});
