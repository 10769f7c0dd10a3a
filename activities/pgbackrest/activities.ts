import type { Backup } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { idOfOperation } from '../../domain/ids';
import type { ClusterView, Fleet } from '../fleet';
import { hostOf, viewCluster } from '../fleet';
import { findPrimary } from '../postgres/psql';
import type { Lineage } from './config';
import { tellDataNodes } from './data-nodes';
import { expireBackups } from './expire';
import { closeLineage, currentLineage, openLineage, requireLineage } from './lineage';
import { closeLog } from './window';
import { createStanza, lookIntoStores } from './stores';
import { chooseNode, copyToSites } from './take';
import { keepWindow } from './look';

/** For a primary, and for the stores to take what it has: afterwards nobody can. */
const LAST_LOOK_S = 10;
const LAST_CLOSE_S = 60;

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
   * each site. Retry: `backup`, a few times. Effects: sets in the stores. Undo: none:
   * what was not finished is taken up or removed by the next one.
   * @throws BACKUP_FAILED.
   */
  takeBackup(at: StepRef): Promise<void>;
  /**
   * Removes what the policy of this moment does not keep, but nothing while a restore reads the lineage. A site where that
   * fails is left to the next backup. Idempotent. Retry: `long`. Effects: sets and log in the stores. Undo: none.
   */
  expireBackups(at: StepRef): Promise<void>;
  /**
   * Has the log archived up to now, as far as primary and stores answer, and looks at what can be restored for the last
   * time. Idempotent. Retry: `remote`. Effects: a segment of the log, the inventory's window. Undo: none.
   */
  closeArchive(at: StepRef): Promise<void>;
  /**
   * Writes down what the stores have, and from where to where it can be restored. Idempotent. Retry: `remote`.
   * @throws BACKUP_DAMAGED when pages of the database did not fit their checksums: it counts as no good one.
   */
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

    expireBackups: (at) => expireBackups(fleet, at),

    closeArchive: (at) => closeArchive(fleet, at),

    recordBackups: (at) => recordBackups(fleet, at),
  };
}

/** See {@link BackupActivities.closeArchive}. */
async function closeArchive(fleet: Fleet, at: StepRef): Promise<void> {
  const view = await viewCluster(fleet, at.clusterId);
  try {
    const lineage = await currentLineage(fleet, view);
    if (!lineage) return;
    const primary = hostOf(fleet, view, await findPrimary(fleet, view, LAST_LOOK_S));
    await closeLog(view, primary, LAST_CLOSE_S);
    await keepWindow(fleet, { view, lineage, primary }, await lookIntoStores(primary, lineage));
  } catch (error) {
    // A cluster that is broken can be deleted too: what was seen before stays known.
    if (!(error instanceof HoldfastError)) throw error;
    const told = `the end of the log may not be in the archive: ${error.message}`;
    await fleet.inventory.operations.recordProgress(at.operationId, at.stepId, told.slice(0, 300));
  }
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
  await keepWindow(fleet, { view, lineage, primary }, seen);
  await demandGood(fleet, at);
  await fleet.inventory.backups.succeed(at);
  await fleet.inventory.clusters.setCondition(at, {
    type: 'BackedUp',
    status: true,
    reason: 'Taken',
    message: `The last backup ended well, on ${lineage.timeline.sites.join(' and ')}.`,
  });
}

/** pgBackRest takes a damaged page as it is, and calls the backup a success. @throws BACKUP_DAMAGED. */
async function demandGood(fleet: Fleet, at: StepRef): Promise<void> {
  const { copies } = await fleet.inventory.backups.ofOperation(at.operationId);
  const sites = copies.flatMap(({ site, damaged, removedAt }) => (damaged && removedAt === null ? [site] : []));
  if (sites.length > 0) throw new HoldfastError('BACKUP_DAMAGED', { sites: sites.join(' and ') });
}

/** The one that the operation was asked for; an operation that is none takes a full one on its way. */
async function ensureBackup(fleet: Fleet, at: StepRef, view: ClusterView, { timeline }: Lineage): Promise<Backup> {
  const id = idOfOperation('bkp', at.operationId);
  const { version } = view.cluster.spec;
  await fleet.inventory.backups.begin(at, { id, timelineId: timeline.id, type: 'full', description: null, version });
  return fleet.inventory.backups.ofOperation(at.operationId);
}
