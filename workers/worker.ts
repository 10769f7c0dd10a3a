import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PayloadCodec } from '@temporalio/common';
import type { NativeConnection, WorkflowBundleOption } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Activities } from '../activities';
import type { OperationTable } from '../activities/inventory/inventory';
import { TASK_QUEUE, TEMPORAL_NAMESPACE } from '../domain/names';
import { activityInterceptor } from './activity-interceptor';
import { BUNDLE_FILE } from './bundle';

export interface WorkerParts {
  readonly connection: NativeConnection;
  readonly activities: Activities;
  readonly operations: OperationTable;
  readonly log: Logger;
  /** Encrypts what goes into histories; tests may go without. */
  readonly codec?: PayloadCodec;
  /** Code of the workflows; default: the bundle that the build made. */
  readonly workflowBundle?: WorkflowBundleOption;
  /** Default: the one that the API submits to. */
  readonly taskQueue?: string;
  readonly namespace?: string;
  /** Default: {@link PACE}. */
  readonly pace?: Pace;
}

/** How fast a worker is missed when it is gone. */
export interface Pace {
  /** A cancel reaches an activity with the answer to a heartbeat. */
  readonly heartbeatMs: number;
  /** Workflow tasks wait so long for the worker that has the workflow in its cache, then any worker takes them. */
  readonly stickyMs: number;
}

/** Heartbeats are well under the heartbeat timeout of workflows/deadlines.ts. */
export const PACE: Pace = { heartbeatMs: 2_000, stickyMs: 10_000 };

/** Of activities; workflows have theirs in the bundle. */
export const FAILURE_CONVERTER = join(__dirname, '..', 'workflows', 'failure-converter');

/** A worker that runs all workflows and activities. */
export async function createWorker(parts: WorkerParts): Promise<Worker> {
  const { heartbeatMs, stickyMs } = parts.pace ?? PACE;
  return Worker.create({
    connection: parts.connection,
    namespace: parts.namespace ?? TEMPORAL_NAMESPACE,
    taskQueue: parts.taskQueue ?? TASK_QUEUE,
    workflowBundle: parts.workflowBundle ?? builtBundle(),
    activities: { ...parts.activities },
    dataConverter: { failureConverterPath: FAILURE_CONVERTER, payloadCodecs: parts.codec ? [parts.codec] : [] },
    interceptors: {
      activity: [(context) => ({ inbound: activityInterceptor(context, parts.operations, parts.log, heartbeatMs) })],
    },
    // Activities wait for hosts, they hardly compute.
    maxConcurrentActivityTaskExecutions: 200,
    maxCachedWorkflows: 200,
    // The default throttle would hold heartbeats, and with them a cancel, back for a minute.
    maxHeartbeatThrottleInterval: heartbeatMs,
    defaultHeartbeatThrottleInterval: heartbeatMs,
    stickyQueueScheduleToStartTimeout: stickyMs,
    // The default is 0: activities would be cut off at once.
    shutdownGraceTime: '20s',
    shutdownForceTime: '40s',
  });
}

function builtBundle(): WorkflowBundleOption {
  if (!existsSync(BUNDLE_FILE))
    throw new Error(`${join('dist', 'workflow-bundle.js')} is missing: run "npm run build"`);
  return { codePath: BUNDLE_FILE };
}
