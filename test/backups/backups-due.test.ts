import type { ScheduleHandle } from '@temporalio/client';
import { ScheduleOverlapPolicy, WithStartWorkflowOperation, WorkflowNotFoundError } from '@temporalio/client';
import type { BackupPolicy, BackupType } from '../../domain/backups';
import { backupScheduleId, entityWorkflowId } from '../../domain/names';
import type { OperationInput } from '../../domain/operations';
import type { backupDue, BackupDueOutcome } from '../../workflows/backup-due';
import { clusterWorkflow, submitOperation } from '../../workflows/cluster';
import type { BackedUpCluster } from '../support/backups';
import { newSet, openBackedUpCluster } from '../support/backups';
import { eventually } from '../support/eventually';
import { finish, newSubmission, refOf } from '../support/inventory';
import { POLICY } from '../support/lineage';
import type { ScheduledFleet } from '../support/scheduled-fleet';
import { openScheduledFleet } from '../support/scheduled-fleet';

/** What becomes of a backup that is due. */

jest.setTimeout(400_000);

let scheduled: ScheduledFleet;
let shop: BackedUpCluster;

beforeAll(async () => {
  scheduled = await openScheduledFleet();
});
afterAll(() => scheduled?.close());
beforeEach(async () => {
  shop = await openBackedUpCluster(scheduled.opened);
});

const ensure = (policy: BackupPolicy = POLICY): Promise<void> =>
  scheduled.schedules.ensure({ ...shop.cluster, projectName: 'default' }, policy);
const handleOf = (type: BackupType): ScheduleHandle =>
  scheduled.temporal.client.schedule.getHandle(backupScheduleId(shop.cluster.id, type));

/** What became of the newest run of a Schedule. */
async function outcomeOf(type: BackupType): Promise<BackupDueOutcome> {
  const workflowId = await eventually(async () => {
    const { info } = await handleOf(type).describe();
    return info.recentActions.at(-1)?.action.workflow.workflowId;
  });
  return scheduled.temporal.client.workflow.getHandle<typeof backupDue>(workflowId).result();
}

test('a time of the Schedule takes a backup, as an operation like any other', async () => {
  // One time in the hour that is over, far from its ends.
  const minute = (new Date().getMinutes() + 30) % 60;
  await ensure({ ...POLICY, schedule: { ...POLICY.schedule, incremental: `${minute} * * * *` } });
  await scheduled.withWorker(async () => {
    const hour = 3_600_000;
    const now = Date.now();
    await handleOf('incremental').backfill({
      start: new Date(now - hour),
      end: new Date(now),
      overlap: ScheduleOverlapPolicy.ALLOW_ALL,
    });
    const [operation] = await scheduled.succeeded(shop.cluster.id, 1);
    expect(operation).toMatchObject({ cause: 'schedule', requestedBy: 'schedule' });
  });
  const [backup] = await scheduled.inventory.backups.list(scheduled.opened.project, {
    limit: 9,
    clusterId: shop.cluster.id,
  });
  expect(backup).toMatchObject({ type: 'incremental', state: 'succeeded', requestedBy: 'schedule' });
});

test('two types that are due at once run one after the other', async () => {
  await ensure();
  let [running, most] = [0, 0];
  const takeBackup = async (): Promise<void> => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    running -= 1;
  };
  await scheduled.withWorker(
    async () => {
      await Promise.all([handleOf('full').trigger(), handleOf('incremental').trigger()]);
      await scheduled.succeeded(shop.cluster.id, 2);
    },
    { takeBackup },
  );
  expect(most).toBe(1);
});

const pause = (): Promise<unknown> =>
  scheduled.opened.scratch.query(
    `update clusters set spec = jsonb_set(spec, '{backups,paused}', 'true') where id = $1`,
    [shop.cluster.id],
  );

test('a paused policy takes none but the first, also of a run that was begun before', async () => {
  await finish(scheduled.inventory, await shop.backup());
  await ensure({ ...POLICY, paused: true });
  await pause();
  await scheduled.withWorker(async () => {
    await handleOf('full').trigger();
    const { operation, reason } = await outcomeOf('full');
    expect([operation, reason]).toEqual([null, `backups of cluster ${shop.cluster.name} are paused`]);
  });
  expect(await scheduled.backupsOf(shop.cluster.id)).toHaveLength(1);
});

test('a cluster whose first backup is on one site only gets one to the others, though its policy is paused, and no more', async () => {
  const { activities, inventory } = scheduled;
  await finish(inventory, await shop.backup());
  await inventory.backups.recordSets(shop.timeline, 'primary', [newSet(1)]);
  await pause();
  const due = (occasion: string): ReturnType<typeof activities.openBackup> =>
    activities.openBackup({ clusterId: shop.cluster.id, type: 'incremental', occasion, steps: { single: [], ha: [] } });
  const opened = (await due('after the restore')).operation;
  const operation = opened && (await inventory.operations.get(opened.operationId));
  if (!operation) throw new Error('nothing was opened');
  await finish(inventory, operation);
  await inventory.backups.recordSets(shop.timeline, 'secondary', [newSet(2)]);
  expect(await due('later')).toEqual({
    operation: null,
    reason: `backups of cluster ${shop.cluster.name} are paused`,
  });
});

