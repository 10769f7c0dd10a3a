import { setTimeout as pause } from 'node:timers/promises';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { backIn, lossInWords } from '../../domain/losses';
import type { NodeName } from '../../domain/topology';
import { hostToken } from '../cloud/tokens';
import type { ClusterView, Fleet } from '../fleet';
import { dataNodesOf, openNode, viewCluster } from '../fleet';
import { abortable, cancellation } from '../host/cancellation';
import { requireLineage } from '../pgbackrest/lineage';
import { deleteFormerHost } from '../replacement/former';
import { sitesThatHave } from './stores';

/** How soon a host is seen that comes back. */
const LOOK_MS = 3_000;

/** A cluster that has lost all its data nodes comes back from its backups. */
export interface RecoveryActivities {
  /**
   * Looks which hosts are lost and what the backups bring back, and writes both down. Changes nothing else. Idempotent: what was written
   * first stays. Retry: `remote`. Undo: none.
   * @returns what somebody has to approve, in words.
   * @throws BACKUPS_NOT_CONFIGURED, PASSPHRASE_LOST; NOT_FOUND without a backup; SITE_UNAVAILABLE, SITE_REFUSED while no site tells that it has one.
   */
  lookAtLoss(at: StepRef): Promise<string>;
  /** Waits until the host of a data node is on, and says so. Changes nothing. Idempotent. Retry: `unending`. Ends by cancellation, or with its worker. */
  waitForReturn(at: StepRef): Promise<string>;
  /** Changes nothing. Idempotent. Retry: `remote`. @throws DATA_NODES_BACK when the host of one is on. */
  demandLost(at: StepRef): Promise<void>;
  /**
   * Deletes the host that a node had before, its volume, and the keys that were its own; forgets what was kept there of restores in place.
   * Idempotent; leaves a fresh host alone. Retry: `long`. Undo: none.
   */
  deleteLostHost(at: StepRef, node: NodeName): Promise<void>;
}

/** @param stopping given when the worker begins to stop: another one goes on waiting. */
export function createRecoveryActivities(fleet: Fleet, stopping: AbortSignal): RecoveryActivities {
  const { operations, timelines, recoveries } = fleet.inventory;
  return {
    async lookAtLoss(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const { timeline } = await requireLineage(fleet, view);
      const sites = await sitesThatHave(fleet, timeline);
      const window = await timelines.getWindow(timeline.id);
      if (sites.length === 0 || window === null)
        throw new HoldfastError('NOT_FOUND', { kind: 'backup of cluster', ref: view.cluster.name });
      const upTo = window.latest ?? window.earliest;
      await recoveries.recordLoss(at, upTo);
      const hosts = await dataHosts(view);
      const off = hosts.flatMap(({ node, host }) => (host === null ? [] : [node]));
      return lossInWords({ cluster: view.cluster.name, operation: at.operationId, upTo, sites, off });
    },

    async waitForReturn(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const signal = cancellation(stopping) ?? stopping;
      for (;;) {
        const back = await nodesBack(view);
        if (back.length > 0) return backIn(back);
        await abortable(pause(LOOK_MS), signal);
      }
    },

    async demandLost(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const back = await nodesBack(view);
      if (back.length === 0) return;
      throw new HoldfastError('DATA_NODES_BACK', { nodes: back.join(' and '), name: view.cluster.name });
    },

    async deleteLostHost(at, name) {
      const { view, node } = await openNode(fleet, at, name);
      const operation = await operations.get(at.operationId);
      if (operation?.recovery?.former[name] !== node.hostId) return;
      await deleteFormerHost(fleet, at, view, node);
      await recoveries.forgetSwaps(at);
    },
  };
}

interface DataHost {
  readonly node: NodeName;
  /** Null: the cloud has none. */
  readonly host: { readonly running: boolean } | null;
}

const dataHosts = (view: ClusterView): Promise<DataHost[]> =>
  Promise.all(
    dataNodesOf(view).map(async ({ name }) => ({
      node: name,
      host: await view.cloud.findHost(hostToken(view.cluster, name)),
    })),
  );

const nodesBack = async (view: ClusterView): Promise<NodeName[]> =>
  (await dataHosts(view)).flatMap(({ node, host }) => (host?.running ? [node] : []));
