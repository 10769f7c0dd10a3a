import type { BackupPolicy, Timeline } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import type { ErrorCode } from '../../domain/errors';
import { HoldfastError } from '../../domain/errors';
import type { SiteName } from '../../domain/sites';
import type { ClusterView, Fleet } from '../fleet';
import { viewCluster } from '../fleet';
import { findPrimary } from '../postgres/psql';
import { tellNothing } from '../progress';
import type { PolicyChange } from '../inventory/backup-tables';
import { closeAccount, openAccount, requireLineage } from './lineage';
import { policyOfHosts, tellDataNodes } from './data-nodes';
import { untellDataNodes } from './forget';
import { createStanza } from './stores';

/** A change of a cluster's policy of backups, which the inventory has taken already. */
export interface PolicyActivities {
  /**
   * Has the lineage begin on the sites that were added, and end on those that it leaves. Idempotent. Retry: `long`.
   * Effects: accounts and buckets, secrets, the lineage's row. Undo: putBackPolicy, then closeNewSites.
   * @throws BACKUPS_NOT_CONFIGURED; SITE_REFUSED when the keys do not open an added site; NOT_YET while a backup or a dump runs and a
   * site is left.
   */
  openNewSites(at: StepRef): Promise<void>;
  /**
   * Has the data nodes know their sites, when backups are due and for how long they are kept, and the scripts; without any of
   * that changed no host is asked, and one that is away holds up a change of its sites only.
   * PostgreSQL is not restarted. Idempotent. Retry: `remote`. Effects: files and a service on the data nodes. Undo: itself, after putBackPolicy;
   * untellHosts where the cluster had no backups before.
   */
  tellHosts(at: StepRef): Promise<void>;
  /**
   * Takes from the data nodes what tellHosts gave to a cluster that had no backups. One that is away is waited for by nobody:
   * what it has left opens nothing any more, and the step tells of it. Idempotent. Retry: `remote`. Effects: files and services on the data nodes.
   */
  untellHosts(at: StepRef): Promise<void>;
  /** Makes the stanza on the sites that were added; each must have it. Idempotent. Retry: `remote`. Undo: closeNewSites. */
  prepareNewStores(at: StepRef): Promise<void>;
  /** Takes the policy and the lineage's sites back to what they were before the operation. Idempotent. Retry: `remote`. */
  putBackPolicy(at: StepRef): Promise<void>;
  /**
   * Forgets the copies on the sites that were left, and deletes what the lineage has there where it still can be: of a site
   * that is gone for good nobody waits for an answer. Idempotent. Retry: `remote`. Undo: none.
   * @throws NOT_YET while a restore may read there.
   */
  leaveSites(at: StepRef): Promise<void>;
  /** Takes away what the lineage has on the sites that were added. Idempotent. Retry: `remote`. */
  closeNewSites(at: StepRef): Promise<void>;
}

export function createPolicyActivities(fleet: Fleet): PolicyActivities {
  const { policyChanges, timelines } = fleet.inventory;
  const changeOf = (at: StepRef): Promise<PolicyChange> => policyChanges.ofOperation(at.operationId);
  return {
    async openNewSites(at) {
      const change = await changeOf(at);
      const view = await viewCluster(fleet, at.clusterId);
      const timeline = await requireTimeline(fleet, view);
      if (sitesAdded(change).length === 0) await tellNothing(fleet, at, NO_SITE_ADDED);
      // First what opens a site, then that it is one of the lineage's: whoever reads its keys in between finds all of them.
      await each(sitesAdded(change), (site) => openAccount(fleet, view.cluster, timeline.id, site));
      await timelines.setSites(at, change.after.sites);
    },

    async tellHosts(at) {
      const change = await changeOf(at);
      if (!concernsStores(change) && !concernsHosts(change))
        return tellNothing(fleet, at, 'nothing that hosts know changes');
      const view = await viewCluster(fleet, at.clusterId);
      const told = { view, lineage: await requireLineage(fleet, view) };
      // The next backup tells what was away; what it archives into, a host has to know at once.
      await tellDataNodes(fleet, at, told, () => !concernsStores(change));
    },

    untellHosts: async (at) => untellDataNodes(fleet, at, await viewCluster(fleet, at.clusterId)),

    async prepareNewStores(at) {
      const demanded = sitesAdded(await changeOf(at));
      if (demanded.length === 0) return tellNothing(fleet, at, NO_SITE_ADDED);
      const view = await viewCluster(fleet, at.clusterId);
      const primary = await findPrimary(fleet, view);
      await createStanza(fleet, at, { view, lineage: await requireLineage(fleet, view) }, { primary, demanded });
    },

    leaveSites: async (at) => leaveSites(fleet, at, sitesLeft(await changeOf(at))),

    async putBackPolicy(at) {
      const { before } = await changeOf(at);
      await policyChanges.putBack(at);
      if (before) await timelines.setSites(at, before.sites);
    },

    async closeNewSites(at) {
      const timeline = await timelines.current(at.clusterId);
      if (!timeline) return;
      await each(sitesAdded(await changeOf(at)), (site) => closeAccount(fleet, timeline, site));
    },
  };
}

const NO_SITE_ADDED = 'no site is added';

/** Without its keys, which those of a site that is gone are among. @throws BACKUPS_NOT_CONFIGURED. */
async function requireTimeline({ inventory }: Fleet, { cluster }: ClusterView): Promise<Timeline> {
  const timeline = await inventory.timelines.current(cluster.id);
  if (!timeline) throw new HoldfastError('BACKUPS_NOT_CONFIGURED', { name: cluster.name });
  return timeline;
}

const sitesAdded = ({ before, after }: PolicyChange): SiteName[] =>
  after.sites.filter((site) => !before?.sites.includes(site));

const sitesLeft = ({ before, after }: PolicyChange): SiteName[] =>
  before?.sites.filter((site) => !after.sites.includes(site)) ?? [];

async function leaveSites(fleet: Fleet, at: StepRef, left: readonly SiteName[]): Promise<void> {
  if (left.length === 0) return tellNothing(fleet, at, 'it leaves no site');
  const timeline = await requireTimeline(fleet, await viewCluster(fleet, at.clusterId));
  await fleet.inventory.timelines.leaveSites(at, left);
  for (const site of left) await emptySite(fleet, at, timeline, site);
}

async function emptySite(fleet: Fleet, at: StepRef, timeline: Timeline, site: SiteName): Promise<void> {
  try {
    await closeAccount(fleet, timeline, site);
  } catch (error) {
    if (!(error instanceof HoldfastError) || !GONE.includes(error.code)) throw error;
    const told = `what is on ${site} stays there: ${error.message}`;
    await fleet.inventory.operations.recordProgress(at.operationId, at.stepId, told);
  }
}

/** It may have been taken out of the sites file already. */
const GONE: readonly ErrorCode[] = ['SITE_UNAVAILABLE', 'SITE_REFUSED', 'NOT_FOUND'];

/** Drills, dumps and whom to tell are no business of theirs. */
const concernsHosts = ({ before, after }: PolicyChange): boolean =>
  before === null || JSON.stringify(policyOfHosts(before)) !== JSON.stringify(policyOfHosts(after));

function concernsStores(change: PolicyChange): boolean {
  const keptBy = (policy: BackupPolicy | null): string => JSON.stringify(policy?.retention);
  return (
    sitesAdded(change).length > 0 || sitesLeft(change).length > 0 || keptBy(change.before) !== keptBy(change.after)
  );
}
