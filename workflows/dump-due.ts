import { workflowInfo } from '@temporalio/workflow';
import type { Opened } from '../activities/schedules/occasion';
import type { ClusterId, OperationId } from '../domain/ids';
import { due } from './proxies';
import type { RunOutcome } from './run-operation';
import { runOperation } from './run-operation';
import { stepTitles } from './runbooks';
import { whyItGaveUp } from './waiting-in-line';

/** What a Schedule starts: a dump of one cluster, of what its policy says. */
export interface ScheduledDump {
  readonly clusterId: ClusterId;
}

/** For operators, in the Web UI. */
export interface DumpDueOutcome {
  /** Null: none was begun. */
  readonly operation: OperationId | null;
  readonly outcome: RunOutcome | 'not taken';
  /** Why it was not taken. */
  readonly reason: string | null;
}

/**
 * Takes a dump that is due, as an operation like any other. It waits for one that runs already, or for what lets none begin.
 * It lives as long as its operation, so that Temporal's overlap policy holds.
 */
export async function dumpDue(scheduled: ScheduledDump): Promise<DumpDueOutcome> {
  const opened = await open(scheduled);
  if (opened.operation === null) return { operation: null, outcome: 'not taken', reason: opened.reason };
  const outcome = await runOperation(opened.operation);
  return { operation: opened.operation.operationId, outcome, reason: null };
}

async function open({ clusterId }: ScheduledDump): Promise<Opened> {
  const steps = { single: stepTitles('dump', 'single'), ha: stepTitles('dump', 'ha') };
  try {
    // The id has the time that the run was scheduled for: it is the same one in every retry, reset and repetition.
    return await due.openDump({ clusterId, occasion: workflowInfo().workflowId, steps });
  } catch (error) {
    const reason = whyItGaveUp(error, 'dump');
    if (reason === null) throw error;
    return { operation: null, reason };
  }
}
