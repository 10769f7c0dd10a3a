import {
  defineSearchAttributeKey,
  SearchAttributeType,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdReusePolicy,
} from '@temporalio/common';
import { CancellationScope, ChildWorkflowFailure, executeChild, ParentClosePolicy } from '@temporalio/workflow';
import { HoldfastError } from '../domain/errors';
import { SEARCH_ATTRIBUTES } from '../domain/names';
import { LAST_SEQ } from '../domain/operations';
import type { OperationInput, OperationRecord } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { journal } from './proxies';
import { RUNBOOKS } from './runbooks';

/** `elsewhere`: another workflow has started it, and waits for it. */
export type RunOutcome = OperationOutcome | 'elsewhere';

const keyOf = (name: string): ReturnType<typeof defineSearchAttributeKey<typeof SearchAttributeType.KEYWORD>> =>
  defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

/** Runs an operation that the inventory holds, as a child workflow whose id is the operation's: whoever starts it, it is one. */
export async function runOperation(operation: OperationInput): Promise<RunOutcome> {
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
    // An earlier run of the entity, since terminated, or the schedule of the backups. The inventory lets no other
    // operation of the lane begin before it has ended.
    if (error instanceof WorkflowExecutionAlreadyStartedError) return 'elsewhere';
    if (!(error instanceof ChildWorkflowFailure)) throw error;
    // An operator terminated it: what it could not say itself is said here, or the cluster would be busy for ever.
    const { code, message } = new HoldfastError('OPERATION_LOST', { operation: operation.operationId });
    const lost: OperationRecord = {
      operationId: operation.operationId,
      seq: LAST_SEQ,
      steps: [],
      operation: { state: 'failed', at: new Date().toISOString(), error: { code, message } },
    };
    await CancellationScope.nonCancellable(() => journal.recordOperation(lost));
    return 'failed';
  }
}
