import type { Response } from 'express';
import { MemoryStore, rateLimit } from 'express-rate-limit';
import { ProblemWithHeaders } from './problem';

const WINDOW_MS = 60_000;

export interface RateLimit {
  /** Counts one request of `key`. @throws TOO_MANY_REQUESTS with Retry-After. */
  count(key: string, response: Response): Promise<void>;
}

/** At most `limit` requests per minute and key, counted in this process. */
export function createRateLimit(limit: number): RateLimit {
  const store = new MemoryStore();
  // Tells the store its window. The middleware itself counts before it is known who asks, so it is not used.
  rateLimit({ windowMs: WINDOW_MS, limit, store });
  return {
    async count(key, response) {
      const { totalHits, resetTime } = await store.increment(key);
      const seconds = Math.max(1, Math.ceil(((resetTime?.getTime() ?? 0) - Date.now()) / 1000));
      response.set('RateLimit-Policy', `"default";q=${limit};w=${WINDOW_MS / 1000}`);
      response.set('RateLimit', `"default";r=${Math.max(0, limit - totalHits)};t=${seconds}`);
      if (totalHits > limit) {
        throw new ProblemWithHeaders('TOO_MANY_REQUESTS', { limit, seconds }, { 'Retry-After': String(seconds) });
      }
    },
  };
}
