import { workflowInfo } from '@temporalio/workflow';
import type { Opened } from '../activities/schedules/occasion';
import type { BackupType } from '../domain/backups';
import type { ClusterId, OperationId } from '../domain/ids';
import { due } from './proxies';
import type { RunOutcome } from './run-operation';
import { runOperation } from './run-operation';
import { stepTitles } from './runbooks';
import { whyItGaveUp } from './waiting-in-line';

/** What a Schedule starts: a backup of one cluster, of one type. */
export interface ScheduledBackup {
  readonly clusterId: ClusterId;
  readonly type: BackupType;
}

/** For operators, in the Web UI. */
export interface BackupDueOutcome {
  /** Null: none was begun. */
  readonly operation: OperationId | null;
  readonly outcome: RunOutcome | 'not taken';
  /** Why it was not taken. */
  readonly reason: string | null;
}

/**
 * Takes a backup that is due, as an operation like any other: it is written down, then runs. It waits for one that runs
 * already, and ends without one where the cluster has gone or is not ready. It lives as long as its operation, so that
 * Temporal's overlap policy holds.
 */
export async function backupDue({ clusterId, type }: ScheduledBackup): Promise<BackupDueOutcome> {
  const opened = await open({ clusterId, type });
  if (opened.operation === null) return { operation: null, outcome: 'not taken', reason: opened.reason };
  const outcome = await runOperation(opened.operation);
  return { operation: opened.operation.operationId, outcome, reason: null };
}

async function open(wanted: ScheduledBackup): Promise<Opened> {
  const steps = { single: stepTitles('backup', 'single'), ha: stepTitles('backup', 'ha') };
  try {
    // The id has the time that the run was scheduled for: it is the same one in every retry, reset and repetition.
    return await due.openBackup({ ...wanted, occasion: workflowInfo().workflowId, steps });
  } catch (error) {
    const reason = whyItGaveUp(error, 'backup');
    if (reason === null) throw error;
    return { operation: null, reason };
  }
}
