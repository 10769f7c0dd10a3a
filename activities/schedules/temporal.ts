import { join } from 'node:path';
import {
  Client,
  Connection,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/client';
import type { ScheduleDescription, ScheduleOptions } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import type { BackupType } from '../../domain/backups';
import { each } from '../../domain/each';
import { HoldfastError } from '../../domain/errors';
import type { ClusterId } from '../../domain/ids';
import {
  backupScheduleId,
  SCHEDULED_WORKFLOWS,
  TASK_QUEUE,
  TEMPORAL_NAMESPACE,
  WATCH_WORKFLOW,
} from '../../domain/names';
import type { BackupScheduleState, BackupSchedules, ScheduledType } from './schedules';
import { housekeepingSchedule, idsOf, wantedBy } from './specs';

/**
 * A Schedule is described by asking its own workflow; when the server's worker has just let go of that, the question waits
 * 5 s for it before somebody else is asked (seen on a loaded machine: no answer within 5 s). An activity has 30 s.
 */
const CALL_DEADLINE_MS = 20_000;
const FAILURE_CONVERTER = join(__dirname, '..', '..', 'workflows', 'failure-converter');

export interface TemporalSchedules extends BackupSchedules {
  /** Ensures the Schedule of the housekeeping. Idempotent. @throws UNAVAILABLE. */
  ensureHousekeeping(): Promise<void>;
  /** Ensures that clusters are watched: one workflow without end. Idempotent. @throws UNAVAILABLE. */
  ensureWatch(): Promise<void>;
  close(): Promise<void>;
}

export interface SchedulesOptions {
  readonly address: string;
  /** Encrypts what Schedules start their workflows with: the one that workers have. */
  readonly codec?: PayloadCodec;
  /** Default: the one that workers ask. */
  readonly taskQueue?: string;
  readonly namespace?: string;
  /** Default 20 s. */
  readonly deadlineMs?: number;
}

/** Temporal Schedules, one for each cluster and type of backup, one for its drills and one for its dumps. Connects at the first call. */
export function openSchedules({
  address,
  codec,
  taskQueue = TASK_QUEUE,
  namespace,
  deadlineMs = CALL_DEADLINE_MS,
}: SchedulesOptions): TemporalSchedules {
  const connection = Connection.lazy({ address });
  const dataConverter = { failureConverterPath: FAILURE_CONVERTER, payloadCodecs: codec ? [codec] : [] };
  const client = new Client({ connection, namespace: namespace ?? TEMPORAL_NAMESPACE, dataConverter });
  const within = <T>(call: () => Promise<T>): Promise<T> =>
    telling(connection.withDeadline(Date.now() + deadlineMs, call));
  return {
    ensure: (cluster, policy) =>
      each(wantedBy(cluster, policy, taskQueue), ({ scheduleId, options }) =>
        within(() => (options ? put(client, options) : remove(client, scheduleId))),
      ),
    trigger: (clusterId, type, occasion) => within(() => trigger(client, clusterId, type, occasion, taskQueue)),
    remove: (clusterId) => each(idsOf(clusterId), ({ scheduleId }) => within(() => remove(client, scheduleId))),
    async describe(clusterId) {
      const all = idsOf(clusterId).map(({ type, scheduleId }) => within(() => describe(client, type, scheduleId)));
      return (await Promise.all(all)).flatMap((state) => state ?? []);
    },
    ensureHousekeeping: () => within(() => put(client, housekeepingSchedule(taskQueue))),
    ensureWatch: () => within(() => beginWatch(client, taskQueue)),
    close: () => connection.close(),
  };
}

/** gRPC's errors in the words of the catalogue. @throws UNAVAILABLE. */
async function telling<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    throw new HoldfastError('UNAVAILABLE', { part: 'Temporal' }, { cause: error });
  }
}

async function put({ schedule }: Client, options: ScheduleOptions): Promise<void> {
  try {
    await schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await schedule.getHandle(options.scheduleId).update(() => ({ ...options, state: options.state ?? {} }));
  }
}

async function remove({ schedule }: Client, id: string): Promise<void> {
  try {
    await schedule.getHandle(id).delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}

async function trigger(
  { workflow }: Client,
  clusterId: ClusterId,
  type: BackupType,
  occasion: string,
  taskQueue: string,
): Promise<void> {
  try {
    await workflow.start(SCHEDULED_WORKFLOWS.backup, {
      workflowId: `${backupScheduleId(clusterId, type)}/${occasion}`,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      taskQueue,
      args: [{ clusterId, type }],
      staticSummary: `${type} backup, now`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

async function beginWatch({ workflow }: Client, taskQueue: string): Promise<void> {
  await workflow.start(WATCH_WORKFLOW.type, {
    workflowId: WATCH_WORKFLOW.id,
    workflowIdConflictPolicy: 'USE_EXISTING',
    taskQueue,
    args: [],
    staticSummary: 'watches all clusters',
  });
}

async function describe(
  { schedule }: Client,
  type: ScheduledType,
  scheduleId: string,
): Promise<BackupScheduleState | null> {
  try {
    return stateOf(type, await schedule.getHandle(scheduleId).describe());
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null;
    throw error;
  }
}

function stateOf(type: ScheduledType, { spec, state, info }: ScheduleDescription): BackupScheduleState {
  return {
    type,
    // Temporal keeps what it made of the expression, and its comment as it was.
    cron: spec.calendars?.[0]?.comment ?? '',
    paused: state.paused,
    nextRuns: state.paused ? [] : info.nextActionTimes.map((at) => at.toISOString()),
    lastRun: info.recentActions.at(-1)?.takenAt.toISOString() ?? null,
  };
}
