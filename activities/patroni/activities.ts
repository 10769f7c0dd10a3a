import type { StepRef } from '../../domain/clusters';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { dataNodesOf, openNode, secretRef, viewCluster } from '../fleet';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { startServices } from '../host/services';
import { backupsOf } from '../pgbackrest/archive';
import { findPrimary } from '../postgres/psql';
import { waitWhileItMoves } from '../progress';
import { tlsFiles } from '../secrets/node-certificate';
import { makePassword } from '../secrets/passwords';
import { SECRET_NAMES } from '../secrets/stored-secrets';
import { catchUpPosition, isQuorumFormed } from './catch-up';
import type { PatroniPasswords } from './config';
import { DATA_FOLDER } from '../postgres/paths';
import { PATRONI_CONFIG_FILE, patroniConfig } from './config';
import { SYSTEM_ROLES } from './hba';

/** A replica that copies or catches up moves many times in so long. */
const STALL_MS = 5 * 60_000;

/** How long a wait on a host may take before the activity is tried again: longer ones would hide what is wrong. */
const WAIT_S = 120;

export interface PatroniActivities {
  /**
   * Starts PostgreSQL on a data node by starting its Patroni, which initialises the cluster or copies the primary.
   * Idempotent: files that are as they should be stay, a member that runs is left alone. Retry: `remote`.
   * Effects: certificates, configuration, data folder and service on the host. Undo: deleteHost.
   */
  startPatroni(at: StepRef, node: NodeName): Promise<void>;
  /** Looks, changes nothing. Retry: `remote`. @throws NOT_YET when no data node becomes primary. */
  waitForPrimary(at: StepRef): Promise<void>;
  /**
   * Waits until every replica streams and counts for the quorum, as long as they get on. Changes nothing. Retry: `long`.
   * @throws STEP_DEADLINE_EXCEEDED when nothing moves any more.
   */
  waitForQuorum(at: StepRef): Promise<void>;
}

export function createPatroniActivities(fleet: Fleet): PatroniActivities {
  return {
    async startPatroni(at, name) {
      const { view, node, host } = await openNode(fleet, at, name);
      await ownDataFolder(host);
      const { files, ...backups } = await backupsOf(fleet, view);
      // Not among what Patroni is restarted for: pgBackRest reads them whenever it is called.
      await host.putFiles(files);
      await startServices(host, {
        patroni: [
          ...(await tlsFiles(fleet, view, node, { postgres: 'postgres:postgres', patroni: 'postgres:postgres' })),
          {
            path: PATRONI_CONFIG_FILE,
            content: patroniConfig(view, node, await passwords(fleet, view), backups),
            mode: 0o600,
            owner: 'postgres:postgres',
          },
        ],
      });
    },

    async waitForPrimary(at) {
      await findPrimary(fleet, await viewCluster(fleet, at.clusterId), WAIT_S);
    },

    async waitForQuorum(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const replicas = dataNodesOf(view).length - 1;
      if (replicas === 0) return;
      await waitWhileItMoves({
        goal: () => isQuorumFormed(fleet, view, replicas),
        position: () => catchUpPosition(fleet, view, replicas),
        stallMs: STALL_MS,
        onMove: (position) => fleet.inventory.operations.recordProgress(at.operationId, at.stepId, position),
      });
    },
  };
}

/** A fresh volume belongs to root; PostgreSQL's may not be anybody else's. */
async function ownDataFolder(host: Host): Promise<void> {
  await host.run(sh`chown postgres:postgres ${DATA_FOLDER} && chmod 700 ${DATA_FOLDER}`, {
    title: 'hand the data folder to postgres',
  });
}

async function passwords(fleet: Fleet, view: ClusterView): Promise<PatroniPasswords> {
  const ensure = (role: string): Promise<string> =>
    fleet.secrets.ensure(secretRef(view.cluster, SECRET_NAMES.role(role)), makePassword);
  const [superuser, replication, rewind] = await Promise.all([
    ensure(SYSTEM_ROLES.superuser),
    ensure(SYSTEM_ROLES.replication),
    ensure(SYSTEM_ROLES.rewind),
  ]);
  return { superuser, replication, rewind };
}
