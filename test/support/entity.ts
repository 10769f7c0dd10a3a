import type { WorkflowHandle } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { WithStartWorkflowOperation, WorkflowNotFoundError } from '@temporalio/client';
import { z } from 'zod';
import { entityWorkflowId } from '../../domain/names';
import type { OperationInput } from '../../domain/operations';
import { clusterWorkflow, submitOperation } from '../../workflows/cluster';
import { eventually } from './eventually';
import type { ScriptedRun, ScriptedTemporal } from './scripted-worker';

/** The entity of the cluster of a scripted run. */
export interface Entity {
  /** Of the entity's newest run, whichever that is. */
  readonly handle: WorkflowHandle;
  /** As the API does it; returns when the entity has taken the operation. */
  submit(operation: OperationInput): Promise<void>;
  /** Waits until the operation has ended well. */
  finished(operation: OperationInput): Promise<void>;
  /** Another operation on the same cluster. */
  another(kind: OperationInput['kind'], name?: string): OperationInput;
}

export function entityOf({ temporal: { client } }: ScriptedTemporal, { input, taskQueue }: ScriptedRun): Entity {
  const workflowId = entityWorkflowId(input.clusterId);
  return {
    handle: client.workflow.getHandle(workflowId),
    async submit(operation) {
      const startWorkflowOperation = new WithStartWorkflowOperation(clusterWorkflow, {
        workflowId,
        taskQueue,
        workflowIdConflictPolicy: 'USE_EXISTING',
        args: [{ clusterId: operation.clusterId }],
      });
      await client.workflow.executeUpdateWithStart(submitOperation, {
        startWorkflowOperation,
        updateId: operation.operationId,
        args: [operation],
      });
    },
    async finished({ operationId }) {
      // A submission is taken before its workflow begins: right after it there may be none yet.
      await eventually(async () => {
        try {
          await client.workflow.getHandle(operationId).result();
          return true;
        } catch (error) {
          if (error instanceof WorkflowNotFoundError) return false;
          throw error;
        }
      });
    },
    another: (kind, name = kind) => ({ ...input, operationId: `${input.operationId}${name}`, kind, generation: 2 }),
  };
}

const stateSchema = z.object({ queue: z.array(z.object({ operationId: z.string() })) });

/**
 * For a worker: tells when an entity is about to continue as new, and with which operations. The server hears of it
 * when `act` has ended.
 */
export function watchContinuations(act: (queue: readonly string[]) => Promise<void> | void): PayloadCodec {
  return {
    async encode(payloads) {
      for (const { data } of payloads) {
        // An activity without a result has no data.
        const text = Buffer.from(data ?? []).toString() || 'null';
        const { data: state } = stateSchema.safeParse(JSON.parse(text));
        if (state) await act(state.queue.map(({ operationId }) => operationId));
      }
      return payloads;
    },
    decode: (payloads) => Promise.resolve(payloads),
  };
}
