import { setImmediate as breath } from 'node:timers/promises';
import { findOverdue, findOverdueDrill, findOverdueDump } from '../../domain/backup-times';
import type { OverdueBackup } from '../../domain/backup-times';
import { lastDumpInWords, lastGoodInWords } from '../../domain/backup-words';
import { lastProvenInWords } from '../../domain/drill-words';
import { inWords } from '../../domain/durations';
import { removeLeftExtracts } from '../dumps/extract';
import type { Fleet } from '../fleet';
import type { UnderPolicy } from '../inventory/backup-tables';
import { removeLineage } from '../pgbackrest/lineage';
import { removeReleased } from '../swap/keep';
import type { RemovedThings } from '../remove-each';
import { removeEach } from '../remove-each';

/** What is done for all clusters together, every hour. No step of an operation. */
export interface HousekeepingActivities {
  /**
   * Removes what is left of clusters whose backups have outlived them for long enough. Each on its own: one that fails
   * keeps no other from it, and is tried again in an hour. Idempotent. Retry: `housekeeping`. Effects: objects, accounts, secrets,
   * rows. Undo: none.
   *
   * @returns ids of what was removed, and of what failed, with the reason.
   */
  removeExpiredLineages(): Promise<RemovedThings>;
  /**
   * Deletes the old data of restores in place that was kept for long enough, or let go and not deleted yet. Each on its own.
   * Idempotent. Retry: `housekeeping`. Effects: folders on hosts, rows. Undo: none.
   *
   * @returns ids of the operations that had kept it, and of those where it failed, with the reason.
   */
  removeKeptData(): Promise<RemovedThings>;
  /**
   * Deletes dumps that were needed on the way only, where the operation that needed them could not. Each on its own. Idempotent.
   * Retry: `housekeeping`. Effects: objects, rows. Undo: none.
   *
   * @returns their ids, and those of what failed, with the reason.
   */
  removeLeftExtracts(): Promise<RemovedThings>;
  /**
   * Raises the condition `BackedUp` of clusters whose backup is overdue by more than half of its interval. One query while
   * there is none. Idempotent. Retry: `housekeeping`. Effects: conditions, audit log. Undo: the next good backup.
   *
   * @returns names of the clusters whose condition was raised.
   */
  findOverdueBackups(): Promise<readonly string[]>;
  /** The same of drills, with the condition `RestoreProven`. */
  findOverdueDrills(): Promise<readonly string[]>;
  /** The same of scheduled dumps, with the condition `Dumped`. */
  findOverdueDumps(): Promise<readonly string[]>;
}

export function createHousekeepingActivities(fleet: Fleet): HousekeepingActivities {
  const { timelines, backups, drills } = fleet.inventory;
  return {
    removeExpiredLineages: async () =>
      removeEach(
        await timelines.listExpired(),
        ({ id }) => id,
        (timeline) => removeLineage(fleet, timeline),
      ),

    removeLeftExtracts: () => removeLeftExtracts(fleet),

    removeKeptData: async () => removeReleased(fleet, await fleet.inventory.swaps.listReleased()),

    async findOverdueBackups() {
      const now = new Date();
      const names: string[] = [];
      for (const one of await backups.listUnderPolicy()) {
        // Times in zones take a while to compute, and there may be thousands.
        await breath();
        const overdue = findOverdue(one.policy, one.lastBegun, new Date(one.since), now);
        if (overdue && (await backups.raiseOverdue(one.clusterId, overdueMessage(overdue, one, now))))
          names.push(one.clusterName);
      }
      return names;
    },

    async findOverdueDrills() {
      const now = new Date();
      const names: string[] = [];
      for (const { clusterId, clusterName, policy, since, lastProvenAt } of await drills.listUnderPolicy()) {
        await breath();
        const dueAt = findOverdueDrill(policy, new Date(since), now);
        if (dueAt === null) continue;
        const late = inWords(now.getTime() - Date.parse(dueAt));
        const message = `The drill that was due at ${dueAt} is ${late} late. ${lastProvenInWords(lastProvenAt, now)}`;
        if (await drills.raiseOverdue(clusterId, message)) names.push(clusterName);
      }
      return names;
    },

    findOverdueDumps: () => findOverdueDumps(fleet, new Date()),
  };
}

async function findOverdueDumps({ inventory: { dumps } }: Fleet, now: Date): Promise<string[]> {
  const names: string[] = [];
  for (const { clusterId, clusterName, policy, since, lastGoodAt } of await dumps.listUnderPolicy()) {
    await breath();
    const dueAt = findOverdueDump(policy, new Date(since), now);
    if (dueAt === null) continue;
    const late = inWords(now.getTime() - Date.parse(dueAt));
    const message = `The dump that was due at ${dueAt} is ${late} late. ${lastDumpInWords(lastGoodAt, now)}`;
    if (await dumps.raiseOverdue(clusterId, message)) names.push(clusterName);
  }
  return names;
}

function overdueMessage({ type, dueAt }: OverdueBackup, { lastGoodAt }: UnderPolicy, now: Date): string {
  const late = inWords(now.getTime() - Date.parse(dueAt));
  return `The ${type} backup that was due at ${dueAt} is ${late} late. ${lastGoodInWords(lastGoodAt, now)}`;
}
