import type { ArchivingCondition } from '../../domain/archiving';
import type { Commit } from '../../domain/backups';
import type { ClusterId } from '../../domain/ids';
import type { Fleet } from '../fleet';
import type { WatchedCluster } from '../inventory/archiving-table';

/**
 * Writes down up to where clusters can be restored, for the time when nobody can ask their primaries any more.
 *
 * @returns to be called at each look, with the newest commit of a segment that PostgreSQL calls archived, null where there is
 * no new one, and with what is known of the archive by then, null while nobody can say.
 */
export function createRestorableWatch({
  inventory,
}: Pick<Fleet, 'inventory'>): (
  cluster: WatchedCluster,
  newest: Commit | null,
  condition: ArchivingCondition | null,
) => Promise<void> {
  /** Archived, but not known to be without a gap before. */
  const waiting = new Map<ClusterId, Commit>();
  return async ({ clusterId, timelineId, busy }, newest, condition) => {
    if (newest) waiting.set(clusterId, newest);
    // What was given up PostgreSQL calls archived, too.
    if (condition?.reason === 'Gap') waiting.delete(clusterId);
    const commit = waiting.get(clusterId);
    if (!commit || !condition?.status || busy) return;
    await inventory.timelines.extendWindow(timelineId, commit);
    waiting.delete(clusterId);
  };
}
