import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeEverywhere } from '../../../activities/dumps/store';
import type { Fleet } from '../../../activities/fleet';
import type { OpenInventory } from '../../../activities/inventory/open';
import { dumpKey } from '../../../domain/dumps';
import type { Dump } from '../../../domain/dumps';
import { HoldfastError } from '../../../domain/errors';
import { openSimulatedFleet } from '../../simulation/fleet';
import type { BackedUpCluster } from '../../support/backups';
import { openBackedUpCluster } from '../../support/backups';
import type { ScratchInventory } from '../../support/inventory';
import { newId, newSubmission, openScratchInventory, refOf } from '../../support/inventory';

/** A dump goes from all of its sites: also from those that nobody has written down, and as far as they can be reached. */

let opened: ScratchInventory;
let folder: string;
let fleet: Fleet & { readonly inventory: OpenInventory };
let shop: BackedUpCluster;

beforeAll(async () => {
  opened = await openScratchInventory();
  folder = mkdtempSync(join(tmpdir(), 'holdfast-removed-dumps-'));
  fleet = await openSimulatedFleet(join(folder, 'world'), join(folder, 'home'), opened.scratch.url);
});
afterAll(async () => {
  await fleet?.inventory.close();
  rmSync(folder, { recursive: true, force: true });
  await opened?.close();
});

const SITES = ['primary', 'secondary'];

/** A dump with an object and an upload that was begun on both sites, the first of which is written down as its copy. */
async function storedDump(): Promise<Dump> {
  shop = await openBackedUpCluster(opened);
  const { cluster, timeline } = shop;
  const dump = {
    id: newId('dmp'),
    timelineId: timeline.id,
    database: 'app',
    description: null,
    version: '18',
  } as const;
  const { operation } = await opened.inventory.operations.submit(null, { ...newSubmission(cluster, 'dump'), dump });
  for (const site of SITES) {
    await fleet.storage.ensureAccount(site, timeline.id, { accessKey: 'a', secretKey: 's' });
    await fleet.storage.write(site, timeline.id, dumpKey(dump.id), Buffer.from('archive'));
    await fleet.storage.large.beginUpload(site, timeline.id, dumpKey(dump.id));
  }
  await opened.inventory.dumps.recordCopy(refOf(operation), 'primary');
  return opened.inventory.dumps.ofOperation(operation.id);
}

async function leftOf({ timelineId }: Dump, site: string): Promise<number> {
  const keys: string[] = [];
  for await (const { key } of fleet.storage.list(site, timelineId, '')) keys.push(key);
  return keys.length;
}

/** The same fleet, where one site does not do it, or is not in the sites file any more. */
function without(site: string, how: 'away' | 'unconfigured'): Fleet {
  const { storage } = fleet;
  const refuse = (): never => {
    throw how === 'away'
      ? new HoldfastError('SITE_UNAVAILABLE', { site, verb: 'delete an object', detail: 'Nothing answers.' })
      : new HoldfastError('NOT_FOUND', { kind: 'site', ref: site });
  };
  const { large } = storage;
  return {
    ...fleet,
    storage: {
      ...storage,
      sites: storage.sites.filter(({ name }) => how === 'away' || name !== site),
      large: {
        ...large,
        abortUploads: async (name, ...rest) => (name === site ? refuse() : large.abortUploads(name, ...rest)),
        remove: async (name, ...rest) => (name === site ? refuse() : large.remove(name, ...rest)),
      },
    },
  };
}

test('nothing is left of it, also where it was not written down', async () => {
  const dump = await storedDump();
  expect(await Promise.all(SITES.map((site) => leftOf(dump, site)))).toEqual([2, 2]);
  expect(await removeEverywhere(fleet, dump)).toBeNull();
  expect(await Promise.all(SITES.map((site) => leftOf(dump, site)))).toEqual([0, 0]);
});

test('a site that is away keeps no other from it, and is told', async () => {
  const dump = await storedDump();
  expect(await removeEverywhere(without('primary', 'away'), dump)).toMatchObject({
    code: 'SITE_UNAVAILABLE',
    values: { site: 'primary' },
  });
  expect(await Promise.all(SITES.map((site) => leftOf(dump, site)))).toEqual([2, 0]);
});

test('a site that is not configured any more is not taken for one that is away: nobody waits for it', async () => {
  const dump = await storedDump();
  expect(await removeEverywhere(without('primary', 'unconfigured'), dump)).toBeNull();
  expect(await Promise.all(SITES.map((site) => leftOf(dump, site)))).toEqual([2, 0]);
});
