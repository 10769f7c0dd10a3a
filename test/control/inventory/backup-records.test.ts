import { createHash } from 'node:crypto';
import { checkManifest, recordManifests } from '../../../activities/pgbackrest/verify';
import type { SetPlace } from '../../../activities/inventory/backup-tables';
import type { Backup, BackupCopy } from '../../../domain/backups';
import { HoldfastError } from '../../../domain/errors';
import { idOfOperation } from '../../../domain/ids';
import type { BackedUpFleet } from '../../support/backed-up-fleet';
import { openBackedUpFleet } from '../../support/backed-up-fleet';
import type { BackedUpCluster } from '../../support/backups';
import { newSet } from '../../support/backups';
import { newSubmission, refOf } from '../../support/inventory';
import type { ScratchInventory } from '../../support/inventory';
import { startOn } from '../../support/lineage';

/** What a backup's record tells besides where it lies: how it was taken, and whether it was found to be good. */

let world: BackedUpFleet;
let opened: ScratchInventory;
let fleet: BackedUpFleet['fleet'];
let shop: BackedUpCluster;

beforeAll(async () => {
  world = await openBackedUpFleet();
  ({ opened, fleet } = world);
});
afterAll(() => world.close());
beforeEach(async () => {
  shop = await world.renew();
});

const backups = (): ScratchInventory['inventory']['backups'] => opened.inventory.backups;
const newest = async (): Promise<Backup | undefined> =>
  (await backups().list(opened.project, { limit: 1, clusterId: shop.cluster.id }))[0];

describe('how it was taken', () => {
  test('is known when it begins: the version with its minor, and the parameters of the tool', async () => {
    const operation = await shop.backup();
    expect(await newest()).toMatchObject({ version: '18', parameters: null });
    const start = startOn('pg-2', 'replica');
    await backups().recordStart(refOf(operation), start);
    expect(await newest()).toMatchObject({ version: '18.6', parameters: start.parameters, nodeRole: 'replica' });
    expect(start.parameters).toEqual({
      compressType: 'zst',
      cipherType: 'aes-256-cbc',
      bundle: true,
      block: true,
      processMax: 2,
    });
  });

  test('is not known of one that a host took by itself', async () => {
    await backups().recordSets(shop.timeline, 'primary', [newSet(1)]);
    expect(await newest()).toMatchObject({ requestedBy: 'host', schedule: null, parameters: null, version: '18' });
  });

  test.each([
    ['a schedule', 'backup', 'schedule', 'incremental'],
    ['somebody', 'backup', 'user', null],
    // A restore that a schedule might ask for is no schedule of backups.
    ['another operation', 'restore', 'schedule', null],
  ] as const)('asked for by %s', async (_who, kind, cause, schedule) => {
    const submission = newSubmission(shop.cluster, kind);
    const { operation } = await opened.inventory.operations.submit(null, {
      ...submission,
      operation: { ...submission.operation, cause },
      backup: {
        id: idOfOperation('bkp', submission.operation.operationId),
        timelineId: shop.timeline.id,
        type: 'incremental',
        description: null,
        version: '18',
      },
    });
    expect((await backups().ofOperation(operation.id)).schedule).toBe(schedule);
  });
});

describe('its manifest', () => {
  const set = newSet(1);
  const place = (site: string): SetPlace => ({ timelineId: shop.timeline.id, site, setId: set.setId });
  const key = (): string => `backup/${shop.timeline.id}/${set.setId}/backup.manifest`;
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const put = (content: string): Promise<void> =>
    fleet.storage.write('primary', shop.timeline.id, key(), Buffer.from(content));
  const copy = async (): Promise<BackupCopy | null> => backups().findCopy(place('primary'));

  beforeEach(async () => {
    const { id } = shop.timeline;
    await fleet.storage.ensureAccount('primary', id, fleet.storage.makeAccount('primary', id));
    await put('as it was taken');
    await backups().recordSets(shop.timeline, 'primary', [set]);
    await recordManifests(fleet, shop.timeline, 'primary');
  });

  test('is read once, and its checksum stays what it was', async () => {
    expect((await copy())?.manifestSha256).toBe(sha256('as it was taken'));
    await put('something else');
    await recordManifests(fleet, shop.timeline, 'primary');
    // Two may read at the same time.
    await backups().recordManifest(place('primary'), sha256('something else'));
    await backups().recordSets(shop.timeline, 'primary', [set]);
    expect((await copy())?.manifestSha256).toBe(sha256('as it was taken'));
  });

  test('that is not there is left to the next look', async () => {
    await backups().recordSets(shop.timeline, 'secondary', [set]);
    await recordManifests(fleet, shop.timeline, 'secondary');
    expect((await backups().findCopy(place('secondary')))?.manifestSha256).toBeNull();
    expect(await backups().listUnread(shop.timeline.id, 'secondary')).toEqual([set.setId]);
    expect(await checkManifest(fleet, place('secondary'))).toEqual([]);
  });

  test('on a site that is away, or refuses, is left to the next look, and holds up no backup', async () => {
    await backups().recordSets(shop.timeline, 'secondary', [set]);
    const failing = (code: 'SITE_UNAVAILABLE' | 'SITE_REFUSED'): typeof fleet => ({
      ...fleet,
      storage: {
        ...fleet.storage,
        read: (site) => Promise.reject(new HoldfastError(code, { site, verb: 'read an object', detail: 'no' })),
      },
    });
    for (const code of ['SITE_UNAVAILABLE', 'SITE_REFUSED'] as const)
      await recordManifests(failing(code), shop.timeline, 'secondary');
    expect(await backups().listUnread(shop.timeline.id, 'secondary')).toEqual([set.setId]);
  });

  test('that is what it was passes; another one, or none, does not', async () => {
    const [passed] = await checkManifest(fleet, place('primary'));
    expect([passed?.passed, passed?.detail]).toEqual([true, expect.stringContaining(sha256('as it was taken'))]);
    await put('as somebody changed it');
    const [changed] = await checkManifest(fleet, place('primary'));
    expect(changed?.passed).toBe(false);
    expect(changed?.detail).toMatch(
      new RegExp(`${set.setId} on primary has another checksum .*${sha256('as it was taken')}`),
    );
    await fleet.storage.large.remove('primary', shop.timeline.id, key());
    const [gone] = await checkManifest(fleet, place('primary'));
    expect([gone?.passed, gone?.detail]).toEqual([false, expect.stringContaining('is not there any more')]);
  });

  test('that cannot be asked for holds up no restore', async () => {
    const read = (site: string): Promise<never> =>
      Promise.reject(new HoldfastError('SITE_UNAVAILABLE', { site, verb: 'read an object', detail: 'no' }));
    const away = { ...fleet, storage: { ...fleet.storage, read } };
    expect(await checkManifest(away, place('primary'))).toEqual([]);
  });
});

test('a set that was restored says when', async () => {
  const set = newSet(1);
  const place = { timelineId: shop.timeline.id, site: 'primary', setId: set.setId };
  await backups().recordSets(shop.timeline, 'primary', [set]);
  expect((await backups().findCopy(place))?.lastVerifiedAt).toBeNull();
  await backups().markVerified(refOf(await shop.backup()), place);
  expect((await backups().findCopy(place))?.lastVerifiedAt).toMatch(/^20\d\d-/);
});
