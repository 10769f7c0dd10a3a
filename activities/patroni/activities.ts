import type { StepRef } from '../../domain/clusters';
import type { NodeName } from '../../domain/topology';
import type { Fleet, OpenNode } from '../fleet';
import { dataNodesOf, openNode, viewCluster } from '../fleet';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { startServices } from '../host/services';
import { diskGuard } from '../disk/guard';
import { joinAgain } from '../etcd/join-again';
import { archiveOf, backupsOf } from '../pgbackrest/archive';
import { findPrimary } from '../postgres/psql';
import { waitWhileItMoves } from '../progress';
import { catchUpPosition, isQuorumFormed } from './catch-up';
import { DATA_FOLDER } from '../postgres/paths';
import { beginArchiving, endArchiving } from './archiving';
import { patroniFiles } from './files';
import { demandFreshHost, onFreshHost, replacedNode } from '../replacement/fresh-host';
import { waitedFor } from './waited-for';

/** A replica that copies or catches up moves many times in so long. */
const STALL_MS = 5 * 60_000;

/** How long a wait on a host may take before the activity is tried again: longer ones would hide what is wrong. */
const WAIT_S = 120;

export interface PatroniActivities {
  /**
   * Starts PostgreSQL on a data node by starting its Patroni, which initialises the cluster or copies a backup or the primary; before it, what
   * keeps the volume from running full.
   * Idempotent: files that are as they should be stay, a member that runs is left alone. Retry: `remote`.
   * Effects: certificates, configuration, data folder and services on the host. Undo: deleteHost.
   */
  startPatroni(at: StepRef, node: NodeName): Promise<void>;
  /**
   * The same on a fresh host of a cluster that serves: it copies a backup or the primary, whatever the cluster was restored from once.
   * Effects also: those of {@link onFreshHost}.
   */
  startReplica(at: StepRef, node: NodeName): Promise<void>;
  /** Looks, changes nothing. Retry: `remote`. @throws NOT_YET when no data node becomes primary. */
  waitForPrimary(at: StepRef): Promise<void>;
  /**
   * Waits until every replica streams and counts for the quorum, as long as they get on; in a swap without those that are away,
   * which are written down. What works on single nodes waits for these, and for others that serve: {@link waitedFor}. Retry: `long`.
   * Effects: of a replacement those of {@link PatroniActivities.startReplica}, because its fresh host may be lost meanwhile; else none.
   * @throws STEP_DEADLINE_EXCEEDED when nothing moves any more.
   */
  waitForQuorum(at: StepRef): Promise<void>;
  /**
   * Has PostgreSQL archive into the lineage that was opened, and every replica fetch from it what it lacks. Restarts nothing. Each data
   * node must answer: one that did not know of the archive would be a primary that takes what it received for archived.
   * Idempotent. Retry: `remote`. Effects: Patroni's files, which it reads anew, and the settings that all members share. Undo: endArchiving.
   * @throws ARCHIVE_MODE_OFF when only a restart would do; BACKUPS_NOT_CONFIGURED.
   */
  beginArchiving(at: StepRef): Promise<void>;
  /** PostgreSQL archives into nothing, as before. A data node that is away is not waited for. Idempotent. Retry: `remote`. */
  endArchiving(at: StepRef): Promise<void>;
}

export function createPatroniActivities(fleet: Fleet): PatroniActivities {
  return {
    async startPatroni(at, name) {
      const opened = await openNode(fleet, at, name);
      await startPatroni(fleet, opened, await backupsOf(fleet, at, opened.view));
    },

    startReplica: (at, name) => onFreshHost(fleet, at, name, () => startReplica(fleet, at, name)),

    async waitForPrimary(at) {
      await findPrimary(fleet, await viewCluster(fleet, at.clusterId), WAIT_S);
    },

    async waitForQuorum(at) {
      const view = await viewCluster(fleet, at.clusterId);
      if (dataNodesOf(view).length === 1) return;
      const replaced = await replacedNode(fleet, at);
      // Its fresh host may be another one than in the steps before.
      if (replaced) await onFreshHost(fleet, at, replaced, () => startReplica(fleet, at, replaced));
      await waitWhileItMoves({
        goal: async () => {
          if (await isQuorumFormed(fleet, view, await waitedFor(fleet, at, view))) return true;
          if (replaced) await demandFreshHost(fleet, at, replaced);
          return false;
        },
        position: async () => catchUpPosition(fleet, view, await waitedFor(fleet, at, view)),
        stallMs: STALL_MS,
        onMove: (position) => fleet.inventory.operations.recordProgress(at.operationId, at.stepId, position),
      });
    },

    beginArchiving: async (at) => beginArchiving(fleet, at, await viewCluster(fleet, at.clusterId)),

    endArchiving: async (at) => endArchiving(fleet, at, await viewCluster(fleet, at.clusterId)),
  };
}

/** Of a replacement: it votes in etcd before, also where its fresh host is another one than the one that joined. */
async function startReplica(fleet: Fleet, at: StepRef, name: NodeName): Promise<void> {
  await joinAgain(fleet, at, name);
  const opened = await openNode(fleet, at, name);
  await startPatroni(fleet, opened, await archiveOf(fleet, opened.view));
}

async function startPatroni(
  fleet: Fleet,
  { view, node, host }: OpenNode,
  { files, ...backups }: Awaited<ReturnType<typeof backupsOf>>,
): Promise<void> {
  await ownDataFolder(host);
  // Not among what Patroni is restarted for: pgBackRest reads them whenever it is called.
  await host.putFiles(files);
  await startServices(host, { ...diskGuard(view), patroni: await patroniFiles(fleet, view, node, backups) });
}

/** A fresh volume belongs to root; PostgreSQL's may not be anybody else's. */
async function ownDataFolder(host: Host): Promise<void> {
  await host.run(sh`chown postgres:postgres ${DATA_FOLDER} && chmod 700 ${DATA_FOLDER}`, {
    title: 'hand the data folder to postgres',
  });
}
