import type { StepRef } from '../../domain/clusters';
import { WITHOUT_BACKUPS } from '../../domain/step-words';
import type { Fleet } from '../fleet';
import { viewCluster } from '../fleet';
import { endpointOf } from '../postgres/endpoint';
import { tellNothing } from '../progress';
import type { BackupDue } from './open-backup';
import { lacksSite } from './lacking-sites';
import type { Opened } from './occasion';
import { openBackup } from './open-backup';

export interface ScheduleActivities {
  /**
   * Shows the endpoint and the state `ready`, and from then on has backups taken; see {@link scheduleBackups}. Where the first one
   * went to one site only, another one is taken at once, which goes to all, also of a policy that is paused. Idempotent.
   * Retry: `quick`. Effects: the cluster's status, Schedules, conditions `Ready` and `BackedUp`. Undo: unscheduleBackups,
   * forgetCluster.
   */
  declareReady(at: StepRef): Promise<void>;
  /**
   * Has Temporal take the cluster's backups at the times of its policy, and takes a full one now where there is none yet,
   * also of a policy that is paused. Nothing to do where no backups are wanted. Idempotency: ids of the Schedules, and of the
   * operation for the first backup. Retry: `quick`. Effects: Schedules, condition `BackedUp`. Undo: unscheduleBackups.
   */
  scheduleBackups(at: StepRef): Promise<void>;
  /** Keeps the schedules, and lets none of them begin anything. Idempotent. Retry: `quick`. Effects: Schedules. Undo: scheduleBackups. */
  pauseBackups(at: StepRef): Promise<void>;
  /** Ends that; a backup that runs goes on. Idempotent. Retry: `quick`. */
  unscheduleBackups(at: StepRef): Promise<void>;
  /**
   * Writes the operation of a backup that is due. Idempotency: `due.occasion`, so that a retry finds the operation of the
   * first try. Retry: `due`, while another backup of the cluster runs. Effects: rows of operation and backup. Undo: none.
   *
   * @returns why there is nothing to take, where the cluster has gone or does not want it now.
   * @throws CLUSTER_BUSY (retryable).
   */
  openBackup(due: BackupDue): Promise<Opened>;
}

export function createScheduleActivities(fleet: Fleet): ScheduleActivities {
  return {
    async declareReady(at) {
      const view = await viewCluster(fleet, at.clusterId);
      await fleet.inventory.clusters.setStatus(at, { state: 'ready', endpoint: endpointOf(view) });
      await fleet.inventory.clusters.setCondition(at, {
        type: 'Ready',
        status: true,
        reason: 'Proven',
        message: 'A write was acknowledged and read back through every port.',
      });
      await scheduleBackups(fleet, at);
      await fillSites(fleet, at);
    },

    scheduleBackups: (at) => scheduleBackups(fleet, at),

    async pauseBackups(at) {
      const { cluster } = await viewCluster(fleet, at.clusterId);
      const { backups: policy } = cluster.spec;
      if (!policy) return tellNothing(fleet, at, WITHOUT_BACKUPS);
      const projectName = await fleet.inventory.projects.nameOf(cluster.projectId);
      await fleet.schedules.ensure({ ...cluster, projectName }, { ...policy, paused: true });
    },

    async unscheduleBackups(at) {
      await fleet.schedules.remove(at.clusterId);
      const cluster = await fleet.inventory.clusters.get(at.clusterId);
      if (cluster && !cluster.spec.backups) await tellNothing(fleet, at, WITHOUT_BACKUPS);
    },

    openBackup: (due) => openBackup(fleet, due),
  };
}

async function scheduleBackups(fleet: Fleet, at: StepRef): Promise<void> {
  const { cluster } = await viewCluster(fleet, at.clusterId);
  const { backups: policy } = cluster.spec;
  if (!policy) return tellNothing(fleet, at, WITHOUT_BACKUPS, 'schedule');
  const projectName = await fleet.inventory.projects.nameOf(cluster.projectId);
  // Drills begin to be due at the same time.
  const isFirst = await fleet.inventory.backups.expect(at);
  await fleet.schedules.ensure({ ...cluster, projectName }, policy);
  // Without it the log that is archived is of no use: a pause stops the schedules only.
  if (isFirst) await fleet.schedules.trigger(cluster.id, 'full', at.operationId);
}

/** To a site that has none of the lineage an incremental backup is a full one. */
async function fillSites(fleet: Fleet, at: StepRef): Promise<void> {
  const timeline = await fleet.inventory.timelines.current(at.clusterId);
  if (timeline && (await lacksSite(fleet, timeline)))
    await fleet.schedules.trigger(at.clusterId, 'incremental', at.operationId);
}
