import type { BackupPolicy } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import type { SiteName } from '../../domain/sites';
import type { Fleet } from '../fleet';
import { viewCluster } from '../fleet';
import type { PolicyChange } from '../inventory/backup-tables';
import { createBackupActivities } from './activities';
import { closeAccount, currentLineage, openAccount, requireLineage } from './lineage';
import { tellDataNodes } from './data-nodes';

/** A change of a cluster's policy of backups, which the inventory has taken already. */
export interface PolicyActivities {
  /**
   * Has the lineage begin on the sites that were added. Idempotent. Retry: `remote`. Effects: accounts and buckets,
   * secrets, the lineage's row. Undo: putBackPolicy, then closeNewSites.
   * @throws BACKUPS_NOT_CONFIGURED.
   */
  openNewSites(at: StepRef): Promise<void>;
  /**
   * Has the data nodes know their sites and how long backups are kept; without any of that changed no host is asked.
   * PostgreSQL is not restarted. Idempotent. Retry: `remote`. Effects: files and a service on the data nodes. Undo: itself, after putBackPolicy.
   */
  tellHosts(at: StepRef): Promise<void>;
  /** Makes the stanza on the sites that were added. Idempotent. Retry: `remote`. Undo: closeNewSites. */
  prepareNewStores(at: StepRef): Promise<void>;
  /** Takes the policy and the lineage's sites back to what they were before the operation. Idempotent. Retry: `remote`. */
  putBackPolicy(at: StepRef): Promise<void>;
  /** Takes away what the lineage has on the sites that were added. Idempotent. Retry: `remote`. */
  closeNewSites(at: StepRef): Promise<void>;
}

export function createPolicyActivities(fleet: Fleet): PolicyActivities {
  const { policyChanges, timelines } = fleet.inventory;
  const changeOf = (at: StepRef): Promise<PolicyChange> => policyChanges.ofOperation(at.operationId);
  const stores = createBackupActivities(fleet);
  return {
    async openNewSites(at) {
      const change = await changeOf(at);
      const view = await viewCluster(fleet, at.clusterId);
      const { timeline } = await requireLineage(fleet, view);
      // First what opens a site, then that it is one of the lineage's: whoever reads its keys in between finds all of them.
      await each(sitesAdded(change), (site) => openAccount(fleet, view.cluster, timeline.id, site));
      await timelines.setSites(at, change.after.sites);
    },

    async tellHosts(at) {
      if (!concernsHosts(await changeOf(at))) return;
      const view = await viewCluster(fleet, at.clusterId);
      await tellDataNodes(fleet, at, view, await requireLineage(fleet, view));
    },

    async prepareNewStores(at) {
      if (sitesAdded(await changeOf(at)).length > 0) await stores.prepareStanza(at);
    },

    async putBackPolicy(at) {
      const { before } = await changeOf(at);
      await policyChanges.putBack(at);
      await timelines.setSites(at, before.sites);
    },

    async closeNewSites(at) {
      const lineage = await currentLineage(fleet, await viewCluster(fleet, at.clusterId));
      if (!lineage) return;
      await each(sitesAdded(await changeOf(at)), (site) => closeAccount(fleet, lineage.timeline.id, site));
    },
  };
}

const sitesAdded = ({ before, after }: PolicyChange): SiteName[] =>
  after.sites.filter((site) => !before.sites.includes(site));

/** Times and the pause are the schedules' alone. */
function concernsHosts(change: PolicyChange): boolean {
  const keptBy = ({ retention }: BackupPolicy): string => `${retention.full} ${retention.unit}`;
  return sitesAdded(change).length > 0 || keptBy(change.before) !== keptBy(change.after);
}
