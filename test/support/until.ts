import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until the condition holds. @throws when it does not within `limitMs`. */
export async function until(holds: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`it did not happen within ${limitMs} ms`);
    await sleep(20);
  }
}
