import type { RestoreTarget } from './backups';
import type { ClusterId } from './ids';

/** One database out of the backups of a cluster: restored aside, dumped there, and restored from the dump where it is wanted. */
export interface DatabaseRestore {
  /** The cluster that it goes into. */
  readonly into: ClusterId;
  /** Its name in the backups. */
  readonly source: string;
  /** Name that it gets. */
  readonly database: string;
  /** True: in the place of one that has that name. */
  readonly replace: boolean;
}

/** Beside the data a dump of half of it needs room on the volume. */
export const ROOM_FOR_DUMP = 1.75;

/**
 * True when only the database itself need be restored, which takes less time. pgBackRest then makes files of zeros of all
 * others. That is of use up to the end of a backup: PostgreSQL takes log of such files that it replays behind it for damage,
 * and stops.
 */
export const mayLeaveOut = ({ kind }: RestoreTarget): boolean => kind === 'backup';
