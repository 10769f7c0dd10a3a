import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';

const RETRY_MS = 5_000;

/**
 * Does what a worker does once when it begins, however late the other side answers; ends with the signal. Never rejects.
 *
 * @param what it does, as a reader of the log would say it.
 */
export async function untilDone(
  what: string,
  act: () => Promise<void>,
  log: Pick<Logger, 'warn'>,
  stop: AbortSignal,
  retryMs = RETRY_MS,
): Promise<void> {
  while (!stop.aborted) {
    try {
      return await act();
    } catch (error) {
      log.warn({ err: error }, `cannot ${what}; it will be tried again`);
    }
    await pause(retryMs, undefined, { signal: stop }).catch(() => undefined);
  }
}
