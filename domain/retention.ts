import type { BackupCopy, BackupPolicy } from './backups';

/**
 * How long backups are kept. What builds on a full backup goes with it. pgBackRest's own rule of days is the same: it keeps the
 * newest full backup that is older than these days, because their beginning needs it, and all that are newer; at the very
 * second it still waits for the next one. It does not look at damage, hence Holdfast says how many full backups pgBackRest is to keep.
 */

const DAY_MS = 86_400_000;

/**
 * How many of the newest full backups of a site are to be kept, so that what the policy promises can be restored: a damaged
 * one takes the place of no good one.
 *
 * @param sets of one site, of any type and in any order.
 * @returns null when all are to be kept.
 */
export function fullBackupsToKeep(
  sets: readonly Pick<BackupCopy, 'type' | 'finishedAt' | 'damaged'>[],
  { unit, full }: BackupPolicy['retention'],
  now: Date,
): number | null {
  const newestFirst = sets
    .filter(({ type }) => type === 'full')
    .sort((a, b) => Date.parse(b.finishedAt) - Date.parse(a.finishedAt));
  const since = now.getTime() - full * DAY_MS;
  let good = 0;
  // Of days, the last good one from before them is needed for their beginning.
  const last = newestFirst.findIndex(({ finishedAt, damaged }) => {
    if (damaged) return false;
    good += 1;
    return unit === 'count' ? good === full : Date.parse(finishedAt) <= since;
  });
  return last < 0 || last === newestFirst.length - 1 ? null : last + 1;
}

/** Until when a copy is kept. The backup that ends next after that removes it. */
export interface Keeping {
  /** ISO 8601; null: no time can be told. */
  readonly until: string | null;
  /**
   * So many more full backups have to end well on its site, until the time is known (of days) or it goes (of a count); 0: it
   * goes with the next backup. Null where there is a time, or where nothing is ever removed.
   */
  readonly fullBackups: number | null;
}

type FullSet = Pick<BackupCopy, 'setId' | 'finishedAt' | 'damaged'>;

/**
 * The same rule as {@link fullBackupsToKeep}, asked of one copy: it tells what that will say, as long as the policy stays.
 *
 * @param setId of the copy, full or not.
 * @param fullSets the full ones that are on its site, in any order, with the one that the copy is or builds on.
 */
export function keepingOf(
  setId: string,
  fullSets: readonly FullSet[],
  { unit, full }: BackupPolicy['retention'],
): Keeping {
  const base = fullSets.find((set) => set.setId === fullSetOf(setId));
  if (!base) return { until: null, fullBackups: null };
  const newer = fullSets
    .filter(({ finishedAt, damaged }) => !damaged && Date.parse(finishedAt) > Date.parse(base.finishedAt))
    .map(({ finishedAt }) => Date.parse(finishedAt));
  if (unit === 'count') return { until: null, fullBackups: Math.max(0, full - newer.length) };
  if (newer.length === 0) return { until: null, fullBackups: 1 };
  return { until: new Date(Math.min(...newer) + full * DAY_MS).toISOString(), fullBackups: null };
}

/** pgBackRest names a set after the full one that it builds on: `20261121-063000F_20261121-074700I`. */
export const fullSetOf = (setId: string): string => setId.split('_')[0] ?? setId;

/** Of a backup with several copies: it is there as long as one of them is. Null where it has none. */
export function longestOf(copies: readonly Keeping[]): Keeping | null {
  return [...copies].sort((a, b) => lasting(b) - lasting(a))[0] ?? null;
}

/** Later than any time. */
const UNKNOWN_MS = 8.64e15;

function lasting({ until, fullBackups }: Keeping): number {
  if (until !== null) return Date.parse(until);
  if (fullBackups === null) return Infinity;
  return fullBackups === 0 ? 0 : UNKNOWN_MS + fullBackups;
}
