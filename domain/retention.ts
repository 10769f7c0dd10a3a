import type { BackupCopy, BackupPolicy } from './backups';

/** How long backups are kept. */

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
