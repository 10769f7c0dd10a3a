import type { Response } from 'express';
import { z } from 'zod';
import type { OperationId } from '../../domain/ids';
import { isFinal, type Operation, type OperationEvent } from '../../domain/operations';
import { operationStateSchema } from '../../domain/schemas/operations';
import type { ApiDeps } from './deps';

/** Server-sent events of one operation. The table of events is the truth; notifications only say when to look. */

const HEARTBEAT_MS = 15_000;
const RECONNECT_AFTER_MS = 1_000;

type Deps = Pick<ApiDeps, 'inventory' | 'events'>;

/**
 * Events after `afterSeq`, oldest first, until the final one, and what came after that. Null when there is nothing left to
 * tell: the operation has ended and the client has seen it.
 */
export async function openEventStream(
  { inventory, events }: Deps,
  operation: Operation,
  afterSeq: number,
): Promise<((response: Response) => Promise<void>) | null> {
  const isOver = isFinal(operation.state);
  if (isOver && (await inventory.operations.eventsAfter(operation.id, afterSeq)).length === 0) return null;
  return (response) => stream({ inventory, events }, operation.id, { afterSeq, isOver }, response);
}

async function stream(
  { inventory, events }: Deps,
  operationId: OperationId,
  { afterSeq, isOver }: { readonly afterSeq: number; readonly isOver: boolean },
  response: Response,
): Promise<void> {
  const news = createAlarm();
  const unsubscribe = await events.subscribe(operationId, news.ring);
  const gone = AbortSignal.any([events.closed, abortedOnClose(response)]);
  gone.addEventListener('abort', news.ring, { once: true });
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    'X-Accel-Buffering': 'no',
  });
  response.write(`retry: ${RECONNECT_AFTER_MS}\n\n`);
  try {
    let last = afterSeq;
    for (let ended = false; !ended && !gone.aborted;) {
      const batch = await inventory.operations.eventsAfter(operationId, last);
      for (const event of batch) response.write(eventText(event));
      last = batch.at(-1)?.seq ?? last;
      ended = isOver ? batch.length === 0 : batch.some(isFinalEvent);
      if (!ended && batch.length === 0 && (await news.waitFor(HEARTBEAT_MS)) === 'timeout')
        response.write(': heartbeat\n\n');
    }
  } finally {
    unsubscribe();
    response.end();
  }
}

function eventText(event: OperationEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

const finalBody = z.object({ state: operationStateSchema });

function isFinalEvent(event: Pick<OperationEvent, 'type' | 'body'>): boolean {
  const body = event.type === 'operation' ? finalBody.safeParse(event.body) : null;
  return body?.data !== undefined && isFinal(body.data.state);
}

function abortedOnClose(response: Response): AbortSignal {
  const closed = new AbortController();
  response.once('close', () => closed.abort());
  return closed.signal;
}

/** Rings are never lost: one that comes while nobody waits ends the next wait at once. */
function createAlarm(): { ring: () => void; waitFor: (ms: number) => Promise<'rung' | 'timeout'> } {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async waitFor(ms) {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => (clearTimeout(timer), resolve());
        });
      }
      const answer = rung ? 'rung' : 'timeout';
      rung = false;
      return answer;
    },
  };
}
