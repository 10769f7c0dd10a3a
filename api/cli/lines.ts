import type { OperationAnswer, OperationEventAnswer, StepAnswer } from '../../domain/schemas/operations';
import { duration } from './output';

/** One line per change of state, for logs and pipes; null for a change that no reader needs. */
export function lineOf(event: OperationEventAnswer, operation: OperationAnswer): string | null {
  const time = timeOfDay(event.at);
  if (event.type === 'operation') {
    const why = operation.error?.message ?? operation.reason;
    return `${time} ${operation.kind} ${operation.clusterName}: ${operation.state}${why ? ` (${why})` : ''}`;
  }
  const step = operation.steps.find(({ id }) => id === event.body['id']);
  return step === undefined || step.state === 'pending' ? null : `${time} ${step.title}: ${stepWords(step)}`;
}

const timeOfDay = (at: string): string => at.slice(11, 19);

/** `succeeded in 1.2 s`, `running, attempt 3, again at 12:04:05: connection refused`. */
export function stepWords(step: StepAnswer): string {
  const { state, attempt, lastError, nextRetryAt, progress, startedAt, finishedAt } = step;
  // What was undone began long before its undoing did: that span says nothing.
  if (startedAt !== null && finishedAt !== null && (state === 'succeeded' || state === 'failed'))
    return `${state} in ${duration(Date.parse(finishedAt) - Date.parse(startedAt))}`;
  const tries = [attempt > 1 ? `attempt ${attempt}` : null, nextRetryAt && `again at ${timeOfDay(nextRetryAt)}`];
  const details = [...tries, progress].filter((detail) => detail !== null).join(', ');
  const error = lastError !== null && state !== 'succeeded' ? `: ${lastError.split('\n')[0]}` : '';
  return `${state}${details ? `, ${details}` : ''}${error}`;
}
