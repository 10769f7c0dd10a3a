import { setTimeout as pause } from 'node:timers/promises';
import { reasonOf } from '../host/cancellation';
import { createChannels } from '../host/channels';

export interface Turns<T> {
  readonly list: () => Promise<readonly T[]>;
  readonly idOf: (item: T) => string;
  /** Looks at one; what it throws counts as no answer. */
  readonly look: (item: T) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
  readonly periodMs: number;
  /** Ends it: those that are looked at are waited for, so they should know of it. */
  readonly signal: AbortSignal;
}

/** So many are looked at at the same time. */
const AT_ONCE = 32;
/** One that does not answer is asked more seldom, down to once in so many periods. */
const SELDOM = 6;

/**
 * Looks at each item of a list that comes and goes, once in a period and never twice at a time: one that takes long keeps
 * nobody from the others. Ends with the signal only. @throws its reason.
 */
export async function lookInTurns<T>({ list, idOf, look, onFailure, periodMs, signal }: Turns<T>): Promise<never> {
  const slots = createChannels(AT_ONCE);
  const looks = new Map<string, Promise<void>>();
  const silent = new Map<string, { readonly times: number; readonly wait: number }>();
  const lookOnce = async (item: T): Promise<void> => {
    const free = await slots.take();
    try {
      if (!signal.aborted) await look(item);
      silent.delete(idOf(item));
    } catch (error) {
      const times = (silent.get(idOf(item))?.times ?? 0) + 1;
      silent.set(idOf(item), { times, wait: Math.min(times, SELDOM) - 1 });
      if (!signal.aborted) onFailure(error);
    } finally {
      free();
    }
  };
  while (!signal.aborted) {
    const items = await list().catch((error: unknown) => {
      onFailure(error);
      return [];
    });
    for (const item of items) {
      const id = idOf(item);
      const { times, wait } = silent.get(id) ?? { times: 0, wait: 0 };
      if (looks.has(id)) continue;
      if (wait > 0) silent.set(id, { times, wait: wait - 1 });
      else
        void looks.set(
          id,
          lookOnce(item).finally(() => looks.delete(id)),
        );
    }
    await pause(periodMs, undefined, { signal }).catch(() => undefined);
  }
  await Promise.all(looks.values());
  throw reasonOf(signal);
}
