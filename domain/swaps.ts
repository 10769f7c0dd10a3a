import type { BackupCopy, RestoreTarget } from './backups';
import type { ClusterId, OperationId, TimelineId } from './ids';
import { lsnNumber } from './restore-targets';
import type { NodeName } from './topology';

/**
 * Swaps: the data of a cluster was replaced by data of its own past, by a restore in place or by its rollback. Its log
 * branches there: what was archived before stays in the lineage, as a branch of its own, and can be restored.
 */

/** For so long the old data stays beside the new. */
export const KEPT_HOURS = 24;

export interface Swap {
  readonly operationId: OperationId;
  readonly clusterId: ClusterId;
  readonly timelineId: TimelineId;
  /** Null: it puts the data back that another swap has kept. */
  readonly target: RestoreTarget | null;
  /** Site to read from; null: the first that can be read. */
  readonly site: string | null;
  /** That other swap. */
  readonly undoes: OperationId | null;
  /** The data node on which the new data is made, null until it was chosen. */
  readonly node: NodeName | null;
  /** The data node that was the primary, and has the old data; null until then. */
  readonly keptOn: NodeName | null;
  /** PostgreSQL's number of the log that is left, and of the one that begins there; null until they are known. */
  readonly oldLog: number | null;
  readonly newLog: number | null;
  /** Where the new log leaves the other one. */
  readonly forkLsn: string | null;
  /** The branch that it leaves: number 0 ends with the first swap, number 1 begins with it, and so on. */
  readonly forksFrom: number;
  /** When the new data took the place of the old; null until then. */
  readonly swappedAt: string | null;
  /** The last commit in the old data, and where its record begins. */
  readonly lastCommitAt: string | null;
  readonly lastCommitLsn: string | null;
  readonly keptBytes: number | null;
  readonly keptUntil: string | null;
  /** Since when the old data can't be put back any more. */
  readonly releasedAt: string | null;
  /** Data nodes that were away at the exchange, or since: they are brought in when they answer. */
  readonly away: readonly NodeName[];
}

/** What a restore has to know of a swap of its lineage. */
export type Fork = Pick<Swap, 'operationId' | 'oldLog' | 'forkLsn' | 'forksFrom' | 'lastCommitAt' | 'lastCommitLsn'> & {
  readonly swappedAt: string;
};

/** The branch that was written at a time. @param forks of the lineage, in order. */
export const branchAt = (forks: readonly Fork[], time: string): number =>
  forks.filter(({ swappedAt }) => Date.parse(swappedAt) <= Date.parse(time)).length;

/** True when a backup lies on the way to the end of a branch. */
export function leadsTo(
  forks: readonly Fork[],
  branch: number,
  copy: Pick<BackupCopy, 'finishedAt' | 'stopLsn'>,
): boolean {
  const own = branchAt(forks, copy.finishedAt);
  let current = branch;
  // Each fork leaves an older branch.
  while (current > own) {
    const fork = forks[current - 1];
    if (!fork || fork.forkLsn === null) return false;
    if (lsnNumber(copy.stopLsn) > lsnNumber(fork.forkLsn)) return false;
    current = fork.forksFrom;
  }
  return current === own;
}

/** How to come to a target in a lineage that has branches. */
export interface Route {
  /** PostgreSQL's number of the log to follow; null: the newest. */
  readonly log: number | null;
  /** The last commit of that log, where it came before the target: without it the replay has not come to the end. */
  readonly endLsn: string | null;
  /** Of the copies that were given, the one of each site to begin from. */
  readonly copies: readonly BackupCopy[];
}

/** The branch on which a target is looked for: times and restore points lie on the one of their own time, the others on the newest. */
export function branchOf(forks: readonly Fork[], target: RestoreTarget): number {
  if (target.kind === 'time') return branchAt(forks, target.time);
  return target.kind === 'point' ? branchAt(forks, target.madeAt) : forks.length;
}

/**
 * A time before a swap means what was there at that time, also where the swap has left it; so does a restore point. Other
 * targets are looked for on the newest branch.
 *
 * @param forks of the lineage, in order.
 * @param copies that are there, where they may be read from.
 */
export function routeTo(forks: readonly Fork[], target: RestoreTarget, copies: readonly BackupCopy[]): Route {
  const branch = branchOf(forks, target);
  const left = forks[branch];
  const isBehind =
    target.kind === 'time' &&
    left !== undefined &&
    left.lastCommitAt !== null &&
    Date.parse(left.lastCommitAt) <= Date.parse(target.time);
  const fitting = copies
    .filter((copy) => !copy.damaged && leadsTo(forks, branch, copy) && isBefore(copy, target))
    .sort((one, other) => Date.parse(one.finishedAt) - Date.parse(other.finishedAt));
  const nearest = comesAnywhere(target) ? fitting : fitting.reverse();
  const ofEach = new Map<string, BackupCopy>();
  for (const copy of nearest) if (!ofEach.has(copy.site)) ofEach.set(copy.site, copy);
  return { log: left?.oldLog ?? null, endLsn: isBehind ? left.lastCommitLsn : null, copies: [...ofEach.values()] };
}

function isBefore({ finishedAt, stopLsn }: BackupCopy, target: RestoreTarget): boolean {
  if (target.kind === 'time') return Date.parse(finishedAt) <= Date.parse(target.time);
  return (target.kind !== 'lsn' && target.kind !== 'point') || lsnNumber(stopLsn) <= lsnNumber(target.lsn);
}

/** Nobody can say beforehand where in the log it is: the oldest backup never lies behind it. */
const comesAnywhere = ({ kind }: RestoreTarget): boolean => kind === 'transaction';
