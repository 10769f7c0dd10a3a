import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  rootCause,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { ErrorCode } from '../domain/errors';
import { ERRORS, fillTemplate, isAbsence } from '../domain/errors';

/** What the failure of an activity means for its operation. */

/** A cancel may reach an activity as whatever it makes of it: what counts is that it was asked for. */
export function isOver(error: unknown): boolean {
  return isCancellation(error) || CancellationScope.current().consideredCancelled;
}

/** The deadline came while what the step needs did not answer, or while no worker was there: that is no failure of the step. */
export function wasAway(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const last = isDeadline(error.cause) ? error.cause.cause : error.cause;
  if (last instanceof ApplicationFailure) return isAbsence(last.type ?? '');
  return last === undefined || (last instanceof TimeoutFailure && last.timeoutType === 'HEARTBEAT');
}

/** Something did not answer to the last; else no worker was there, which says nothing of what the step needs. */
export function wasTried(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const last = isDeadline(error.cause) ? error.cause.cause : error.cause;
  return last instanceof ApplicationFailure;
}

/** It holds the failure of the last attempt, when there was one. */
const isDeadline = (error: unknown): error is TimeoutFailure =>
  error instanceof TimeoutFailure && error.timeoutType === 'SCHEDULE_TO_CLOSE';

/** The code and the sentence of what an activity threw; the SDK wraps it in an ActivityFailure. */
export function describeFailure(error: unknown): { code: string; message: string } {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) return { code: cause.type ?? 'INTERNAL', message: cause.message };
  if (isCancellation(error)) return { code: 'CANCELLED', message: 'cancelled' };
  const code: ErrorCode = 'STEP_DEADLINE_EXCEEDED';
  return { code, message: fillTemplate(ERRORS[code].template, { detail: rootCause(error) ?? 'none' }) };
}
