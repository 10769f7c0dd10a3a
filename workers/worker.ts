import { existsSync } from 'node:fs';
import { join } from 'node:path';
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
  /** Code of the workflows; default: the bundle that the build made. */
  readonly workflowBundle?: WorkflowBundleOption;
  /** Default: the one that the API submits to. */
  readonly taskQueue?: string;
  readonly namespace?: string;
}

/** A worker that runs all workflows and activities. */
export async function createWorker(parts: WorkerParts): Promise<Worker> {
  return Worker.create({
    connection: parts.connection,
    namespace: parts.namespace ?? TEMPORAL_NAMESPACE,
    taskQueue: parts.taskQueue ?? TASK_QUEUE,
    workflowBundle: parts.workflowBundle ?? builtBundle(),
    activities: { ...parts.activities },
    interceptors: {
      activity: [(context) => ({ inbound: activityInterceptor(context, parts.operations, parts.log) })],
    },
    // Activities wait for hosts, they hardly compute.
    maxConcurrentActivityTaskExecutions: 200,
    maxCachedWorkflows: 200,
    // A cancel reaches an activity with the answer to a heartbeat: the default throttle would hold it back for a minute.
    maxHeartbeatThrottleInterval: '2s',
    defaultHeartbeatThrottleInterval: '2s',
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
