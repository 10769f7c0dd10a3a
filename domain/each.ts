/** Does the same for each item at the same time and waits for all, also when one fails. @throws what the first failed with. */
export async function each<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  const outcomes = await Promise.allSettled(items.map(act));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
