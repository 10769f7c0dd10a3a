import { dumpsToEvict } from '../../domain/dumps';
import type { Dump } from '../../domain/dumps';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError, tellsAbsence } from '../../domain/errors';
import type { ClusterView, Fleet } from '../fleet';
import { fencedHostOf, viewCluster } from '../fleet';
import { clearNodes, DUMPS } from './node';
import type { DumpDue } from './open-dump';
import type { Opened } from '../schedules/occasion';
import { openDump } from './open-dump';
import { prepareDumper } from './role';
import { copyDump, removeEverywhere, sitesOf, storeDump, storeUnit, tellsNoSite, withdraw } from './store';
import { dumpUnit, takeDump } from './take';

export interface DumpActivities {
  /**
   * Writes the operation of a dump that is due. Idempotency: `due.occasion`. Retry: `due`, while another dump of the cluster
   * runs. Effects: rows of operation and dump. Undo: none.
   *
   * @returns why there is nothing to take, where the cluster has gone or does not want it now.
   * @throws CLUSTER_BUSY (retryable).
   */
  openDump(due: DumpDue): Promise<Opened>;
  /** Makes the role that dumps, and lets it into every database. Idempotent. Retry: `remote`. Effects: a role. Undo: none. */
  prepareDumper(at: StepRef): Promise<void>;
  /**
   * Dumps into a scratch folder of a data node: of the replica that is least behind, where there is one. Idempotency: a host
   * job. Retry: `backup`, a few times. Effects: files on the node. Undo: clearDump.
   * @throws DUMP_FAILED, DUMP_IMPOSSIBLE.
   */
  takeDump(at: StepRef): Promise<void>;
  /**
   * Stores the archive on the first site that takes it; from then on the dump has succeeded. Idempotency: an object that is
   * whole, an upload that was begun, a host job. Retry: `backup`, a few times. Effects: one object. Undo: clearDump.
   * @throws DUMP_FAILED.
   */
  storeDump(at: StepRef): Promise<void>;
  /** As storeDump, on all other sites. */
  copyDump(at: StepRef): Promise<void>;
  /**
   * Removes what a dump needed only while it was taken: jobs, scratch folders, unfinished uploads, and objects that
   * were not written down as its copies. Of one that has succeeded it does what evictDumps does: the operation may fail, and
   * come no further. Idempotent. Retry: `remote`. What does not answer, or refuses, is passed over.
   */
  clearDump(at: StepRef): Promise<void>;
  /**
   * Deletes the dumps that the plan does not keep. What could not be deleted, because a site is away, is by the next dump.
   * Idempotent. Retry: `remote`. Effects: objects, rows. Undo: none.
   */
  evictDumps(at: StepRef): Promise<void>;
  /**
   * Deletes the dump that the operation is about. Idempotent. Retry: `remote`. Undo: none.
   * @throws DUMP_FAILED when a site does not do it: the dump stays marked, and the next one deletes it.
   */
  deleteDump(at: StepRef): Promise<void>;
}

export function createDumpActivities(fleet: Fleet): DumpActivities {
  const { dumps } = fleet.inventory;
  return {
    openDump: (due) => openDump(fleet, due),
    prepareDumper: async (at) => prepareDumper(fleet, at, await viewCluster(fleet, at.clusterId)),
    takeDump: async (at) => takeDump(fleet, at, await viewCluster(fleet, at.clusterId)),
    storeDump: async (at) => storeDump(fleet, at, await viewCluster(fleet, at.clusterId)),
    copyDump: async (at) => copyDump(fleet, at, await viewCluster(fleet, at.clusterId)),

    async clearDump(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const dump = await dumps.ofOperation(at.operationId);
      const stores = (await sitesOf(fleet, dump)).map((site) => storeUnit(at, site));
      await clearNodes(view, (node) => fencedHostOf(fleet, at, view, node), [dumpUnit(at), ...stores], DUMPS);
      await withdraw(fleet, dump);
      // It counts as soon as it is on one site, also when the others have none, and the operation fails.
      if (dump.copies.length > 0) await evict(fleet, at, view, tellsNoSite);
    },

    evictDumps: async (at) => evict(fleet, at, await viewCluster(fleet, at.clusterId), tellsAbsence),

    async deleteDump(at) {
      const { dump } = await dumps.useOf(at.operationId);
      const marked = await dumps.markDeleting(at, [dump.id]);
      for (const one of marked) await remove(fleet, at, one).catch(tellAbsence);
      if (dump.state === 'deleted' || marked.some(({ id }) => id === dump.id)) return;
      throw new HoldfastError('DUMP_NOT_THERE', { dump: dump.id, state: 'being restored' });
    },
  };
}

/** @param passesOver errors that leave a dump marked, for the next one to delete. */
async function evict(
  fleet: Fleet,
  at: StepRef,
  { plan }: ClusterView,
  passesOver: (error: unknown) => boolean,
): Promise<void> {
  const { dumps } = fleet.inventory;
  const tooMany = dumpsToEvict(await dumps.listGood(at.clusterId), plan.dumps);
  for (const dump of await dumps.markDeleting(at, tooMany))
    await remove(fleet, at, dump).catch((error: unknown) => {
      if (!passesOver(error)) throw error;
    });
}

/** @throws SITE_UNAVAILABLE, SITE_REFUSED: it stays marked. */
async function remove(fleet: Fleet, at: StepRef, dump: Dump): Promise<void> {
  const trouble = await removeEverywhere(fleet, dump);
  if (trouble) throw trouble;
  await fleet.inventory.dumps.markDeleted(at, dump.id);
}

function tellAbsence(error: unknown): never {
  if (!(error instanceof HoldfastError) || !tellsAbsence(error)) throw error;
  throw new HoldfastError('DUMP_FAILED', { detail: error.message }, { cause: error });
}
