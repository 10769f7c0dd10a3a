import { openDump } from '../../../activities/dumps/open-dump';
import type { DumpDue } from '../../../activities/dumps/open-dump';
import { createHousekeepingActivities } from '../../../activities/housekeeping/activities';
import type { OpenInventory } from '../../../activities/inventory/open';
import type { BackupPolicy } from '../../../domain/backups';
import type { Condition } from '../../../domain/clusters';
import type { DumpOrders } from '../../../domain/dump-schedules';
import type { Dump } from '../../../domain/dumps';
import type { OperationId } from '../../../domain/ids';
import type { Operation } from '../../../domain/operations';
import type { BackedUpFleet } from '../../support/backed-up-fleet';
import { openBackedUpFleet } from '../../support/backed-up-fleet';
import type { BackedUpCluster } from '../../support/backups';
import type { ScratchInventory } from '../../support/inventory';
import { finish, newId, newSubmission, noticesOf, refOf } from '../../support/inventory';

/** Dumps that are due: what their operations are, and what a cluster says when they fail or do not come. */

const HOURLY: DumpOrders = { schedule: '0 * * * *', databases: ['a', 'b'], sites: ['secondary'] };

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
  await configure({ dumps: HOURLY });
});

/** The policy, and `expect` as the operation that changes it would. */
async function configure(policy: Partial<BackupPolicy>): Promise<void> {
  await world.setPolicy(shop, policy);
  await world.schedule(shop);
}

const steps = [
  { id: 'network', title: 'take' },
  { id: 'hosts', title: 'store' },
];
let serial = 0;
const dueNow = (): DumpDue => ({
  clusterId: shop.cluster.id,
  occasion: `dump/${++serial}`,
  steps: { single: steps, ha: steps },
});

async function open(due = dueNow()): Promise<Operation> {
  const { operation } = await openDump({ inventory }, due);
  const written = operation && (await inventory.operations.get(operation.operationId));
  if (!written) throw new Error('no operation');
  return written;
}
async function dumpOf(operation: OperationId): Promise<Dump> {
  return inventory.dumps.ofOperation(operation);
}
async function succeed(operation: Operation): Promise<void> {
  await inventory.dumps.recordCopy(refOf(operation), 'secondary');
  await finish(inventory, operation);
}
const fail = (operation: Operation): Promise<void> =>
  world.fail(operation, { code: 'DUMP_FAILED', message: 'The dump failed: no space.' });
const told = (): Promise<Condition | undefined> => world.conditionOf(shop.cluster.id, 'Dumped');
const passHours = (hours: number): Promise<void> => world.passHours(shop, 'dumps', hours);
const findOverdue = (): Promise<readonly string[]> => createHousekeepingActivities(fleet).findOverdueDumps();

test('one that is due is an operation like any other, with what the policy says; the same occasion twice is one', async () => {
  const due = dueNow();
  const operation = await open(due);
  expect(operation).toMatchObject({ kind: 'dump', state: 'pending', cause: 'schedule', requestedBy: 'schedule' });
  expect(await dumpOf(operation.id)).toMatchObject({
    database: null,
    selection: ['a', 'b'],
    sites: ['secondary'],
    timelineId: shop.timeline.id,
    requestedBy: 'schedule',
  });
  const pause = (paused: boolean): Promise<unknown> =>
    opened.scratch.query(`update clusters set spec = jsonb_set(spec, '{backups,paused}', $2::jsonb) where id = $1`, [
      shop.cluster.id,
      String(paused),
    ]);
  await pause(true);
  expect((await open(due)).id).toBe(operation.id);
  await pause(false);
  await expect(openDump({ inventory }, dueNow())).rejects.toMatchObject({ code: 'CLUSTER_BUSY' });
  await succeed(operation);
  expect((await open()).id).not.toBe(operation.id);
});

