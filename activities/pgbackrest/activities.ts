import type { Backup, RestoreWindow } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { idOfOperation } from '../../domain/ids';
import type { ClusterId } from '../../domain/ids';
import type { ClusterView, Fleet } from '../fleet';
import { hostOf, viewCluster } from '../fleet';
import type { Host } from '../host/host';
import { findPrimary } from '../postgres/psql';
import type { Lineage } from './config';
import { tellDataNodes } from './data-nodes';
import { closeLineage, currentLineage, openLineage, requireLineage } from './lineage';
import { createStanza, lookIntoStores } from './stores';
import type { SeenStore } from './stores';
import { chooseNode, copyToSites } from './take';
import { closeLog, laterWindow, measureWindow } from './window';

/** Somebody waits for the answer. */
const LOOK_S = 10;

export interface BackupActivities {
  /**
   * Opens the lineage that a new cluster archives into, with accounts on its sites; nothing to do where none is wanted.
   * Idempotency: its id is the operation's. Retry: `remote`. Effects: accounts and buckets, secrets, a row. Undo: closeLineage.
   */
  openLineage(at: StepRef): Promise<void>;
  /** Takes away what openLineage made, and what was archived since. Idempotent. Retry: `remote`. */
  closeLineage(at: StepRef): Promise<void>;
  /**
   * Has every data node know its stores and, where there are several, one another, and makes the stanza where there is
   * none: a backup does without a site that is away, everything else waits for all. Idempotent. Retry: `remote`. Effects:
   * files and a service on the data nodes, the stanza on each site. Undo: none.
   */
  prepareStanza(at: StepRef): Promise<void>;
  /**
   * Copies the database to every site of the policy, from the replica that is least behind. Idempotency: a host job for
   * each site. Retry: `backup`, a few times. Effects: sets in the stores; what the policy does not keep is expired. Undo: none:
   * what was not finished is taken up or removed by the next one.
   * @throws BACKUP_FAILED.
   */
  takeBackup(at: StepRef): Promise<void>;
  /** Writes down what the stores have, and from where to where it can be restored. Idempotent. Retry: `remote`. */
  recordBackups(at: StepRef): Promise<void>;
}

export function createBackupActivities(fleet: Fleet): BackupActivities {
  return {
    async openLineage(at) {
      await openLineage(fleet, at, await viewCluster(fleet, at.clusterId));
    },

    closeLineage: (at) => closeLineage(fleet, at),

    async prepareStanza(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const lineage = await currentLineage(fleet, view);
      if (!lineage) return;
      const primary = await findPrimary(fleet, view);
      const isBackup = at.lane === 'backup';
      // A backup needs the primary and one node to read from: the next one tells what was away.
      const told = await tellDataNodes(fleet, at, { view, lineage }, (name) => isBackup && name !== primary.name);
      const demanded = isBackup ? [] : told.lineage.timeline.sites;
      await createStanza(fleet, at, told, { primary, demanded });
    },

    async takeBackup(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const lineage = at.lane === 'backup' ? await requireLineage(fleet, view) : await currentLineage(fleet, view);
      // A cluster that is restored may have been ordered without backups.
      if (!lineage) return;
      const backup = await ensureBackup(fleet, at, view, lineage);
      const chosen = await chooseNode(fleet, at, view, backup);
      await copyToSites(fleet, at, view, { lineage, backup, chosen });
    },

    recordBackups: (at) => recordBackups(fleet, at),
  };
}

/** See {@link BackupActivities.recordBackups}. */
async function recordBackups(fleet: Fleet, at: StepRef): Promise<void> {
  const view = await viewCluster(fleet, at.clusterId);
  const lineage = await currentLineage(fleet, view);
  if (!lineage) return;
  const primary = hostOf(fleet, view, await findPrimary(fleet, view));
  const seen = await lookIntoStores(primary, lineage);
  for (const { site, info } of seen) {
    // One that was emptied, or that somebody put in its place, says nothing of what there was.
    if (info.hasStanza) await fleet.inventory.backups.recordSets(lineage.timeline, site, info.sets);
  }
  await keepWindow(fleet, view, primary, lineage, seen);
  await fleet.inventory.backups.succeed(at);
  await fleet.inventory.clusters.setCondition(at, {
    type: 'BackedUp',
    status: true,
    reason: 'Taken',
    message: `The last backup ended well, on ${lineage.timeline.sites.join(' and ')}.`,
  });
}

/** See {@link WindowActivities.lookAtWindow}. */
export async function lookAtWindow(
  fleet: Fleet,
  clusterId: ClusterId,
  upTo: string | null,
): Promise<RestoreWindow | null> {
  const view = await viewCluster(fleet, clusterId);
  const lineage = await requireLineage(fleet, view);
  const primary = hostOf(fleet, view, await findPrimary(fleet, view, LOOK_S));
  const look = async (): Promise<RestoreWindow | null> =>
    keepWindow(fleet, view, primary, lineage, await lookIntoStores(primary, lineage));
  const window = await look();
  if (window === null || upTo === null || (window.latest ?? '') >= upTo) return window;
  await closeLog(view, primary);
  return look();
}

async function keepWindow(
  fleet: Fleet,
  view: ClusterView,
  primary: Host,
  { timeline }: Lineage,
  seen: readonly SeenStore[],
): Promise<RestoreWindow | null> {
  const infos = seen.map(({ info }) => info);
  const [known, measured] = await Promise.all([
    fleet.inventory.timelines.getWindow(timeline.id),
    measureWindow(view, primary, timeline.id, infos),
  ]);
  const isWhole = infos.every(({ trouble }) => trouble === null);
  const window = laterWindow(known, measured, isWhole);
  await fleet.inventory.timelines.setWindow(timeline.id, window);
  return window;
}

/** The one that the operation was asked for; an operation that is none takes a full one on its way. */
async function ensureBackup(fleet: Fleet, at: StepRef, view: ClusterView, { timeline }: Lineage): Promise<Backup> {
  const id = idOfOperation('bkp', at.operationId);
  const { version } = view.cluster.spec;
  await fleet.inventory.backups.begin(at, { id, timelineId: timeline.id, type: 'full', description: null, version });
  return fleet.inventory.backups.ofOperation(at.operationId);
}
