import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import type { ErrorCode } from '../domain/errors';

/**
 * Why what was due waited until the next one is; null when it failed otherwise. The engine does not always keep the last
 * failure.
 *
 * @param what such as `backup`.
 */
export function whyItGaveUp(error: unknown, what: string): string | null {
  if (!(error instanceof ActivityFailure)) return null;
  const { cause } = error;
  const isDeadline = cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_CLOSE';
  const last = isDeadline ? cause.cause : cause;
  if (isDeadline && last === undefined)
    return `It could not begin in time: another ${what} ran, or no worker was there.`;
  const busy: ErrorCode = 'CLUSTER_BUSY';
  return last instanceof ApplicationFailure && last.type === busy ? last.message : null;
}
