import type { Fleet } from '../../../activities/fleet';
import { createHousekeepingActivities } from '../../../activities/housekeeping/activities';
import type { OpenInventory } from '../../../activities/inventory/open';
import type { BackupPolicy } from '../../../domain/backups';
import type { Condition, StepRef } from '../../../domain/clusters';
import { HoldfastError } from '../../../domain/errors';
import type { ClusterId } from '../../../domain/ids';
import type { Operation } from '../../../domain/operations';
import type { BackedUpFleet } from '../../support/backed-up-fleet';
import { openBackedUpFleet } from '../../support/backed-up-fleet';
import type { BackedUpCluster } from '../../support/backups';
import { newSet, openBackedUpCluster } from '../../support/backups';
import type { ScratchInventory } from '../../support/inventory';
import { finish, newSubmission, noticesOf, refOf } from '../../support/inventory';
import { POLICY } from '../../support/lineage';

/** What a cluster says of its backups when they fail, or do not come. */

let world: BackedUpFleet;
let opened: ScratchInventory;
let inventory: OpenInventory;
let fleet: BackedUpFleet['fleet'];
let shop: BackedUpCluster;

beforeAll(async () => {
  world = await openBackedUpFleet();
  ({ opened, inventory, fleet } = world);
});
afterAll(() => world.close());
beforeEach(async () => {
  shop = await world.renew();
});

const backedUp = (id: ClusterId = shop.cluster.id): Promise<Condition | undefined> => world.conditionOf(id, 'BackedUp');
const schedule = (cluster = shop): Promise<boolean> => world.schedule(cluster);

async function succeed(operation: Operation): Promise<void> {
  const ref: StepRef = refOf(operation);
  await inventory.backups.succeed(ref);
  await inventory.clusters.setCondition(ref, { type: 'BackedUp', status: true, reason: 'Taken', message: 'well' });
  await finish(inventory, operation);
}

const fail = (operation: Operation): Promise<void> =>
  world.fail(operation, { code: 'BACKUP_FAILED', message: 'The backup to site primary failed: no space.' });
const passHours = (hours: number): Promise<void> => world.passHours(shop, 'backups', hours);
const setPolicy = (policy: Partial<BackupPolicy>): Promise<void> => world.setPolicy(shop, policy);

const findOverdue = (): Promise<readonly string[]> => createHousekeepingActivities(fleet).findOverdueBackups();

test('before the first backup has ended the cluster says that there is none yet', async () => {
  expect(await schedule()).toBe(true);
  expect(await backedUp()).toMatchObject({ status: false, reason: 'NoneYet' });
  const running = await shop.backup();
  expect(await schedule()).toBe(false);
  await succeed(running);
  expect(await schedule()).toBe(false);
  expect(await backedUp()).toMatchObject({ status: true, reason: 'Taken' });
});

test('a backup that failed is told with the age of the last good one, in the transaction that ends it', async () => {
  await succeed(await shop.backup());
  await passHours(3);
  await fail(await shop.backup());
  const condition = await backedUp();
  expect(condition).toMatchObject({ status: false, reason: 'Failed' });
  expect(condition?.message).toMatch(
    /^The last backup failed: The backup to site primary failed: no space\. The last good backup ended at \d{4}-.*Z, 3 h 0 min before\.$/,
  );
});

test('where no backup ended well yet, one that failed says so', async () => {
  await fail(await shop.backup());
  expect((await backedUp())?.message).toMatch(/no space\. There is no good backup yet\.$/);
});

test('an operation that is no backup tells nothing of backups when it fails', async () => {
  const { operation } = await inventory.operations.submit(null, newSubmission(shop.cluster, 'configure-backups'));
  await fail(operation);
  expect(await backedUp()).toBeUndefined();
});

