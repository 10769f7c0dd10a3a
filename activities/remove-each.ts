/** Ids of what was removed, and of what failed, with the reason. */
export interface RemovedThings {
  readonly removed: readonly string[];
  readonly failed: Readonly<Record<string, string>>;
}

/** Removes each on its own: one that fails keeps no other from it. */
export async function removeEach<T>(
  things: readonly T[],
  idOf: (thing: T) => string,
  remove: (thing: T) => Promise<void>,
): Promise<RemovedThings> {
  const removed: string[] = [];
  const failed: Record<string, string> = {};
  for (const thing of things) {
    try {
      await remove(thing);
      removed.push(idOf(thing));
    } catch (error) {
      failed[idOf(thing)] = error instanceof Error ? error.message : String(error);
    }
  }
  return { removed, failed };
}
