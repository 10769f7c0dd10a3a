import { tellsAbsence } from '../../domain/errors';
import { leadsTo } from '../../domain/swaps';
import { beginOfSegment, mainLine, missingIn, numberOfLsn, segmentNumber } from '../../domain/wal-segments';
import type { Fleet } from '../fleet';
import type { WatchedCluster } from '../inventory/archiving-table';
import { listSegments } from '../pgbackrest/stores';

/** `whole`: nothing is missing since the newest backup. `unknown`: a store does not answer. */
export type Continuity =
  | { readonly state: 'whole' }
  | { readonly state: 'unknown' }
  /** @property from position in the log at which the first segment that no store has begins. */
  | { readonly state: 'broken'; readonly from: string };

/**
 * Asks the stores themselves: PostgreSQL counts what was given up as archived, and a primary that was lost may have taken with
 * it what waited there. Reads lists only.
 *
 * @param upTo name of the newest segment that PostgreSQL calls archived; null: it does not say.
 */
export async function findContinuity(
  fleet: Pick<Fleet, 'inventory' | 'storage'>,
  { timelineId, sites }: Pick<WatchedCluster, 'timelineId' | 'sites'>,
  upTo: string | null,
): Promise<Continuity> {
  const from = await beginOfNewest(fleet, timelineId);
  if (from === null) return { state: 'whole' };
  try {
    const lists = await Promise.all(sites.map((site) => listSegments(fleet, site, timelineId)));
    const missing = firstMissing(lists.flat(), from, upTo);
    return missing === null ? { state: 'whole' } : { state: 'broken', from: beginOfSegment(missing) };
  } catch (error) {
    if (!tellsAbsence(error)) throw error;
    return { state: 'unknown' };
  }
}

/** Number of the segment that the newest good backup begins in; null: there is none. */
async function beginOfNewest(
  { inventory }: Pick<Fleet, 'inventory'>,
  id: WatchedCluster['timelineId'],
): Promise<number | null> {
  const [copies, forks] = await Promise.all([inventory.backups.copies(id), inventory.swaps.forks(id)]);
  const usable = copies.filter((copy) => !copy.damaged && leadsTo(forks, forks.length, copy));
  const newest = usable.sort((one, other) => Date.parse(one.finishedAt) - Date.parse(other.finishedAt)).at(-1);
  return newest ? numberOfLsn(newest.startLsn) : null;
}

/** @returns number of the first segment that is not there, from one on and up to another; null: all are. */
export function firstMissing(segments: readonly string[], from: number, upTo: string | null): number | null {
  const line = mainLine(segments);
  const [hole] = missingIn(line, from);
  if (hole) {
    const first = hole.before === null ? from : segmentNumber(hole.before) + 1;
    // Two are on their way at a time: what comes after the newest that is archived may be there before the one before it.
    return upTo === null || first <= segmentNumber(upTo) ? first : null;
  }
  const last = line.at(-1);
  const next = Math.max(from, last === undefined ? from : segmentNumber(last) + 1);
  return upTo !== null && segmentNumber(upTo) >= next ? next : null;
}
