import type { Backup } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { idOfOperation } from '../../domain/ids';
import { WITHOUT_BACKUPS } from '../../domain/step-words';
import type { ClusterView, Fleet } from '../fleet';
import { hostOf, viewCluster } from '../fleet';
import { findPrimary } from '../postgres/psql';
import { tellNothing } from '../progress';
import type { Lineage } from './config';
import { tellDataNodes } from './data-nodes';
import { expireBackups } from './expire';
import { closeLineage, currentLineage, openLineage, requireLineage } from './lineage';
import { closeLog } from './window';
import { demandPreScript } from './hooks';
import { waitForOwnBackup } from './own-backups';
import { createStanza, lookIntoStores, recordSets } from './stores';
import type { Chosen } from './take';
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
   * none: a lineage that is used does without a site or a replica that is away, a new one waits for all. Idempotent. Retry: `remote`. Effects:
   * files and a service on the data nodes, the stanza on each site. Undo: none.
   */
  prepareStanza(at: StepRef): Promise<void>;
  /**
   * Copies the database to every site of the policy, from the replica that is least behind. On the way of an operation that
   * makes a cluster one site is enough: the others have theirs when it serves, see declareReady. Idempotency: a host job for
   * each site. Retry: `backup`, a few times. Effects: sets in the stores. Undo: none: what was not finished is taken up or
   * removed by the next one.
   * @throws BACKUP_FAILED, BACKUP_SCRIPT_FAILED.
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
   * Writes down what the stores have, with the checksums of new manifests, and from where to where it can be restored. Idempotent. Retry: `remote`.
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
      if (!lineage) return tellNothing(fleet, at, WITHOUT_BACKUPS);
      const primary = await findPrimary(fleet, view);
      // With a backup in it, it needs the primary and one node to read from: the next backup tells what was away.
      const used = at.lane === 'backup' || (await isUsed(fleet, lineage));
      const told = await tellDataNodes(fleet, at, { view, lineage }, (name) => used && name !== primary.name);
      const demanded = used ? [] : told.lineage.timeline.sites;
      // What a host has taken by itself meanwhile is known from here on.
      await recordSets(fleet, told.lineage, await createStanza(fleet, at, told, { primary, demanded }));
    },

    async takeBackup(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const lineage = at.lane === 'backup' ? await requireLineage(fleet, view) : await currentLineage(fleet, view);
      // A cluster that is restored may have been ordered without backups.
      if (!lineage) return tellNothing(fleet, at, WITHOUT_BACKUPS);
      const backup = await ensureBackup(fleet, at, view, lineage);
      const chosen = await chooseNode(fleet, at, view, backup);
      if (at.lane === 'backup') await beforeCopy(fleet, at, view, chosen);
      const isFirst = at.lane !== 'backup' && !(await isUsed(fleet, lineage));
      await copyToSites(fleet, at, view, { lineage, backup, chosen, isFirst });
    },

    expireBackups: (at) => expireBackups(fleet, at),

    closeArchive: (at) => closeArchive(fleet, at),

    recordBackups: (at) => recordBackups(fleet, at),
  };
}

/** It can be restored from. */
async function isUsed({ inventory }: Fleet, { timeline }: Lineage): Promise<boolean> {
  return (await inventory.timelines.getWindow(timeline.id)) !== null;
}

/** pgBackRest refuses two to one store at a time; and where another node takes it than was thought, the script has to run there, too. */
async function beforeCopy(fleet: Fleet, at: StepRef, view: ClusterView, { node }: Chosen): Promise<void> {
  const primary = hostOf(fleet, view, await findPrimary(fleet, view));
  const told = 'waits for the backup that the host takes by itself';
  await waitForOwnBackup(primary, () => fleet.inventory.operations.recordProgress(at.operationId, at.stepId, told));
  await demandPreScript(fleet, at, view, node.name);
}

/** See {@link BackupActivities.closeArchive}. */
async function closeArchive(fleet: Fleet, at: StepRef): Promise<void> {
  const view = await viewCluster(fleet, at.clusterId);
  try {
    const lineage = await currentLineage(fleet, view);
    if (!lineage) return await tellNothing(fleet, at, WITHOUT_BACKUPS);
    const primary = hostOf(fleet, view, await findPrimary(fleet, view, LAST_LOOK_S));
    await closeLog(view, primary, LAST_CLOSE_S);
    const seen = await lookIntoStores(primary, lineage);
    await recordSets(fleet, lineage, seen);
    await keepWindow(fleet, { view, lineage, primary }, seen);
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
  if (!lineage) return tellNothing(fleet, at, WITHOUT_BACKUPS);
  const primary = hostOf(fleet, view, await findPrimary(fleet, view));
  const seen = await lookIntoStores(primary, lineage);
  await recordSets(fleet, lineage, seen);
  await keepWindow(fleet, { view, lineage, primary }, seen);
  const { copies } = await demandGood(fleet, at);
  await fleet.inventory.backups.succeed(at);
  await fleet.inventory.clusters.setCondition(at, {
    type: 'BackedUp',
    status: true,
    reason: 'Taken',
    message: whereItIs(lineage.timeline.sites, copies),
  });
}

/** pgBackRest takes a damaged page as it is, and calls the backup a success. @throws BACKUP_DAMAGED. */
async function demandGood(fleet: Fleet, at: StepRef): Promise<Backup> {
  const backup = await fleet.inventory.backups.ofOperation(at.operationId);
  const sites = backup.copies.flatMap(({ site, damaged, removedAt }) => (damaged && removedAt === null ? [site] : []));
  if (sites.length > 0) throw new HoldfastError('BACKUP_DAMAGED', { sites: sites.join(' and ') });
  return backup;
}

function whereItIs(sites: readonly string[], copies: Backup['copies']): string {
  const has = (site: string): boolean => copies.some((copy) => copy.site === site && copy.removedAt === null);
  const missing = sites.filter((site) => !has(site));
  const others =
    missing.length === 0 ? '' : ` There is none of it on ${missing.join(' and ')}: the next one goes there too.`;
  return `The last backup ended well, on ${sites.filter(has).join(' and ')}.${others}`;
}

/** The one that the operation was asked for; an operation that is none takes a full one on its way. */
async function ensureBackup(fleet: Fleet, at: StepRef, view: ClusterView, { timeline }: Lineage): Promise<Backup> {
  const id = idOfOperation('bkp', at.operationId);
  const { version } = view.cluster.spec;
  await fleet.inventory.backups.begin(at, { id, timelineId: timeline.id, type: 'full', description: null, version });
  return fleet.inventory.backups.ofOperation(at.operationId);
}
