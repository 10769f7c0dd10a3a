import { workflowInfo } from '@temporalio/workflow';
import type { ClusterId, OperationId } from '../domain/ids';
import { openings } from './proxies';
import type { RunOutcome } from './run-operation';
import { runOperation } from './run-operation';
import { stepTitles } from './runbooks';

/** What a Schedule starts: a drill of one cluster. */
export interface ScheduledDrill {
  readonly clusterId: ClusterId;
}

/** For operators, in the Web UI. */
export interface DrillDueOutcome {
  /** Null: none was begun. */
  readonly operation: OperationId | null;
  readonly outcome: RunOutcome | 'not held';
  /** Why it was not held. */
  readonly reason: string | null;
}

/** Holds a drill that is due, as an operation like any other. It lives as long as that, so that Temporal's overlap policy holds. */
export async function drillDue({ clusterId }: ScheduledDrill): Promise<DrillDueOutcome> {
  // The id has the time that the run was scheduled for: it is the same one in every retry, reset and repetition.
  const occasion = workflowInfo().workflowId;
  const opened = await openings.openDrill({ clusterId, occasion, steps: stepTitles('drill', 'single') });
  if (opened.operation === null) return { operation: null, outcome: 'not held', reason: opened.reason };
  const outcome = await runOperation(opened.operation);
  return { operation: opened.operation.operationId, outcome, reason: null };
}
