import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { PayloadCodec } from '@temporalio/common';
import { Client, Connection, WithStartWorkflowOperation } from '@temporalio/client';
import type { RestoreWindow } from '../../domain/backups';
import { HoldfastError } from '../../domain/errors';
import type { HostCheck } from '../../domain/hosts';
import type { HostId } from '../../domain/ids';
import { entityWorkflowId, TASK_QUEUE, TEMPORAL_NAMESPACE } from '../../domain/names';
import type { SiteCheck } from '../../domain/sites';
import { checkHost } from '../../workflows/check-host';
import { checkSites } from '../../workflows/check-sites';
import { clusterWorkflow, submitOperation } from '../../workflows/cluster';
import { lookAtWindow } from '../../workflows/look-at-window';
import { stateOfWorkflow, tellOperation } from './decisions-temporal';
import type { Engine } from './engine';

/** An Update ends when a worker has taken it: with no worker there, this long is waited before it counts as failed. */
const START_DEADLINE_MS = 10_000;
/** A machine that does not answer is given up long before. */
const CHECK_DEADLINE_MS = 130_000;
/** Sites are asked all at once, and each is given up after 5 s. */
const SITES_DEADLINE_MS = 15_000;
/** Hosts and stores answer in a second or two; after this the last look is as good. */
const WINDOW_DEADLINE_MS = 30_000;
const CALL_DEADLINE_MS = 3_000;
/** TaskQueueType of Temporal's API. */
const WORKFLOW_TASKS = 1;
/** A worker that lives asks again after a minute at the latest. */
const WORKER_SEEN_MS = 90_000;
const FAILURE_CONVERTER = path.join(__dirname, '..', '..', 'workflows', 'failure-converter');

/**
 * The engine on Temporal. The connection is lazy: the API starts, and says so in `/readyz`, while Temporal is away.
 *
 * @param codec encrypts what it hands over: the one that workers have.
 */
export function createTemporalEngine(address: string, codec: PayloadCodec): Engine {
  const connection = Connection.lazy({ address });
  const dataConverter = { failureConverterPath: FAILURE_CONVERTER, payloadCodecs: [codec] };
  const client = new Client({ connection, namespace: TEMPORAL_NAMESPACE, dataConverter });
  const within = <T>(ms: number, call: () => Promise<T>): Promise<T> => connection.withDeadline(Date.now() + ms, call);

  return {
    async start(operation) {
      const entity = new WithStartWorkflowOperation(clusterWorkflow, {
        workflowId: entityWorkflowId(operation.clusterId),
        taskQueue: TASK_QUEUE,
        args: [{ clusterId: operation.clusterId }],
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `cluster ${operation.clusterName} of project ${operation.projectName}`,
      });
      await within(START_DEADLINE_MS, () =>
        client.workflow.executeUpdateWithStart(submitOperation, {
          updateId: operation.operationId,
          args: [operation],
          startWorkflowOperation: entity,
        }),
      );
    },
    decide: (operationId, decision) =>
      tellOperation((call) => within(CALL_DEADLINE_MS, call), client.workflow.getHandle(operationId), decision),
    stateOf: (operationId) => within(CALL_DEADLINE_MS, () => stateOfWorkflow(client.workflow.getHandle(operationId))),
    checkHost: (id) => within(CHECK_DEADLINE_MS, () => lookAtHost(client, id)),
    checkSites: () => within(SITES_DEADLINE_MS, () => lookAtSites(client)),
    lookAtWindow: (...look) => within(WINDOW_DEADLINE_MS, () => lookAtWindowOf(client, look)),
    async ping() {
      try {
        await within(CALL_DEADLINE_MS, () => connection.workflowService.getSystemInfo({}));
        return true;
      } catch {
        return false;
      }
    },
    hasWorker: () => within(CALL_DEADLINE_MS, () => seesWorker(connection)).catch(() => false),
    close: () => connection.close(),
  };
}

async function seesWorker({ workflowService }: Connection): Promise<boolean> {
  const { pollers } = await workflowService.describeTaskQueue({
    namespace: TEMPORAL_NAMESPACE,
    taskQueue: { name: TASK_QUEUE },
    taskQueueType: WORKFLOW_TASKS,
  });
  return pollers.some(({ lastAccessTime }) => Date.now() - secondsOf(lastAccessTime) * 1000 < WORKER_SEEN_MS);
}

const secondsOf = (time: { readonly seconds?: unknown } | null | undefined): number => Number(time?.seconds ?? 0);

/** @throws UNAVAILABLE. */
async function lookAtHost(client: Client, id: HostId): Promise<readonly HostCheck[]> {
  try {
    return await client.workflow.execute(checkHost, {
      workflowId: `check/${id}/${randomUUID()}`,
      taskQueue: TASK_QUEUE,
      args: [id],
      workflowExecutionTimeout: CHECK_DEADLINE_MS,
      staticSummary: `look at host ${id}`,
    });
  } catch (error) {
    throw new HoldfastError('UNAVAILABLE', { part: 'A worker that can look at the host' }, { cause: error });
  }
}

/** @throws UNAVAILABLE. */
async function lookAtSites(client: Client): Promise<readonly SiteCheck[]> {
  try {
    return await client.workflow.execute(checkSites, {
      workflowId: `check/sites/${randomUUID()}`,
      taskQueue: TASK_QUEUE,
      workflowExecutionTimeout: SITES_DEADLINE_MS,
      staticSummary: 'look at the object stores',
    });
  } catch (error) {
    throw new HoldfastError('UNAVAILABLE', { part: 'A worker that can look at the sites' }, { cause: error });
  }
}

/** @throws UNAVAILABLE. */
async function lookAtWindowOf(client: Client, look: Parameters<Engine['lookAtWindow']>): Promise<RestoreWindow | null> {
  const [id] = look;
  try {
    return await client.workflow.execute(lookAtWindow, {
      workflowId: `check/${id}/${randomUUID()}`,
      taskQueue: TASK_QUEUE,
      args: look,
      workflowExecutionTimeout: WINDOW_DEADLINE_MS,
      staticSummary: `look at what of ${id} can be restored`,
    });
  } catch (error) {
    throw new HoldfastError('UNAVAILABLE', { part: 'A worker that can look at the archive' }, { cause: error });
  }
}
