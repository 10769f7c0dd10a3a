import { setImmediate as breath } from 'node:timers/promises';
import { findOverdue, findOverdueDrill, findOverdueDump } from '../../domain/backup-times';
import { lastDumpInWords, lastGoodInWords } from '../../domain/backup-words';
import { lastProvenInWords } from '../../domain/drill-words';
import { inWords } from '../../domain/durations';
import type { ClusterId } from '../../domain/ids';
import { removeLeftExtracts } from '../dumps/extract';
import type { Fleet } from '../fleet';
import type { UnderPolicy } from '../inventory/backup-tables';
import { adoptBackups } from '../pgbackrest/look';
import { removeLineage } from '../pgbackrest/lineage';
import { bringInNodes } from '../swap/bring-in';
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
   * Brings in data nodes that were away when the data of their cluster was exchanged, or since, where they answer again. Each on
   * its own. Idempotent. Retry: `housekeeping`. Effects: data and services on hosts, rows, the condition `NodesPresent`. Undo: none.
   *
   * @returns operations and nodes, and those that are away still, or failed, with the reason.
   */
  bringInNodes(): Promise<RemovedThings>;
  /**
   * Deletes dumps that were needed on the way only, where the operation that needed them could not. Each on its own. Idempotent.
   * Retry: `housekeeping`. Effects: objects, rows. Undo: none.
   *
   * @returns their ids, and those of what failed, with the reason.
   */
  removeLeftExtracts(): Promise<RemovedThings>;
  /**
   * Raises the condition `BackedUp` of clusters whose backup is overdue by more than half of its interval, and whose hosts have
   * taken none by themselves either: of those that have, it is known from then on. A few queries while there is none.
   * Idempotent. Retry: `housekeeping`. Effects: conditions, audit log, rows. Undo: the next good backup.
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
  const { timelines, backups, drills, dumps } = fleet.inventory;
  return {
    removeExpiredLineages: async () =>
      removeEach(
        await timelines.listExpired(),
        ({ id }) => id,
        (timeline) => removeLineage(fleet, timeline),
      ),

    bringInNodes: () => bringInNodes(fleet),

    removeLeftExtracts: () => removeLeftExtracts(fleet),

    removeKeptData: async () => removeReleased(fleet, await fleet.inventory.swaps.listReleased()),

    async findOverdueBackups() {
      const missed = await findOverdueOnes(backups, overdueBackup);
      // A host may have taken by itself what is missed.
      const ids = [...missed.map(({ one }) => one.clusterId), ...(await backups.listMissed())];
      for (const id of ids) await adoptBackups(fleet, id);
      return missed.length === 0 ? [] : raiseOverdue(backups, overdueBackup);
    },

    findOverdueDrills: () =>
      raiseOverdue(drills, ({ policy, since, lastProvenAt }, now) => {
        const dueAt = findOverdueDrill(policy, new Date(since), now);
        return dueAt === null ? null : { what: 'drill', dueAt, last: lastProvenInWords(lastProvenAt, now) };
      }),

    findOverdueDumps: () =>
      raiseOverdue(dumps, ({ policy, since, lastGoodAt }, now) => {
        const dueAt = findOverdueDump(policy, new Date(since), now);
        return dueAt === null ? null : { what: 'dump', dueAt, last: lastDumpInWords(lastGoodAt, now) };
      }),
  };
}

function overdueBackup({ policy, lastBegun, since, lastGoodAt }: UnderPolicy, now: Date): Overdue | null {
  const overdue = findOverdue(policy, lastBegun, new Date(since), now);
  return overdue && { what: `${overdue.type} backup`, dueAt: overdue.dueAt, last: lastGoodInWords(lastGoodAt, now) };
}

/** What clusters are expected to have by schedule. */
interface Expectation<T> {
  listUnderPolicy(): Promise<readonly T[]>;
  raiseOverdue(clusterId: ClusterId, message: string): Promise<boolean>;
}

interface Overdue {
  readonly what: string;
  /** ISO 8601. */
  readonly dueAt: string;
  /** How old the last good one is, in a sentence. */
  readonly last: string;
}

interface Expected {
  readonly clusterId: ClusterId;
  readonly clusterName: string;
}

async function findOverdueOnes<T extends Expected>(
  expected: Expectation<T>,
  overdueOf: (one: T, now: Date) => Overdue | null,
): Promise<{ one: T; message: string }[]> {
  const now = new Date();
  const found: { one: T; message: string }[] = [];
  for (const one of await expected.listUnderPolicy()) {
    // Times in zones take a while to compute, and there may be thousands.
    await breath();
    const overdue = overdueOf(one, now);
    if (!overdue) continue;
    const late = inWords(now.getTime() - Date.parse(overdue.dueAt));
    found.push({
      one,
      message: `The ${overdue.what} that was due at ${overdue.dueAt} is ${late} late. ${overdue.last}`,
    });
  }
  return found;
}

/** @returns names of the clusters whose condition was raised. */
async function raiseOverdue<T extends Expected>(
  expected: Expectation<T>,
  overdueOf: (one: T, now: Date) => Overdue | null,
): Promise<string[]> {
  const names: string[] = [];
  for (const { one, message } of await findOverdueOnes(expected, overdueOf))
    if (await expected.raiseOverdue(one.clusterId, message)) names.push(one.clusterName);
  return names;
}
