import { setTimeout as sleep } from 'node:timers/promises';

/** How long tests wait for what comes by itself. */
export interface Patience {
  /** Pause between two looks in ms; default {@link pauseAfter}. */
  readonly everyMs?: number;
  /** Default: five minutes, which is more than anything takes that is waited for, on a busy machine too. */
  readonly limitMs?: number;
}

type NotYet = undefined | false;

/** What has taken seconds already is looked at less often: looks cost processor time, on hosts more than here. */
const pauseAfter = (waitedMs: number): number => Math.min(Math.max(waitedMs / 20, 50), 250);

/**
 * Waits until `probe` gives a value other than `undefined` or `false`, and returns it.
 * @throws what `probe` throws, at once; Error when nothing came in time.
 */
export async function eventually<T>(
  probe: () => Promise<T | NotYet> | T | NotYet,
  { everyMs, limitMs = 300_000 }: Patience = {},
): Promise<T> {
  const beganAt = Date.now();
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    const waitedMs = Date.now() - beganAt;
    if (waitedMs > limitMs) throw new Error(`it did not happen within ${limitMs} ms`);
    await sleep(everyMs ?? pauseAfter(waitedMs));
  }
}

/** Like {@link eventually}, of something that throws until it works; its last error is the cause of the one thrown. */
export async function untilSuccess<T>(attempt: () => Promise<T>, patience: Patience = {}): Promise<T> {
  let last: unknown;
  const probe = async (): Promise<{ result: T } | undefined> => {
    try {
      return { result: await attempt() };
    } catch (error) {
      last = error;
      return undefined;
    }
  };
  try {
    return (await eventually(probe, patience)).result;
  } catch (error) {
    throw new Error(`${String(error)}: ${String(last)}`, { cause: last });
  }
}
