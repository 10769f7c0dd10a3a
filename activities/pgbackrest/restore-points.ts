import type { StepRef } from '../../domain/clusters';
import type { Fleet } from '../fleet';
import { fencedHostOf, viewCluster } from '../fleet';
import { findPrimary, runSql } from '../postgres/psql';
import { sql } from '../postgres/sql';
import { closeLog } from './window';

export interface RestorePointActivities {
  /**
   * Marks the log of the cluster with a restore point, and has it archived. Idempotency: the position that was written down
   * first counts; where a worker died before that, the mark that it left in the log has no meaning. Retry: `remote`.
   * Effects: records in the log, a row. Undo: forgetPoint.
   */
  markLog(at: StepRef): Promise<void>;
  /** Forgets the restore point: nothing can be restored to it by its name. Idempotent. Retry: `quick`. */
  forgetPoint(at: StepRef): Promise<void>;
}

export function createRestorePointActivities(fleet: Fleet): RestorePointActivities {
  return {
    async markLog(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const primary = fencedHostOf(fleet, at, view, await findPrimary(fleet, view));
      const { name, lsn } = await fleet.inventory.restorePoints.ofOperation(at.operationId);
      if (lsn === null) {
        // A commit of its own waits for the quorum: a failover must not lose what was promised.
        const mark = sql`SELECT pg_create_restore_point(${name}) FROM pg_current_xact_id()`;
        const marked = await runSql(view, primary, 'postgres', mark, 'mark the log');
        await fleet.inventory.restorePoints.mark(at, marked);
      }
      await closeLog(view, primary);
    },

    forgetPoint: (at) => fleet.inventory.restorePoints.forget(at),
  };
}
