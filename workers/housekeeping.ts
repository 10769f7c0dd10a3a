import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { TemporalSchedules } from '../activities/schedules/temporal';

const RETRY_MS = 5_000;

/** Ensures the Schedule of the housekeeping, however late Temporal answers; ends with the signal. Never rejects. */
export async function ensureHousekeeping(
  schedules: Pick<TemporalSchedules, 'ensureHousekeeping'>,
  log: Pick<Logger, 'warn'>,
  stop: AbortSignal,
  retryMs = RETRY_MS,
): Promise<void> {
  while (!stop.aborted) {
    try {
      return await schedules.ensureHousekeeping();
    } catch (error) {
      log.warn({ err: error }, 'the housekeeping is not scheduled yet; it will be tried again');
    }
    await pause(retryMs, undefined, { signal: stop }).catch(() => undefined);
  }
}