test('a cluster that was ordered with a paused policy gets its first backup: without one its archive is of no use', async () => {
  await pause();
  const { activities, inventory } = scheduled;
  const { operation } = await inventory.operations.submit(null, newSubmission(shop.cluster, 'configure-backups'));
  await activities.scheduleBackups(refOf(operation));
  await scheduled.withWorker(async () => {
    await scheduled.succeeded(shop.cluster.id, 1);
  });
  await activities.scheduleBackups(refOf(operation));
  await finish(inventory, operation);
  expect(await scheduled.backupsOf(shop.cluster.id)).toHaveLength(1);
});

test('the first backup of a cluster is taken at once, and once, however often the step is repeated', async () => {
  const { activities, inventory } = scheduled;
  const { operation } = await inventory.operations.submit(null, newSubmission(shop.cluster, 'configure-backups'));
  await Promise.all([activities.scheduleBackups(refOf(operation)), activities.scheduleBackups(refOf(operation))]);
  await activities.scheduleBackups(refOf(operation));
  await scheduled.withWorker(async () => {
    const [backup] = await scheduled.succeeded(shop.cluster.id, 1);
    expect(backup).toMatchObject({ cause: 'schedule' });
  });
  await activities.scheduleBackups(refOf(operation));
  await finish(inventory, operation);
  expect(await scheduled.backupsOf(shop.cluster.id)).toHaveLength(1);
  expect(await scheduled.schedules.describe(shop.cluster.id)).toHaveLength(4);
});

test('a worker that dies when it has written the operation leaves one', async () => {
  await ensure();
  const { activities } = scheduled;
  let died = false;
  await scheduled.withWorker(
    async () => {
      await handleOf('full').trigger();
      const [operation] = await scheduled.succeeded(shop.cluster.id, 1);
      expect(await outcomeOf('full')).toEqual({ operation: operation?.id, outcome: 'succeeded', reason: null });
    },
    {
      async openBackup(due) {
        const result = await activities.openBackup(due);
        if (died) return result;
        died = true;
        throw new Error('nobody hears of the result');
      },
    },
  );
});

test('a worker that is restarted before the backup has begun takes one', async () => {
  await ensure();
  const { activities } = scheduled;
  let written: () => void;
  const isWritten = new Promise<void>((resolve) => (written = resolve));
  const handle = handleOf('full');
  await scheduled.withWorker(
    async () => {
      await handle.trigger();
      await isWritten;
    },
    {
      async openBackup(due) {
        const result = await activities.openBackup(due);
        written();
        return result;
      },
    },
  );
  await scheduled.withWorker(async () => {
    const [operation] = await scheduled.succeeded(shop.cluster.id, 1);
    expect(await outcomeOf('full')).toMatchObject({ operation: operation?.id, reason: null });
  });
});

test('where the outbox of the API has handed the operation to the entity at the same moment, it is one', async () => {
  await ensure();
  const { activities } = scheduled;
  await scheduled.withWorker(
    async () => {
      await handleOf('full').trigger();
      const [operation] = await scheduled.succeeded(shop.cluster.id, 1);
      expect(await outcomeOf('full')).toEqual({ operation: operation?.id, outcome: 'elsewhere', reason: null });
    },
    {
      async openBackup(due) {
        const result = await activities.openBackup(due);
        if (result.operation) await handToEntity(result.operation);
        return result;
      },
    },
  );
});

/** Returns when the operation's workflow is there. */
async function handToEntity(operation: OperationInput): Promise<void> {
  const { workflow } = scheduled.temporal.client;
  const startWorkflowOperation = new WithStartWorkflowOperation(clusterWorkflow, {
    workflowId: entityWorkflowId(operation.clusterId),
    taskQueue: scheduled.taskQueue,
    workflowIdConflictPolicy: 'USE_EXISTING',
    args: [{ clusterId: operation.clusterId }],
  });
  const args: [OperationInput] = [operation];
  await workflow.executeUpdateWithStart(submitOperation, { startWorkflowOperation, args });
  await eventually(() =>
    workflow
      .getHandle(operation.operationId)
      .describe()
      .then(() => true)
      .catch((error: unknown) => {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }),
  );
}

test('one that is due waits for the one that runs, and gives up before the next is due, with the reason', async () => {
  await ensure();
  const running = await shop.backup();
  await scheduled.withWorker(async () => {
    await handleOf('incremental').trigger();
    const { operation, outcome, reason } = await outcomeOf('incremental');
    expect([operation, outcome]).toEqual([null, 'not taken']);
    expect(reason).toMatch(new RegExp(`${running.id}|another backup ran`));
  });
});

const NOT_TAKEN: readonly [string, RegExp, () => Promise<unknown>][] = [
  ['is being deleted', /is deleted$/, () => setState('deleting')],
  ['was deleted', /is deleted$/, () => scheduled.opened.scratch.query(`update clusters set deleted_at = now()`)],
  ['is not ready', /is creating; this needs a cluster that is ready\.$/, () => setState('creating')],
  [
    'has no lineage',
    /has no backups$/,
    () => scheduled.opened.scratch.query(`update timelines set removed_at = now()`),
  ],
];
const setState = (state: string): Promise<unknown> =>
  scheduled.opened.scratch.query(`update clusters set state = '${state}'`);

test.each(NOT_TAKEN)('no backup is begun of a cluster that %s, and the run says so', async (_what, reason, make) => {
  await ensure();
  await make();
  await scheduled.withWorker(async () => {
    await handleOf('full').trigger();
    const { operation, outcome, reason: why } = await outcomeOf('full');
    expect([operation, outcome]).toEqual([null, 'not taken']);
    expect(why).toMatch(reason);
  });
  expect(await scheduled.backupsOf(shop.cluster.id)).toEqual([]);
});