test('a backup that is overdue by more than half of its interval raises the condition once, and is written down', async () => {
  await schedule();
  await succeed(await shop.backup());
  expect(await findOverdue()).toEqual([]);
  await passHours(3);
  expect(await findOverdue()).toEqual([shop.cluster.name]);
  const condition = await backedUp();
  expect(condition).toMatchObject({ status: false, reason: 'Overdue' });
  expect(condition?.message).toMatch(
    /^The incremental backup that was due at .*Z is [12] h .* late\. The last good backup ended at .* 3 h 0 min before\.$/,
  );
  expect(await findOverdue()).toEqual([]);
  const told = await opened.scratch.query<{ subject: string }>(
    `select subject from audit_log where action = 'backup overdue' and subject = $1`,
    [shop.cluster.id],
  );
  expect(told).toHaveLength(1);
  await succeed(await shop.backup());
  expect(await backedUp()).toMatchObject({ status: true });
});

test.each([
  ['whoever wants to know of failures', [{ event: 'failure', to: 'pager' }], ['pager']],
  ['nobody, as it is by default', [], []],
] as const)(
  'one that is overdue is an event, with how old the last good one is, for %s',
  async (_who, notify, told) => {
    await setPolicy({ notify });
    await schedule();
    const last = await shop.backup();
    await succeed(last);
    await passHours(3);
    for (let i = 0; i < 2; i++) await findOverdue();
    const message = expect.stringMatching(
      new RegExp(
        `^${shop.cluster.name}: The incremental backup .* late\\. The last good backup .* 3 h 0 min before\\.$`,
      ),
    ) as unknown;
    expect(await noticesOf(inventory, last.id)).toEqual([{ event: 'failure', told, message }]);
  },
);

test('where none was ever taken it is overdue since the schedules began', async () => {
  await schedule();
  await passHours(3);
  expect(await findOverdue()).toEqual([shop.cluster.name]);
  expect((await backedUp())?.message).toMatch(/There is no good backup yet\.$/);
});

test('a backup that a wrong clock has put into the future hides neither that none came since, nor those that did', async () => {
  await schedule();
  await passHours(30);
  const ahead = await shop.backup();
  await succeed(ahead);
  await opened.scratch.query(
    `update backups set started_at = now() + interval '1 year', finished_at = now() + interval '1 year' where operation_id = $1`,
    [ahead.id],
  );
  expect(await findOverdue()).toEqual([shop.cluster.name]);
  expect((await backedUp())?.message).toMatch(/There is no good backup yet\.$/);
  // Its id remains the newest.
  await opened.scratch.query(`update backups set id = 'bkp_7zzzzzzzzzzzzzzzzzzzzzzzzz' where operation_id = $1`, [
    ahead.id,
  ]);
  await succeed(await shop.backup());
  expect(await findOverdue()).toEqual([]);
  await passHours(3);
  expect(await findOverdue()).toEqual([shop.cluster.name]);
  expect((await backedUp())?.message).toMatch(/3 h 0 min before\.$/);
});

test('a change of the policy begins anew: what was due before it is not missed', async () => {
  await succeed(await shop.backup());
  await passHours(30);
  await schedule();
  expect(await findOverdue()).toEqual([]);
});

const NOT_OVERDUE: readonly [string, () => Promise<unknown>][] = [
  ['is paused', () => setPolicy({ paused: true })],
  [
    'takes backups on demand only',
    () => setPolicy({ schedule: { full: null, differential: null, incremental: null } }),
  ],
  ['has a backup that runs', () => shop.backup()],
  ['has told already that the last one failed', async () => fail(await shop.backup())],
  ['is being deleted', () => opened.scratch.query(`update clusters set state = 'deleting'`)],
  ['was never scheduled', () => opened.scratch.query('update clusters set backups_scheduled_at = null')],
];

test('a backup that hangs keeps none from being overdue: nothing was heard of it for half an hour', async () => {
  await schedule();
  await passHours(100);
  const { id } = await shop.backup();
  expect(await findOverdue()).toEqual([]);
  await opened.scratch.query(`update operation_events set at = at - interval '31 minutes' where operation_id = $1`, [
    id,
  ]);
  expect(await findOverdue()).toEqual([shop.cluster.name]);
});

test.each(NOT_OVERDUE)('nothing is overdue of a cluster that %s', async (_what, make) => {
  await schedule();
  await passHours(100);
  await make();
  expect(await findOverdue()).toEqual([]);
});

