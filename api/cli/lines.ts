import { z } from 'zod';
import type { OperationAnswer, OperationEventAnswer, StepAnswer } from '../../domain/schemas/operations';
import { tellsNothing, tellsNoWork } from '../../domain/step-words';
import { duration } from './output';

type Line = (event: OperationEventAnswer, operation: OperationAnswer) => string | null;

/** A shorter sentence tells more than where to look for it. */
const LONG = 60;

/**
 * Lines of one operation in which what failed a step is said once: the next tries, what becomes of the operation and whom that
 * is told refer to it.
 */
export function startLines(): Line {
  const said = new Set<string>();
  return (event, operation) => {
    const line = [...said].reduce(
      (text, sentence) => text.replaceAll(sentence, 'as above'),
      lineOf(event, operation) ?? '',
    );
    for (const { lastError } of operation.steps) {
      // Where it is quoted, its full stop may be left out.
      const sentence = firstLine(lastError ?? '').replace(/\.$/, '');
      if (sentence.length >= LONG && line.includes(sentence)) said.add(sentence);
    }
    return line === '' ? null : line;
  };
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

/** One line per change of state, for logs and pipes; null for a change that no reader needs. */
export const lineOf: Line = (event, operation) => {
  const time = timeOfDay(event.at);
  if (event.type === 'operation') {
    const why = operation.error?.message ?? operation.reason;
    return `${time} ${operationWords(operation)}: ${operation.state}${why ? ` (${why})` : ''}`;
  }
  if (event.type === 'notice') return `${time} ${noticeWords(event.body)}`;
  const step = operation.steps.find(({ id }) => id === event.body['id']);
  if (step === undefined || step.state === 'pending') return null;
  // Its end says it.
  return step.state === 'running' && tellsNothing(step.progress) ? null : `${time} ${step.title}: ${stepWords(step)}`;
};

/** `provision shop`, `drill of shop`. */
export const operationWords = ({ kind, clusterName, subject }: OperationAnswer): string =>
  `${kind} ${subject === clusterName ? clusterName : `of ${subject}`}`;

const notice = z.object({ event: z.string(), message: z.string(), told: z.array(z.string()) });

function noticeWords(body: OperationEventAnswer['body']): string {
  const { event, message, told } = notice.parse(body);
  return `${event}${told.length === 0 ? '' : `, for ${told.join(', ')}`}: ${message}`;
}

const timeOfDay = (at: string): string => at.slice(11, 19);

/** `succeeded in 1.2 s`, `nothing to do, there is no script`, `running, attempt 3, again at 12:04:05: connection refused`. */
export function stepWords(step: StepAnswer): string {
  const { state, attempt, lastError, nextRetryAt, progress, startedAt, finishedAt } = step;
  if (state === 'succeeded' && tellsNoWork(progress)) return progress;
  // What was undone began long before its undoing did: that span says nothing.
  if (startedAt !== null && finishedAt !== null && (state === 'succeeded' || state === 'failed'))
    return `${state} in ${duration(Date.parse(finishedAt) - Date.parse(startedAt))}${tellsNothing(progress) ? `; ${progress}` : ''}`;
  const tries = [attempt > 1 ? `attempt ${attempt}` : null, nextRetryAt && `again at ${timeOfDay(nextRetryAt)}`];
  const details = [...tries, progress].filter((detail) => detail !== null).join(', ');
  const error = lastError !== null && state !== 'succeeded' ? `: ${firstLine(lastError)}` : '';
  return `${state}${details ? `, ${details}` : ''}${error}`;
}
