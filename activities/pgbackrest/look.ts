import type { RestoreWindow } from '../../domain/backups';
import type { ClusterId } from '../../domain/ids';
import type { Fleet } from '../fleet';
import { lookAtWindow } from './activities';

/** A look at what can be restored, for somebody who waits for the answer. */
export interface WindowActivities {
  /**
   * Asks the stores and the primary from where to where the cluster can be restored; null while nothing can. Changes
   * nothing but what the inventory knows of it, so it is no step. Idempotent. Retry: none, somebody waits.
   *
   * @param upTo a time that shall be in it: what was committed up to now is archived at once where it is not; null: as it is.
   * @throws BACKUPS_NOT_CONFIGURED, NOT_FOUND, HOST_UNREACHABLE, NOT_YET without a primary.
   */
  lookAtWindow(clusterId: ClusterId, upTo: string | null): Promise<RestoreWindow | null>;
}

export function createWindowActivities(fleet: Fleet): WindowActivities {
  return { lookAtWindow: (clusterId, upTo) => lookAtWindow(fleet, clusterId, upTo) };
}