test('a backup that the host has taken by itself is known before one is called overdue, and ends what was said', async () => {
  await schedule();
  await passHours(100);
  expect(await findOverdue()).toEqual([shop.cluster.name]);
  expect(await backedUp()).toMatchObject({ status: false, reason: 'Overdue' });
  expect(await inventory.backups.listMissed()).toEqual([shop.cluster.id]);
  const begun = Math.floor(Date.now() / 1000);
  const now = { startedAt: new Date(begun * 1000).toISOString(), finishedAt: new Date().toISOString() };
  await inventory.backups.recordSets(shop.timeline, 'primary', [newSet(1, { backupId: `own-pg-1-${begun}`, ...now })]);
  expect(await backedUp()).toMatchObject({ status: true, reason: 'TakenByHost' });
  expect([await inventory.backups.listMissed(), await findOverdue()]).toEqual([[], []]);
});

test('with a thousand clusters and none overdue it is one query, and quick', async () => {
  await opened.scratch.query(
    `insert into clusters (id, project_id, name, spec, state, backups_scheduled_at)
     select 'clu_' || lpad(n::text, 26, '0'), project_id, 'many-' || n, spec, 'ready', now()
       from clusters, generate_series(1, 1000) n where id = $1`,
    [shop.cluster.id],
  );
  let calls = 0;
  const { backups } = inventory;
  const counted: Fleet = {
    ...fleet,
    inventory: {
      ...inventory,
      backups: {
        ...backups,
        listUnderPolicy: () => ((calls += 1), backups.listUnderPolicy()),
        raiseOverdue: () => Promise.reject(new Error('none is overdue')),
      },
    },
  };
  const begin = performance.now();
  expect(await createHousekeepingActivities(counted).findOverdueBackups()).toEqual([]);
  expect(performance.now() - begin).toBeLessThan(5_000);
  expect(calls).toBe(1);
});

test('a lineage that cannot be removed keeps no other from it, and is tried again', async () => {
  const other = await openBackedUpCluster(opened);
  await opened.scratch.query(`update timelines set expires_at = now() - interval '1 second' where id = any ($1)`, [
    [shop.timeline.id, other.timeline.id],
  ]);
  let broken = true;
  const { storage } = fleet;
  const troubled: Fleet = {
    ...fleet,
    storage: {
      ...storage,
      removeObjects: (site, timeline) =>
        broken && timeline === shop.timeline.id
          ? Promise.reject(new HoldfastError('SITE_UNAVAILABLE', { site, verb: 'delete', detail: 'it is away.' }))
          : storage.removeObjects(site, timeline),
    },
  };
  const housekeeping = createHousekeepingActivities(troubled);
  const first = await housekeeping.removeExpiredLineages();
  expect(first.removed).toContain(other.timeline.id);
  expect(first.failed).toEqual({ [shop.timeline.id]: 'Site primary could not delete: it is away.' });
  broken = false;
  expect(await housekeeping.removeExpiredLineages()).toEqual({ removed: [shop.timeline.id], failed: {} });
  expect(await housekeeping.removeExpiredLineages()).toEqual({ removed: [], failed: {} });
});

test('a change of the policy is written with its operation, and can be put back', async () => {
  const after: BackupPolicy = { ...POLICY, sites: [...POLICY.sites, 'offsite'], paused: true };
  const { operation } = await inventory.operations.submit(null, {
    ...newSubmission(shop.cluster, 'configure-backups'),
    backupPolicy: after,
  });
  const policy = async (): Promise<unknown> => (await inventory.clusters.get(shop.cluster.id))?.spec.backups;
  expect(await policy()).toEqual(after);
  expect(await inventory.policyChanges.ofOperation(operation.id)).toEqual({ before: POLICY, after });
  await inventory.timelines.setSites(refOf(operation), after.sites);
  expect((await inventory.timelines.current(shop.cluster.id))?.sites).toEqual(after.sites);
  await inventory.policyChanges.putBack(refOf(operation));
  expect(await policy()).toEqual(POLICY);
  const backup = await shop.backup();
  await expect(inventory.policyChanges.ofOperation(backup.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
