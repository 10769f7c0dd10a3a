import { setTimeout as sleep } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import type { OperationAnswer, OperationEventAnswer } from '../../domain/schemas/operations';
import { currentStepOf, isFinal } from '../../domain/operations';
import { ApiError, type Client } from './client';
import { CliError } from './exit';

const RECONNECT_MS = 500;

/**
 * Follows an operation to its end over any number of broken connections, from the first event on.
 *
 * @param onEvent told each event once, with the operation as it is after it.
 * @returns the operation at its end.
 */
export async function follow(
  client: Client,
  begun: OperationAnswer,
  onEvent: (event: OperationEventAnswer, operation: OperationAnswer) => void,
  signal: AbortSignal,
): Promise<OperationAnswer> {
  let operation = begun;
  let last = 0;
  for (;;) {
    try {
      await readEvents(client, begun.id, last, signal, (event) => {
        last = event.seq;
        operation = apply(operation, event);
        onEvent(event, operation);
      });
      const now = await client.showOperation(begun.id);
      if (isFinal(now.state)) return now;
    } catch (error) {
      signal.throwIfAborted();
      // The API restarts: the operation goes on without it, and so does the waiting.
      if (!isLostConnection(error)) throw error;
    }
    await sleep(RECONNECT_MS, undefined, { signal });
  }
}

/** Nobody answers, or the stream broke off. A problem of the API is neither, except when it is going down. */
export const isLostConnection = (error: unknown): boolean =>
  error instanceof CliError ||
  error instanceof TypeError ||
  (error instanceof ApiError && error.problem.code === 'UNAVAILABLE');

async function readEvents(
  client: Client,
  id: string,
  after: number,
  signal: AbortSignal,
  onEvent: (event: OperationEventAnswer) => void,
): Promise<void> {
  const response = await client.openEvents(id, after, signal);
  if (response.body === null) return;
  // Command and API come from one release: `data` is what the API's schema made.
  const parser = createParser({ onEvent: ({ data }) => onEvent(JSON.parse(data) as OperationEventAnswer) });
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) parser.feed(text);
}

/** The operation after an event of it. */
export function apply(operation: OperationAnswer, { type, body }: OperationEventAnswer): OperationAnswer {
  if (type === 'operation')
    return { ...operation, ...(body as Partial<OperationAnswer>), links: operation.links, steps: operation.steps };
  if (type === 'notice') return operation;
  const changed = body as Partial<OperationAnswer['steps'][number]>;
  const steps = operation.steps.map((step) => (step.id === changed.id ? { ...step, ...changed } : step));
  return { ...operation, steps, currentStep: currentStepOf(operation.state, steps) };
}
