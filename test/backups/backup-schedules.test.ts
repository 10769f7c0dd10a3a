import type { ScheduleHandle } from '@temporalio/client';
import { openSchedules } from '../../activities/schedules/temporal';
import { createWatchActivities } from '../../activities/watch/activities';
import type { BackupPolicy, BackupType } from '../../domain/backups';
import { backupScheduleId, HOUSEKEEPING_SCHEDULE, SCHEDULED_WORKFLOWS, WATCH_WORKFLOW } from '../../domain/names';
import * as workflows from '../../workflows';
import type { BackedUpCluster } from '../support/backups';
import { openBackedUpCluster } from '../support/backups';
import { eventually } from '../support/eventually';
import { POLICY } from '../support/lineage';
import type { ScheduledFleet } from '../support/scheduled-fleet';
import { openScheduledFleet } from '../support/scheduled-fleet';
import { describeSchedulesContract } from '../system/schedules-contract';

/** The Temporal Schedules that begin backups and housekeeping. */

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

test('Schedules and workers start workflows that workers know', () => {
  const started = [...Object.values(SCHEDULED_WORKFLOWS), WATCH_WORKFLOW.type];
  expect(Object.keys(workflows)).toEqual(expect.arrayContaining(started));
});

test('a Schedule has its overlap, catch-up and failure policies, and tells operators what it is for', async () => {
  await ensure();
  const { policies, state, spec, searchAttributes } = await handleOf('incremental').describe();
  expect(policies).toEqual({ overlap: 'BUFFER_ONE', catchupWindow: 3_600_000, pauseOnFailure: false });
  expect(spec.jitter).toBe(60_000);
  expect(state.note).toBe(`incremental backups of ${shop.cluster.name}`);
  expect(searchAttributes).toMatchObject({ HoldfastCluster: [shop.cluster.name], HoldfastOperationKind: ['backup'] });
});

describeSchedulesContract('Temporal', () => {
  const [one, other] = [1, 2].map(() => openSchedules({ address: scheduled.temporal.address, taskQueue: 'nobody' }));
  if (!one || !other) throw new Error('two of two');
  const end = async (): Promise<void> => void (await Promise.all([one.close(), other.close()]));
  return Promise.resolve({ schedules: one, otherProcess: other, end });
});

test('the housekeeping has one Schedule, and each of its runs is a short workflow', async () => {
  await Promise.all([scheduled.schedules.ensureHousekeeping(), scheduled.schedules.ensureHousekeeping()]);
  await scheduled.schedules.ensureHousekeeping();
  const handle = scheduled.temporal.client.schedule.getHandle(HOUSEKEEPING_SCHEDULE);
  const { info, spec } = await handle.describe();
  const [first, second] = info.nextActionTimes.map((at) => at.getTime());
  expect(spec.jitter).toBe(60_000);
  expect(Math.round(((second ?? 0) - (first ?? 0)) / 3_600_000)).toBe(1);
  await scheduled.withWorker(async () => {
    await handle.trigger();
    const workflowId = await eventually(
      async () => (await handle.describe()).info.recentActions.at(-1)?.action.workflow.workflowId,
    );
    const run = scheduled.temporal.client.workflow.getHandle(workflowId);
    const cleared = { removed: [], failed: {} };
    const nothing = {
      lineages: cleared,
      keptData: cleared,
      extracts: cleared,
      nodes: cleared,
      overdue: [],
      overdueDrills: [],
      overdueDumps: [],
      abandoned: [],
    };
    expect(await run.result()).toEqual(nothing);
    const { events } = await run.fetchHistory();
    // Six for each of its steps.
    expect(events?.length).toBeLessThan(60);
  });
});

test('the watch is one workflow without end: it leaves a worker that stops at once, and the next one goes on with it', async () => {
  await Promise.all([scheduled.schedules.ensureWatch(), scheduled.schedules.ensureWatch()]);
  await scheduled.schedules.ensureWatch();
  const handle = scheduled.temporal.client.workflow.getHandle(WATCH_WORKFLOW.id);
  const ends: string[] = [];
  for (const round of [1, 2, 3]) {
    const stopping = new AbortController();
    const watch = createWatchActivities(scheduled.fleet, stopping.signal);
    let isWatching = false;
    const watched = (): Promise<void> => {
      isWatching = true;
      return watch.watchClusters({ data: [], gateway: [], recover: [] }).catch((error: unknown) => {
        ends.push(String(error));
        throw error;
      });
    };
    await scheduled.withWorker(
      async () => {
        await eventually(() => isWatching);
        stopping.abort(new Error(`worker ${round} stops`));
      },
      { watchClusters: watched },
    );
  }
  expect(ends).toEqual(['Error: worker 1 stops', 'Error: worker 2 stops', 'Error: worker 3 stops']);
  expect((await handle.describe()).status.name).toBe('RUNNING');
  const { events } = await handle.fetchHistory();
  expect(events?.length).toBeLessThan(20);
  await handle.terminate();
});

test('while Temporal is away the schedules say so, as something that comes back', async () => {
  const nowhere = openSchedules({ address: '127.0.0.1:1', deadlineMs: 500 });
  try {
    const failure = { code: 'UNAVAILABLE', retryable: true };
    await expect(nowhere.remove(shop.cluster.id)).rejects.toMatchObject(failure);
    await expect(nowhere.ensureHousekeeping()).rejects.toMatchObject(failure);
    await expect(nowhere.ensureWatch()).rejects.toMatchObject(failure);
  } finally {
    await nowhere.close();
  }
});
