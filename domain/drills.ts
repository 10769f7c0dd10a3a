import type { BackupCopy, BackupPolicy, RestoreTarget, RestoreWindow } from './backups';
import type { BackupId, ClusterId, DrillId, OperationId, ProjectId, TimelineId } from './ids';
import { gapOf } from './restore-targets';
import type { DataCheck } from './restored';
import { branchAt, leadsTo } from './swaps';
import type { Fork } from './swaps';

/** Drills: restores that nobody needs, into hosts that are thrown away, so that it is known that backups can be restored. */

/** `skipped`: there was no room for its host, so nothing was found out. */
export const DRILL_STATES = ['running', 'succeeded', 'failed', 'cancelled', 'skipped'] as const;
export type DrillState = (typeof DRILL_STATES)[number];

/** Wednesdays; Temporal spreads the drills of many clusters over some hours. */
export const DEFAULT_DRILL_TIMES = '7 2 * * 3';

/** What was read back, and what was found in it. Null: it did not come so far. */
export interface DrillEvidence {
  /** Where the restore was to stop: chosen by chance. */
  readonly target: RestoreTarget | null;
  /** The site that it read from, chosen by chance as well, and pgBackRest's name of the set that it began with. */
  readonly site: string | null;
  readonly setId: string | null;
  /** The newest commit that came back. */
  readonly restoredTo: string | null;
  /** Of all databases, as they came back. */
  readonly databaseBytes: number | null;
  readonly checks: readonly DataCheck[];
}

export interface Drill extends DrillEvidence {
  readonly id: DrillId;
  readonly projectId: ProjectId;
  /** Whose backups are restored. */
  readonly clusterId: ClusterId;
  readonly timelineId: TimelineId;
  readonly operationId: OperationId;
  /** What was made for it, and is gone when it has ended. */
  readonly restoredClusterId: ClusterId;
  readonly state: DrillState;
  readonly requestedBy: string;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly startedAt: string;
  /** When the data had been restored and checked. */
  readonly provenAt: string | null;
  readonly finishedAt: string | null;
}

/** The newest drill that found nothing wrong: what a cluster tells of it. */
export interface ProvenRestore {
  readonly drillId: DrillId;
  readonly provenAt: string;
  readonly target: RestoreTarget;
  readonly site: string;
  /** From the order until all was checked. */
  readonly seconds: number;
}

/** Where a drill reads what, and where it stops. */
export interface DrillPoint {
  readonly target: RestoreTarget;
  readonly site: string;
}

/** A copy with the backup that it is one of. */
export type KnownCopy = Pick<BackupCopy, 'site' | 'finishedAt' | 'stopLsn'> & { readonly backupId: BackupId };

/** pgBackRest knows when a backup ended to the second: one that is to be used has to have ended in an earlier one. */
const SECOND_MS = 1_000;

/**
 * Chooses where a drill stops, and the site that it reads: half of them begin from the newest backup, which is what a
 * disaster would need, the others stop anywhere in the window, which old backups have to be good for.
 *
 * @param forks where restores in place have left the log: a backup of what was left leads nowhere else.
 * @param copies those that are there.
 * @param chances three numbers from 0 up to but not 1. Pure: the caller gives chance.
 * @returns null when there is no backup.
 */
export function choosePoint(
  window: RestoreWindow,
  forks: readonly Fork[],
  copies: readonly KnownCopy[],
  [which, when, where]: readonly [number, number, number],
): DrillPoint | null {
  const newest = [...copies].sort((a, b) => endOf(b) - endOf(a))[0];
  if (!newest) return null;
  const until = window.latest === null ? 0 : Date.parse(window.latest);
  const begins = [endOf(newest), Date.parse(window.earliest)].map((end) => end + SECOND_MS);
  const from = (which < 0.5 ? begins : begins.slice(1)).find((begin) => begin <= until);
  const time = from === undefined ? 0 : outOfGaps(Math.floor(from + when * (until - from)), window);
  const branch = branchAt(forks, new Date(time).toISOString());
  const usable = copies.filter((copy) => endOf(copy) + SECOND_MS <= time && leadsTo(forks, branch, copy));
  if (from === undefined || usable.length === 0) {
    const sites = sitesOf(copies.filter(({ backupId }) => backupId === newest.backupId));
    return { target: { kind: 'backup', backup: newest.backupId }, site: pick(sites, where) };
  }
  const target = { kind: 'time', time: new Date(time).toISOString() } as const;
  return { target, site: pick(sitesOf(usable), where) };
}

/** What lies in a gap can't be restored: its end that is older can. */
function outOfGaps(time: number, window: RestoreWindow): number {
  const gap = gapOf({ kind: 'time', time: new Date(time).toISOString() }, window);
  return gap ? Date.parse(gap.from) : time;
}

const endOf = ({ finishedAt }: KnownCopy): number => Date.parse(finishedAt);
const sitesOf = (copies: readonly KnownCopy[]): string[] => [...new Set(copies.map(({ site }) => site))].sort();
const pick = (sites: readonly string[], chance: number): string => sites[Math.floor(chance * sites.length)] ?? '';

/** Why no drill of a cluster is wanted by schedule; null: it is. */
export function whyNoDrill(policy: BackupPolicy | null): string | null {
  if (policy === null) return 'it has no backups';
  if (policy.drill === null) return 'its policy wants no drills';
  return policy.paused ? 'its backups are paused' : null;
}
