import type { Context } from '@temporalio/activity';
import { ActivityFailure, ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import type { Logger } from 'pino';
import { isStepRef, type StepRef } from '../domain/clusters';
import { HoldfastError } from '../domain/errors';
import type { OperationTable } from '../activities/inventory/inventory';

/**
 * Around every activity: heartbeats while it works, writes failed attempts to the step they belong to, and turns
 * errors of the catalogue into failures that Temporal retries or not.
 *
 * @param heartbeatMs pause between two heartbeats: well under the heartbeat timeout of activities.
 */
export function activityInterceptor(
  context: Context,
  operations: OperationTable,
  log: Logger,
  heartbeatMs: number,
): ActivityInboundCallsInterceptor {
  return {
    async execute(input, next) {
      const at = stepOf(input.args[0]);
      const told = describe(context, at);
      const heart = setInterval(() => context.heartbeat(), heartbeatMs);
      try {
        // Of a workflow that an operator reset, or of a worker that comes back late: it shall not even begin.
        if (at) await operations.requireCurrent(at);
        const result: unknown = await next(input);
        log.info(told(), 'activity done');
        return result;
      } catch (error) {
        const failure = toFailure(error);
        log.warn({ ...told(), error: failure.message }, 'activity failed');
        if (at && !(failure instanceof CancelledFailure)) await recordFailure(operations, at, context, failure);
        throw failure;
      } finally {
        clearInterval(heart);
      }
    },
  };
}

/** What the log says of an activity when it has ended. */
function describe({ info }: Context, at: StepRef | undefined): () => object {
  const startedMs = Date.now();
  return () => ({
    activity: info.activityType,
    attempt: info.attempt,
    durationMs: Date.now() - startedMs,
    step: at?.stepId,
    operation: at?.operationId,
  });
}

async function recordFailure(
  operations: OperationTable,
  at: StepRef,
  { info }: Context,
  failure: ApplicationFailure,
): Promise<void> {
  const nextRetryAt = failure.nonRetryable ? null : new Date(Date.now() + retryDelayMs(info)).toISOString();
  const attempt = { attempt: info.attempt, lastError: failure.message, nextRetryAt };
  // The attempt's own failure matters more than that it could not be written down.
  await operations.recordAttempt(at.operationId, at.stepId, attempt).catch(() => undefined);
}

/** What Temporal will wait: the retry policy of workflows/proxies.ts. */
function retryDelayMs({ retryPolicy, attempt }: Context['info']): number {
  const initialMs = Number(retryPolicy?.initialInterval ?? 1000);
  const maximumMs = Number(retryPolicy?.maximumInterval ?? 100 * initialMs);
  return Math.min(initialMs * (retryPolicy?.backoffCoefficient ?? 2) ** (attempt - 1), maximumMs);
}

function toFailure(error: unknown): ApplicationFailure | CancelledFailure {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  if (error instanceof HoldfastError) {
    return ApplicationFailure.create({ message: error.message, type: error.code, nonRetryable: !error.retryable });
  }
  if (error instanceof ActivityFailure) return toFailure(error.cause);
  const message = error instanceof Error ? error.message : String(error);
  return ApplicationFailure.create({
    message,
    type: 'INTERNAL',
    nonRetryable: false,
    ...(error instanceof Error && { cause: error }),
  });
}

/** The step that an activity works for: the first argument of every one that changes something. */
function stepOf(argument: unknown): StepRef | undefined {
  return isStepRef(argument) ? argument : undefined;
}
