import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  continueAsNew,
  defineUpdate,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { ClusterId } from '../domain/ids';
import { laneOf } from '../domain/operations';
import type { OperationInput } from '../domain/operations';
import type { RunOutcome } from './run-operation';
import { runOperation } from './run-operation';

/**
 * The entity: lives as long as its cluster and runs one operation after the other, backups and dumps beside them, each as a child
 * workflow whose id is the operation's. It remembers nothing that the inventory does not know: terminate it, and the next operation starts
 * it anew.
 */

/** Accepts an operation that the inventory has written; the same one twice is one. */
export const submitOperation = defineUpdate<void, [OperationInput]>('submitOperation');

export interface ClusterState {
  readonly clusterId: ClusterId;
  /** Operations that were accepted and have not begun. */
  readonly queue?: readonly OperationInput[];
}

export async function clusterWorkflow(state: ClusterState): Promise<void> {
  const queue = [...(state.queue ?? [])];
  let running: OperationInput | undefined;
  const beside = new Set<string>();
  const take = (operation: OperationInput): void => {
    const { operationId, kind } = operation;
    if (beside.has(operationId) || [...queue, running].some((other) => other?.operationId === operationId)) return;
    if (laneOf(kind) === 'cluster') return void queue.push(operation);
    // The inventory lets one of each lane run at a time. It goes on beside what else happens, also in the next run of the entity.
    beside.add(operationId);
    void runOperation(operation).finally(() => beside.delete(operationId));
  };
  // Not async: the SDK would not wait for its refusal.
  const validator = (operation: OperationInput): void => {
    if (operation.clusterId === state.clusterId) return;
    throw ApplicationFailure.nonRetryable(`this entity is of cluster ${state.clusterId}`, 'VALIDATION_FAILED');
  };
  setHandler(submitOperation, take, { validator });

  // What still waits goes on in the next run: a history that is long enough grows by one operation at most.
  do {
    await condition(() => queue.length > 0 || workflowInfo().continueAsNewSuggested);
    running = queue.shift();
    if (!running) break;
    const outcome = await runOperation(running);
    if (endsCluster(running, outcome) && queue.length === 0) return condition(allHandlersFinished);
    running = undefined;
  } while (!workflowInfo().continueAsNewSuggested);
  await condition(allHandlersFinished);
  await continueAsNew<typeof clusterWorkflow>({ clusterId: state.clusterId, queue });
}

/** The cluster is gone, and so is its entity. */
function endsCluster(operation: OperationInput, outcome: RunOutcome): boolean {
  switch (operation.kind) {
    case 'provision':
    case 'restore':
      return outcome === 'cancelled';
    case 'drill':
    case 'restore-database':
      // What it made is gone when it ends. One that was ended from outside leaves it to a deletion, which starts the entity anew.
      return true;
    case 'delete':
      return outcome === 'succeeded' || outcome === 'elsewhere';
    case 'backup':
    case 'begin-backups':
    case 'configure-backups':
    case 'restore-in-place':
    case 'rollback':
    case 'confirm-restore':
    case 'create-restore-point':
    case 'dump':
    case 'delete-dump':
    case 'restore-dump':
    case 'switchover':
    case 'replace-node':
    case 'recover':
    case 'restart-node':
    case 'reinit-node':
    case 'stop':
    case 'start':
      return false;
  }
}
