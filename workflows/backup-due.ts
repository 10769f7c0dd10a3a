import { ActivityFailure, ApplicationFailure, TimeoutFailure, workflowInfo } from '@temporalio/workflow';
import type { OpenedBackup } from '../activities/schedules/open-backup';
import type { BackupType } from '../domain/backups';
import type { ErrorCode } from '../domain/errors';
import type { ClusterId, OperationId } from '../domain/ids';
import { due } from './proxies';
import type { RunOutcome } from './run-operation';
import { runOperation } from './run-operation';
import { stepTitles } from './runbooks';

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

async function open(wanted: ScheduledBackup): Promise<OpenedBackup> {
  const steps = { single: stepTitles('backup', 'single'), ha: stepTitles('backup', 'ha') };
  try {
    // The id has the time that the run was scheduled for: it is the same one in every retry, reset and repetition.
    return await due.openBackup({ ...wanted, occasion: workflowInfo().workflowId, steps });
  } catch (error) {
    const reason = gaveUp(error);
    if (reason === null) throw error;
    return { operation: null, reason };
  }
}

/** Why it waited until the next one is due; null when it failed otherwise. The engine does not always keep the last failure. */
function gaveUp(error: unknown): string | null {
  if (!(error instanceof ActivityFailure)) return null;
  const { cause } = error;
  const isDeadline = cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_CLOSE';
  const last = isDeadline ? cause.cause : cause;
  if (isDeadline && last === undefined)
    return 'It could not begin in time: another backup ran, or no worker was there.';
  const busy: ErrorCode = 'CLUSTER_BUSY';
  return last instanceof ApplicationFailure && last.type === busy ? last.message : null;
}
