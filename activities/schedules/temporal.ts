import { join } from 'node:path';
import {
  Client,
  Connection,
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/client';
import type { ScheduleDescription, ScheduleOptions } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { PayloadCodec, SearchAttributePair } from '@temporalio/common';
import type { BackupPolicy, BackupType } from '../../domain/backups';
import { BACKUP_TYPES } from '../../domain/backups';
import { each } from '../../domain/each';
import { HoldfastError } from '../../domain/errors';
import type { ClusterId } from '../../domain/ids';
import {
  backupScheduleId,
  drillScheduleId,
  HOUSEKEEPING_SCHEDULE,
  SCHEDULED_WORKFLOWS,
  SEARCH_ATTRIBUTES,
  TASK_QUEUE,
  TEMPORAL_NAMESPACE,
} from '../../domain/names';
import type { OperationKind } from '../../domain/operations';
import type { BackupScheduleState, BackupSchedules, ScheduledCluster, ScheduledType } from './schedules';

/** Backups of many clusters that are due in the same minute begin within this time. */
const JITTER = '60s';
/** Each drill makes hosts: those of many clusters are spread over the night. */
const DRILL_JITTER = '3h';
/** Every Schedule's: what was missed while Temporal was away is taken when it comes back soon, and left to the next one else. */
const POLICIES = {
  overlap: ScheduleOverlapPolicy.BUFFER_ONE,
  catchupWindow: '1h',
  pauseOnFailure: false,
} as const satisfies ScheduleOptions['policies'];
/** Behind the backups of the full hour, which it looks at. */
const HOUSEKEEPING_CRON = '37 * * * *';
/**
 * A Schedule is described by asking its own workflow; when the server's worker has just let go of that, the question waits
 * 5 s for it before somebody else is asked (seen on a loaded machine: no answer within 5 s). An activity has 30 s.
 */
const CALL_DEADLINE_MS = 20_000;
const FAILURE_CONVERTER = join(__dirname, '..', '..', 'workflows', 'failure-converter');

export interface TemporalSchedules extends BackupSchedules {
  /** Ensures the Schedule of the housekeeping. Idempotent. @throws UNAVAILABLE. */
  ensureHousekeeping(): Promise<void>;
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

/** Temporal Schedules, one for each cluster and type of backup, and one for its drills. Connects at the first call. */
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
    close: () => connection.close(),
  };
}

const idsOf = (clusterId: ClusterId): { readonly type: ScheduledType; readonly scheduleId: string }[] => [
  ...BACKUP_TYPES.map((type) => ({ type, scheduleId: backupScheduleId(clusterId, type) })),
  { type: 'drill', scheduleId: drillScheduleId(clusterId) },
];

/** All that a cluster can have; null for what its policy does not want. */
function wantedBy(
  cluster: ScheduledCluster,
  policy: BackupPolicy,
  taskQueue: string,
): readonly { readonly scheduleId: string; readonly options: ScheduleOptions | null }[] {
  const backups = BACKUP_TYPES.map((type) => {
    const cron = policy.schedule[type];
    const scheduleId = backupScheduleId(cluster.id, type);
    return { scheduleId, options: cron === null ? null : backupSchedule(cluster, policy, type, cron, taskQueue) };
  });
  const drill = policy.drill === null ? null : drillSchedule(cluster, policy, policy.drill, taskQueue);
  return [...backups, { scheduleId: drillScheduleId(cluster.id), options: drill }];
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

const keyword = (name: string, value: string): SearchAttributePair => ({
  key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD),
  value,
});

const attributesOf = (cluster: ScheduledCluster, kind: OperationKind): SearchAttributePair[] => [
  keyword(SEARCH_ATTRIBUTES.cluster, cluster.name),
  keyword(SEARCH_ATTRIBUTES.project, cluster.projectName),
  keyword(SEARCH_ATTRIBUTES.kind, kind),
];

function backupSchedule(
  cluster: ScheduledCluster,
  { timeZone, paused }: BackupPolicy,
  type: BackupType,
  cron: string,
  taskQueue: string,
): ScheduleOptions {
  const scheduleId = backupScheduleId(cluster.id, type);
  const typedSearchAttributes = attributesOf(cluster, 'backup');
  return {
    scheduleId,
    spec: { cronExpressions: [`${cron} #${cron}`], timezone: timeZone, jitter: JITTER },
    policies: POLICIES,
    state: { paused, note: `${type} backups of ${cluster.name}${paused ? ', paused by its policy' : ''}` },
    typedSearchAttributes,
    action: {
      type: 'startWorkflow',
      workflowType: SCHEDULED_WORKFLOWS.backup,
      workflowId: scheduleId,
      taskQueue,
      args: [{ clusterId: cluster.id, type }],
      typedSearchAttributes,
      staticSummary: `${type} backup of ${cluster.name}`,
    },
  };
}

function drillSchedule(
  cluster: ScheduledCluster,
  { timeZone, paused }: BackupPolicy,
  cron: string,
  taskQueue: string,
): ScheduleOptions {
  const scheduleId = drillScheduleId(cluster.id);
  const typedSearchAttributes = attributesOf(cluster, 'drill');
  return {
    scheduleId,
    spec: { cronExpressions: [`${cron} #${cron}`], timezone: timeZone, jitter: DRILL_JITTER },
    policies: { ...POLICIES, overlap: ScheduleOverlapPolicy.SKIP },
    state: { paused, note: `drills of ${cluster.name}${paused ? ', paused by its policy' : ''}` },
    typedSearchAttributes,
    action: {
      type: 'startWorkflow',
      workflowType: SCHEDULED_WORKFLOWS.drill,
      workflowId: scheduleId,
      taskQueue,
      args: [{ clusterId: cluster.id }],
      typedSearchAttributes,
      staticSummary: `drill of ${cluster.name}`,
    },
  };
}

function housekeepingSchedule(taskQueue: string): ScheduleOptions {
  return {
    scheduleId: HOUSEKEEPING_SCHEDULE,
    spec: { cronExpressions: [HOUSEKEEPING_CRON], jitter: JITTER },
    policies: POLICIES,
    state: { note: 'removes backups of deleted clusters, finds backups that are overdue' },
    action: {
      type: 'startWorkflow',
      workflowType: SCHEDULED_WORKFLOWS.housekeeping,
      workflowId: HOUSEKEEPING_SCHEDULE,
      taskQueue,
      args: [],
      staticSummary: 'housekeeping',
    },
  };
}
