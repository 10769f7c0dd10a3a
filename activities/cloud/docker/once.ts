/**
 * Asks once and remembers the answer. An error is not remembered, nor an answer that `lasts` says may change, so that
 * the next call asks again.
 */
export function once<T>(question: () => Promise<T>, lasts: (answer: T) => boolean = () => true): () => Promise<T> {
  let answer: Promise<T> | null = null;
  const forget = (): void => void (answer = null);
  return () =>
    (answer ??= question().then(
      (given) => {
        if (!lasts(given)) forget();
        return given;
      },
      (error: unknown) => {
        forget();
        throw error;
      },
    ));
}

/** Calls with one key that overlap in time share one run and its result. */
export function sharedByKey<A extends unknown[], T>(
  keyOf: (...args: A) => string,
  run: (...args: A) => Promise<T>,
): (...args: A) => Promise<T> {
  const running = new Map<string, Promise<T>>();
  return (...args) => {
    const key = keyOf(...args);
    const current = running.get(key) ?? run(...args).finally(() => running.delete(key));
    running.set(key, current);
    return current;
  };
}

/** Runs tasks one after the other, in the order they came; one that fails does not stop the next. */
export function inTurn(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const result = last.then(task, task);
    last = result;
    return result;
  };
}
