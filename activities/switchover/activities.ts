import type { StepRef } from '../../domain/clusters';
import type { Fleet } from '../fleet';
import { fencedHostOf, reachableNode, viewCluster } from '../fleet';
import { runSql } from '../postgres/psql';
import { sql } from '../postgres/sql';
import { chooseStandby } from './choose';
import { openChange } from './change';
import { switchOver } from './switch-over';

/** A checkpoint takes as long as there are dirty pages. */
const CHECKPOINT_TIMEOUT_MS = 170_000;

export interface SwitchoverActivities {
  /**
   * Finds out who is the primary, and chooses who is to be: the one that was asked for, or the synchronous standby that is least
   * behind. Sees that all gateways work. Idempotent: what was chosen first counts. Retry: `remote`. Effects: the operation's record.
   * @throws SWITCHOVER_FAILED where none, or not that one, can take over.
   */
  chooseStandby(at: StepRef): Promise<void>;
  /** A checkpoint on the primary: the next one, with which it stops, is short. Repeatable. Retry: `remote`. */
  writeOut(at: StepRef): Promise<void>;
  /**
   * Lets the clients of PgBouncer wait on all gateways, has Patroni switch, leads HAProxy to the new primary and lets the clients go
   * on. Idempotent by who is the primary: it never switches back, and where an earlier try has switched it goes on behind that.
   * What a worker that died has left waiting goes on by itself ({@link HOLD_S}). Retry: `remote`. Undo: none.
   * @throws SWITCHOVER_FAILED when transactions take too long, or Patroni does not switch: clients go on with the old primary.
   */
  switchOver(at: StepRef): Promise<void>;
}

export function createSwitchoverActivities(fleet: Fleet): SwitchoverActivities {
  return {
    chooseStandby: async (at) => chooseStandby(fleet, at, await viewCluster(fleet, at.clusterId)),

    async writeOut(at) {
      const { view, from } = await openChange(fleet, at);
      const host = fencedHostOf(fleet, at, view, reachableNode(view, from));
      const title = 'write out what is in memory';
      await runSql(view, host, 'postgres', sql`CHECKPOINT`, title, CHECKPOINT_TIMEOUT_MS);
    },

    switchOver: async (at) => switchOver(fleet, at, await openChange(fleet, at)),
  };
}
