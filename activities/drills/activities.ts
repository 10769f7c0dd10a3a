import type { StepRef } from '../../domain/clusters';
import type { Fleet } from '../fleet';
import { choosePointOf } from './choose';
import { examineRestore } from './examine';
import type { AbandonedDrills, DrillDue } from './open-drill';
import type { Opened } from '../schedules/occasion';
import { openDrill, removeAbandonedDrills } from './open-drill';

export interface DrillActivities {
  /**
   * Writes the operation of a drill that is due, with the cluster that is made for it. Idempotency: `due.occasion`. Retry:
   * `quick`. Effects: rows of cluster, operation and drill. Undo: the operation's own.
   *
   * @returns why there is none, where the cluster has gone or does not want it now, or another drill of it runs.
   */
  openDrill(due: DrillDue): Promise<Opened>;
  /**
   * Chooses by chance where the drill stops and which site it reads, within what the archive says can be restored. Idempotent:
   * what was chosen first stays. Retry: `remote`. Effects: the drill, the origin of its cluster. Undo: forgetCluster.
   * @throws RESTORE_TARGET_OUTSIDE while there is no backup.
   */
  choosePoint(at: StepRef): Promise<void>;
  /**
   * Looks at what came back: that it stops where it should, its checksums, and tables and indexes for damage. Writes down
   * what it finds. Idempotent. Retry: `backup`, a few times.
   * @throws DRILL_FAILED for what is wrong with it.
   */
  examineRestore(at: StepRef): Promise<void>;
  /** Tells the cluster whose backups they are that they can be restored. Idempotent. Retry: `quick`. Undo: none. */
  proveDrill(at: StepRef): Promise<void>;
  /**
   * Orders the deletion of what drills have left behind that were ended from outside. Idempotent. Retry: `hourly`. Effects:
   * operations, which the API starts. Undo: none.
   *
   * @returns ids of the clusters that are to be deleted.
   */
  removeAbandonedDrills(steps: AbandonedDrills): Promise<readonly string[]>;
}

export function createDrillActivities(fleet: Fleet): DrillActivities {
  return {
    openDrill: (due) => openDrill(fleet, due),
    choosePoint: (at) => choosePointOf(fleet, at),
    examineRestore: (at) => examineRestore(fleet, at),
    proveDrill: (at) => fleet.inventory.drills.prove(at),
    removeAbandonedDrills: ({ steps }) => removeAbandonedDrills(fleet, steps),
  };
}
