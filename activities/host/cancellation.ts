import { asyncLocalStorage } from '@temporalio/activity';

/** The signals that end a call: the one given and, inside an activity, the activity's own cancellation. */
export function cancellation(given?: AbortSignal): AbortSignal | undefined {
  const signals = [given, asyncLocalStorage.getStore()?.cancellationSignal].filter((signal) => signal !== undefined);
  return signals.length > 1 ? AbortSignal.any(signals) : signals[0];
}

/** Waits for `work` or for the signal, whichever comes first. @throws the signal's reason. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(reasonOf(signal));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Why the signal was given, always an Error: an activity's is Temporal's CancelledFailure. */
export function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new DOMException('aborted', 'AbortError');
}
