import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from './engine';
import { engineAt } from './engine';
import type { Session } from './session';

const PAUSE_MS = 500;

/**
 * For as long as the session serves: when the Docker engine was away, all that ran on it has lost its power, and the
 * engine gives it back to nobody. The engine that Holdfast runs itself is started again; another is waited for.
 *
 * @param recover what to do when it answers again; called anew when it goes away meanwhile.
 */
export async function watchEngine(session: Session, engine: Engine, recover: () => Promise<void>): Promise<void> {
  const { signal, progress } = session;
  let gone = untilGone(engine, signal);
  for (;;) {
    await gone;
    if (signal.aborted) return;
    progress.say('! the Docker engine is away: its hosts are powered on when it answers again');
    if (!(await isBack(engine, signal))) return;
    // Before the hosts are started: one that goes away again in the middle of that is noticed.
    gone = untilGone(engine, signal);
    await recover().catch((error: unknown) =>
      progress.say(`! ${error instanceof Error ? error.message : String(error)}`),
    );
  }
}

/** Its stream of events ends with it. */
async function untilGone({ docker }: Engine, signal: AbortSignal): Promise<void> {
  try {
    const events = await docker.getEvents({ filters: JSON.stringify({ type: ['daemon'] }) });
    await finished(events.resume(), { signal });
  } catch {
    // However it ended.
  }
}

/** False when the session ended before. */
async function isBack({ host }: Engine, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if (await engineAt(host).catch(() => null)) return true;
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
  return false;
}