test('where none is wanted nothing is written, and it says why', async () => {
  const reasonOf = async (): Promise<string> => {
    const outcome = await openDump({ inventory }, dueNow());
    return outcome.operation === null ? outcome.reason : '';
  };
  await configure({ dumps: HOURLY, paused: true });
  expect(await reasonOf()).toMatch(/its backups are paused$/);
  await configure({});
  expect(await reasonOf()).toMatch(/its policy wants no dumps$/);
  await opened.scratch.query(`update clusters set state = 'deleting' where id = $1`, [shop.cluster.id]);
  expect(await reasonOf()).toMatch(/is deleting$/);
  expect(await inventory.dumps.list(opened.project, { limit: 9, clusterId: shop.cluster.id })).toEqual([]);
});

test('a cluster that wants dumps says that there is none yet; one that wants none any more says nothing', async () => {
  expect(await told()).toMatchObject({ status: false, reason: 'NoneYet' });
  await succeed(await open());
  expect(await told()).toMatchObject({ status: true, reason: 'Taken' });
  await configure({ dumps: HOURLY });
  expect(await told()).toMatchObject({ status: true, reason: 'Taken' });
  await configure({});
  expect(await told()).toBeUndefined();
});

test('one that failed is told with the age of the last good one; a cancelled one says nothing', async () => {
  const failed = await open();
  await fail(failed);
  expect((await told())?.message).toBe(
    'The last scheduled dump failed: The dump failed: no space. There is no good scheduled dump yet.',
  );
  const message = `The dump of ${shop.cluster.name} failed: The dump failed: no space.`;
  expect(await noticesOf(inventory, failed.id)).toEqual([{ event: 'failure', told: [], message }]);
  await succeed(await open());
  await passHours(3);
  await fail(await open());
  const condition = await told();
  expect(condition).toMatchObject({ status: false, reason: 'Failed' });
  expect(condition?.message).toMatch(/no space\. The last good one ended at \d{4}-.*Z, 3 h 0 min before\.$/);
  const cancelled = await open();
  const change = { state: 'cancelled', at: new Date().toISOString() } as const;
  await inventory.operations.record({ operationId: cancelled.id, seq: 9, steps: [], operation: change });
  expect(await told()).toEqual(condition);
});

test('what a user dumps on demand says nothing of the schedule, whatever the token is called', async () => {
  const { version } = shop.cluster.spec;
  const dump = { id: newId('dmp'), timelineId: shop.timeline.id, database: 'a', description: null, version };
  const { operation: asked, ...rest } = newSubmission(shop.cluster, 'dump');
  const submission = { ...rest, operation: { ...asked, requestedBy: 'schedule' }, dump };
  const { operation } = await inventory.operations.submit(null, submission);
  await succeed(operation);
  expect(await dumpOf(operation.id)).toMatchObject({ selection: null, sites: null, state: 'succeeded' });
  expect(await told()).toMatchObject({ reason: 'NoneYet' });
});

test('one that is overdue raises the condition once, and is written down; one that runs does not', async () => {
  await succeed(await open());
  expect(await findOverdue()).toEqual([]);
  await passHours(3);
  const running = await open();
  expect(await findOverdue()).toEqual([]);
  await opened.scratch.query(`update operation_events set at = at - interval '1 hour' where operation_id = $1`, [
    running.id,
  ]);
  expect(await findOverdue()).toEqual([shop.cluster.name]);
  const condition = await told();
  expect(condition).toMatchObject({ status: false, reason: 'Overdue' });
  expect(condition?.message).toMatch(
    /^The dump that was due at .*Z is .* late\. The last good one ended at .* before\.$/,
  );
  expect(await findOverdue()).toEqual([]);
  const entries = await opened.scratch.query(`select 1 from audit_log where action = 'dump overdue' and subject = $1`, [
    shop.cluster.id,
  ]);
  expect(entries).toHaveLength(1);
  await succeed(running);
  expect(await told()).toMatchObject({ status: true });
});

test('a policy that is paused, or has no times, has no overdue dumps', async () => {
  await configure({ dumps: HOURLY, paused: true });
  await passHours(5);
  expect(await findOverdue()).toEqual([]);
  await configure({});
  await passHours(5);
  expect(await findOverdue()).toEqual([]);
});
