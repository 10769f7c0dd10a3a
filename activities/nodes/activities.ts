import type { StepRef } from '../../domain/clusters';
import type { Fleet } from '../fleet';
import { runSql } from '../postgres/psql';
import { sql } from '../postgres/sql';
import { orWithoutIt } from '../switchover/clients';
import { copyAnew, markData } from './reinit';
import { lookAtNode, restartProcesses } from './restart';
import { openWork } from './work';

/** A checkpoint takes as long as there are dirty pages. */
const CHECKPOINT_TIMEOUT_MS = 170_000;

/** What is done with one node of a cluster that serves. */
export interface NodeActivities {
  /**
   * Writes down what the node is, what its processes are known by and, of a primary that a standby can take over from, which one.
   * Idempotent: what was seen first counts. Retry: `remote`. Effects: the operation's record. Undo: none needed.
   */
  lookAtNode(at: StepRef): Promise<void>;
  /** A checkpoint, so that PostgreSQL stops quickly; nothing on a gateway, or where PostgreSQL does not run. Repeatable. Retry: `remote`. */
  writeOutNode(at: StepRef): Promise<void>;
  /**
   * Restarts HAProxy and PgBouncer of a gateway, or PostgreSQL of a data node through its Patroni. Of a primary, clients of the pooled
   * port wait meanwhile: a standby takes over, or, where there is none, they wait until it is back. Idempotent by what its processes
   * were known by: one that is new is left alone. What a worker that died has left waiting goes on by itself. Retry: `remote`.
   * Effects: processes of the node, the primary. Undo: none.
   * @throws NODE_RESTART_FAILED, SWITCHOVER_FAILED: clients go on with what is there.
   */
  restartProcesses(at: StepRef): Promise<void>;
  /**
   * Sees that the others can acknowledge commits without the node, and marks its data as what is to be thrown away. Idempotent.
   * Retry: `remote`. Effects: an empty file in the data directory. Undo: none needed.
   * @throws NODE_IS_PRIMARY, NO_QUORUM_LEFT.
   */
  markData(at: StepRef): Promise<void>;
  /**
   * Has Patroni throw the data away that was marked, and copy a backup or the primary; what a backup has just the same may stay. Returns
   * when it is thrown away; a copy takes as long as there is data. Idempotent: without the mark it was done before. Retry: `remote`. Effects: the data of the node. Undo: none.
   * @throws NODE_IS_PRIMARY, NO_QUORUM_LEFT, REINIT_FAILED: its data is as it was.
   */
  copyAnew(at: StepRef): Promise<void>;
}

export function createNodeActivities(fleet: Fleet): NodeActivities {
  return {
    lookAtNode: async (at) => lookAtNode(fleet, at, await openWork(fleet, at)),

    async writeOutNode(at) {
      const { view, node, host } = await openWork(fleet, at);
      if (node.role === 'gateway') return;
      const title = 'write out what is in memory';
      await runSql(view, host, 'postgres', sql`CHECKPOINT`, title, CHECKPOINT_TIMEOUT_MS).catch(orWithoutIt);
    },

    restartProcesses: async (at) => restartProcesses(fleet, at, await openWork(fleet, at)),

    markData: async (at) => markData(fleet, at, await openWork(fleet, at)),

    copyAnew: async (at) => copyAnew(fleet, at, await openWork(fleet, at)),
  };
}
