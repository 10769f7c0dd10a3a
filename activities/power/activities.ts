import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { WITHOUT_BACKUPS } from '../../domain/step-words';
import type { ClusterView, Fleet } from '../fleet';
import { dataNodesOf, fencedHostOf, viewCluster } from '../fleet';
import { isQuorumFormed } from '../patroni/catch-up';
import { currentLineage } from '../pgbackrest/lineage';
import { closeLog } from '../pgbackrest/window';
import { findPrimary } from '../postgres/psql';
import { tellNothing } from '../progress';
import { startPostgres, stopPostgres } from './postgres';
import { switchOff, switchOn } from './hosts';
import { hasMajority, nodesThere } from './there';

/** All stores have to have the end of the log by then. */
const ARCHIVE_S = 100;

/** A whole cluster is stopped, and started again. */
export interface PowerActivities {
  /**
   * Sees that no failover is under way, and that every data node whose host is there follows the primary, which have to be a majority: only
   * that can start again. Looks only. Retry: `remote`. @throws NOT_YET, STOP_FAILED.
   */
  demandStoppable(at: StepRef): Promise<void>;
  /** Has the log archived up to now: what comes later is archived as PostgreSQL stops. Repeatable. Retry: `remote`. @throws STOP_FAILED. */
  archiveLog(at: StepRef): Promise<void>;
  /** From here on the autopilot and the watch of the archive leave it alone. Idempotent. Retry: `quick`. Undo: {@link PowerActivities.declareServing}. */
  declareStopped(at: StepRef): Promise<void>;
  /** Takes that back. Idempotent. Retry: `quick`. */
  declareServing(at: StepRef): Promise<void>;
  /**
   * Stops PostgreSQL on every data node that runs, the primary last; none of them starts it after a boot. Idempotent. Retry: `long`.
   * Undo: {@link PowerActivities.startPostgres}.
   */
  stopPostgres(at: StepRef): Promise<void>;
  /**
   * Starts it on every data node whose host is there, a majority; the one that was the primary is it again, and where that is away Patroni
   * chooses one that has all that was acknowledged. Idempotent. Retry: `long`. Undo: {@link PowerActivities.stopPostgres}.
   */
  startPostgres(at: StepRef): Promise<void>;
  /**
   * Switches all hosts off through their cloud; where that can't be undone without a hand, stops what Holdfast runs there. Idempotent.
   * Retry: `long`. Undo: {@link PowerActivities.switchOn}.
   */
  switchOff(at: StepRef): Promise<void>;
  /** Returns when all of them answer, or a majority of the data nodes does and the others have not within the time of a boot. Idempotent. Retry: `long`. Undo: {@link PowerActivities.switchOff}. */
  switchOn(at: StepRef): Promise<void>;
}

export function createPowerActivities(fleet: Fleet): PowerActivities {
  const view = (at: StepRef): Promise<ClusterView> => viewCluster(fleet, at.clusterId);
  const { clusters } = fleet.inventory;
  return {
    demandStoppable: async (at) => demandStoppable(fleet, await view(at)),

    archiveLog: async (at) => archiveLog(fleet, at, await view(at)),

    async declareStopped(at) {
      await clusters.setStatus(at, { state: 'stopped' });
      await clusters.setCondition(at, {
        type: 'Ready',
        status: false,
        reason: 'Stopped',
        message: 'It was stopped on purpose: its data stays on its hosts until it is started.',
      });
    },

    async declareServing(at) {
      await clusters.setStatus(at, { state: 'ready' });
      await clusters.setCondition(at, {
        type: 'Ready',
        status: true,
        reason: 'Resumed',
        message: 'It was not stopped after all, and serves.',
      });
    },

    stopPostgres: async (at) => stopPostgres(fleet, at, await view(at)),
    startPostgres: async (at) => startPostgres(fleet, at, await view(at)),
    switchOff: async (at) => switchOff(fleet, at, await view(at)),
    switchOn: async (at) => switchOn(fleet, at, await view(at)),
  };
}

const failed = (detail: string): HoldfastError => new HoldfastError('STOP_FAILED', { detail });

async function demandStoppable(fleet: Fleet, view: ClusterView): Promise<void> {
  await fleet.inventory.failovers.demandNone(view.cluster.id);
  const nodes = await nodesThere(view, dataNodesOf(view));
  if (dataNodesOf(view).length === 1) return void (await findPrimary(fleet, view));
  if (!hasMajority(view, nodes)) throw failed('no majority of the hosts of its data nodes is on; wait until one is');
  if (!(await isQuorumFormed(fleet, view, nodes.length - 1)))
    throw failed('not every data node is in sync with the primary; wait until all of them are');
}

async function archiveLog(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  if (!(await currentLineage(fleet, view))) return tellNothing(fleet, at, WITHOUT_BACKUPS);
  const primary = await findPrimary(fleet, view);
  if (await closeLog(view, fencedHostOf(fleet, at, view, primary), ARCHIVE_S)) return;
  throw failed(`the stores have not taken the end of the log within ${ARCHIVE_S} s; see the condition Archiving`);
}
