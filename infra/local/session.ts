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
  /**
   * Runs independent things side by side. When one fails, the others are interrupted and waited for before its error is
   * thrown: the reader learns it at once, and nothing is left half done.
   */
  together(...works: readonly (() => Promise<unknown>)[]): Promise<void>;
}

// The owner of the lock may just be learning that the terminal it was started from is gone.
const LOCK_PATIENCE = { waitMs: 2_000, endingMs: 120_000 };
const FAILED = 'something beside it failed';

/**
 * Runs a command in a home folder that no other one uses at the same time, and ends the process: exit code 0 when
 * `work` was told to end, 1 when it failed (a {@link Problem} in one sentence, anything else in full), else what it
 * returned. `conclude` has the last word, after all that was started has been ended.
 */
export async function runSession(
  folder: string,
  work: (session: Session) => Promise<number>,
  conclude: () => void = () => undefined,
): Promise<never> {
  const progress = createProgress();
  const stop = new AbortController();
  const ends: { title: string; stop: () => Promise<void> }[] = [];
  outliveTerminal();
  abortWhenTold(stop);
  let lock: Lock | undefined;
  let code: number;
  try {
    const home = openHome(folder);
    lock = await lockHome(home);
    stop.signal.addEventListener('abort', lock.announceEnd);
    code = await work({
      home,
      progress,
      signal: stop.signal,
      atEnd: (title, end) => void ends.push({ title, stop: end }),
      together: (...works) => sideBySide(stop, works),
    });
  } catch (error) {
    code = stop.signal.aborted && stop.signal.reason !== FAILED ? 0 : 1;
    if (code !== 0) complain(error);
  }
  for (const end of ends.reverse()) await progress.step(end.title, end.stop).catch(complain);
  lock?.release();
  conclude();
  process.exit(code);
}

async function sideBySide(stop: AbortController, works: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  const run = (work: () => Promise<unknown>): Promise<unknown> =>
    work().catch((error: unknown) => {
      failures.push(error);
      stop.abort(FAILED);
    });
  await Promise.all(works.map(run));
  if (failures.length > 0) throw failures[0];
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

// When the terminal is gone, writing to it fails; what was started must be ended all the same.
function outliveTerminal(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

// A second Ctrl-C changes nothing: each end has a time limit of its own.
function abortWhenTold(stop: AbortController): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  process.on('disconnect', () => stop.abort());
}

async function lockHome(home: Home): Promise<Lock> {
  const lock = await takeLock(home.path('lock'), LOCK_PATIENCE);
  if ('release' in lock) return lock;
  throw new Problem(
    `Holdfast already runs from this folder (process ${lock.pid}): use that one, or stop it with Ctrl-C in its terminal, which leaves the clusters running.`,
  );
}
