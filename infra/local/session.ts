import type { Home } from './home';
import { openHome } from './home';
import type { Lock } from './lock';
import { takeLock } from './lock';
import { Problem } from './problem';
import type { Progress } from './progress.cjs';
import { createProgress } from './progress.cjs';

/** One run of a command: where its state is, how it shows what it does, when it shall end, and what to do then. */
export interface Session {
  readonly home: Home;
  readonly progress: Progress;
  /** Aborted when the command shall end. */
  readonly signal: AbortSignal;
  /** Ends by itself what was started: done in reverse order when the command ends, whether it failed or was told to. */
  atEnd(title: string, stop: () => Promise<void>): void;
}

// The owner of the lock may just be learning that the terminal it was started from is gone.
const LOCK_WAIT_MS = 15_000;

/**
 * Runs a command in a home folder that no other one uses at the same time, and ends the process: exit code 0 when
 * `work` returned or was told to end, 1 when it failed (a {@link Problem} in one sentence, anything else in full).
 */
export async function runSession(folder: string, work: (session: Session) => Promise<number>): Promise<never> {
  const progress = createProgress();
  const stop = new AbortController();
  const ends: { title: string; stop: () => Promise<void> }[] = [];
  abortWhenTold(stop);
  let lock: Lock | undefined;
  let code: number;
  try {
    const home = openHome(folder);
    lock = await lockHome(home);
    code = await work({
      home,
      progress,
      signal: stop.signal,
      atEnd: (title, end) => void ends.push({ title, stop: end }),
    });
  } catch (error) {
    code = stop.signal.aborted ? 0 : 1;
    if (code !== 0) complain(error);
  }
  for (const end of ends.reverse()) await progress.step(end.title, end.stop).catch(complain);
  lock?.release();
  process.exit(code);
}

/** Runs independent things side by side. When one fails, waits for the others before it throws: none is left half done. */
export async function together(...works: readonly (() => Promise<unknown>)[]): Promise<void> {
  const outcomes = await Promise.allSettled(works.map((work) => work()));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/** Returns when the command is told to end. */
export function told(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

export function complain(error: unknown): void {
  process.stderr.write(
    error instanceof Problem ? `\n${error.message}\n` : `\n${error instanceof Error ? error.stack : String(error)}\n`,
  );
}

// A second Ctrl-C changes nothing: each end has a time limit of its own.
function abortWhenTold(stop: AbortController): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  process.on('disconnect', () => stop.abort());
}

async function lockHome(home: Home): Promise<Lock> {
  const lock = await takeLock(home.path('lock'), LOCK_WAIT_MS);
  if ('release' in lock) return lock;
  throw new Problem(
    `Holdfast already runs from this folder (process ${lock.pid}): use that one, or end it with npm run down or Ctrl-C in its terminal.`,
  );
}
