import {
  defineSearchAttributeKey,
  SearchAttributeType,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdReusePolicy,
} from '@temporalio/common';
import {
  allHandlersFinished,
  ApplicationFailure,
  ChildWorkflowFailure,
  condition,
  continueAsNew,
  defineUpdate,
  executeChild,
  ParentClosePolicy,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { ClusterId } from '../domain/ids';
import { SEARCH_ATTRIBUTES } from '../domain/names';
import { HoldfastError } from '../domain/errors';
import { LAST_SEQ } from '../domain/operations';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { journal } from './proxies';
import { RUNBOOKS } from './runbooks';

/**
 * The entity: lives as long as its cluster and runs one operation after the other, each as a child workflow whose id is
 * the operation's. It remembers nothing that the inventory does not know: terminate it, and the next operation starts
 * it anew.
 */

/** Accepts an operation that the inventory has written; the same one twice is one. */
export const submitOperation = defineUpdate<void, [OperationInput]>('submitOperation');

const keyOf = (name: string): ReturnType<typeof defineSearchAttributeKey<typeof SearchAttributeType.KEYWORD>> =>
  defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

export interface ClusterState {
  readonly clusterId: ClusterId;
  /** Operations that were accepted and have not begun. */
  readonly queue?: readonly OperationInput[];
}

export async function clusterWorkflow(state: ClusterState): Promise<void> {
  const queue = [...(state.queue ?? [])];
  let running: OperationInput | undefined;
  const take = (operation: OperationInput): void => {
    const known = [...queue, running].some((other) => other?.operationId === operation.operationId);
    if (!known) queue.push(operation);
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

async function runOperation(operation: OperationInput): Promise<OperationOutcome> {
  try {
    return await executeChild<(input: OperationInput) => Promise<OperationOutcome>>(RUNBOOKS[operation.kind].workflow, {
      workflowId: operation.operationId,
      args: [operation],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      staticSummary: `${operation.kind} ${operation.clusterName}: ${operation.summary}`,
      typedSearchAttributes: [
        { key: keyOf(SEARCH_ATTRIBUTES.cluster), value: operation.clusterName },
        { key: keyOf(SEARCH_ATTRIBUTES.project), value: operation.projectName },
        { key: keyOf(SEARCH_ATTRIBUTES.kind), value: operation.kind },
        { key: keyOf(SEARCH_ATTRIBUTES.operation), value: operation.operationId },
      ],
    });
  } catch (error) {
    // An earlier run of this entity, since terminated, started it. The inventory lets no other operation begin before
    // it has ended, and starts a new entity for that one.
    if (error instanceof WorkflowExecutionAlreadyStartedError) return 'succeeded';
    if (!(error instanceof ChildWorkflowFailure)) throw error;
    // An operator terminated it: what it could not say itself is said here, or the cluster would be busy for ever.
    const { code, message } = new HoldfastError('OPERATION_LOST', { operation: operation.operationId });
    await journal.recordOperation({
      operationId: operation.operationId,
      seq: LAST_SEQ,
      steps: [],
      operation: { state: 'failed', at: new Date().toISOString(), error: { code, message } },
    });
    return 'failed';
  }
}

/** The cluster is gone, and so is its entity. */
function endsCluster(operation: OperationInput, outcome: OperationOutcome): boolean {
  switch (operation.kind) {
    case 'provision':
      return outcome === 'cancelled';
    case 'delete':
      return outcome === 'succeeded';
  }
}
