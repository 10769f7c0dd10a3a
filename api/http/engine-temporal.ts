import { Client, Connection, WithStartWorkflowOperation, WorkflowNotFoundError } from '@temporalio/client';
import { HoldfastError } from '../../domain/errors';
import { entityWorkflowId, TASK_QUEUE, TEMPORAL_NAMESPACE } from '../../domain/names';
import { clusterWorkflow, submitOperation } from '../../workflows/cluster';
import { decideOperation } from '../../workflows/operation';
import type { Engine } from './engine';

/** An Update ends when a worker has taken it: with no worker there, this long is waited before it counts as failed. */
const START_DEADLINE_MS = 10_000;
const CALL_DEADLINE_MS = 3_000;

/** The engine on Temporal. The connection is lazy: the API starts, and says so in `/readyz`, while Temporal is away. */
export function createTemporalEngine(address: string): Engine {
  const connection = Connection.lazy({ address });
  const client = new Client({ connection, namespace: TEMPORAL_NAMESPACE });
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
    async decide(operationId, decision) {
      try {
        await within(CALL_DEADLINE_MS, () => client.workflow.getHandle(operationId).signal(decideOperation, decision));
      } catch (error) {
        // Written, but not begun: the starter or the entity gets to it in a moment.
        if (error instanceof WorkflowNotFoundError)
          throw new HoldfastError('UNAVAILABLE', { part: `The workflow of ${operationId}` });
        throw new HoldfastError('UNAVAILABLE', { part: 'The workflow engine' }, { cause: error });
      }
    },
    async ping() {
      try {
        await within(CALL_DEADLINE_MS, () => connection.workflowService.getSystemInfo({}));
        return true;
      } catch {
        return false;
      }
    },
    close: () => connection.close(),
  };
}
