import type { Condition } from './clusters';

/** How the log of a cluster gets into its stores: what is measured, and what is said of it. */

/** As the primary saw it at one moment. Times are ISO 8601, UTC. */
export interface Archiving {
  readonly asOf: string;
  /** When the newest segment had got into the last of the stores. Null: none has since PostgreSQL counts. */
  readonly lastArchivedAt: string | null;
  /** From the first commit in that segment until then, in milliseconds. Null while no commit was seen in one. */
  readonly lagMs: number | null;
  /** Since when the oldest segment waits that some store does not have. Null: none waits. */
  readonly oldestWaitingSince: string | null;
  /** Of all segments that wait, on the volume. */
  readonly waitingBytes: number;
  /** Of the volume that they wait on. */
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** What pgBackRest says of the oldest. Null: nothing. */
  readonly lastError: string | null;
}

export type ArchivingCondition = Omit<Condition, 'since'> & { readonly type: 'Archiving' };

/** A commit is in the stores within a minute: a segment that waits twice as long does not merely stand in line. */
const LATE_MS = 2 * 60_000;
/** Where the log waits, this much of the volume that is used is worth a warning. */
const USED_SHARE = 0.8;
/** So is this much time until the log is given up, at the pace at which it has come so far. */
const SOON_MS = 60 * 60_000;
/** The log may not take the last tenth of the volume: see activities/pgbackrest/archive-push.ts. */
export const SHARE_KEPT_FREE = 10;

/**
 * What the figures say, in words that change only when the state does. A hole in the archive does not show in them.
 *
 * @param sites of the lineage, in the order of pgBackRest's repositories.
 */
export function judgeArchiving(figures: Archiving, sites: readonly string[]): ArchivingCondition {
  const since = figures.oldestWaitingSince;
  const waitedMs = since === null ? 0 : Date.parse(figures.asOf) - Date.parse(since);
  if (since === null || waitedMs <= LATE_MS)
    return conditionOf('UpToDate', 'What was committed gets into all stores within a minute.');
  const waits = `The log since ${since} waits for ${waitedFor(figures, sites)}, on the volume of the cluster.`;
  const willBe = `When less than a tenth of the volume is free, it is given up and PostgreSQL goes on: what was committed then cannot be restored.`;
  return isFilling(figures, waitedMs)
    ? conditionOf('VolumeFills', `${waits} The volume runs full. ${willBe}`)
    : conditionOf('Behind', waits);
}

/** @param from position in the log that the stores miss something from. @param isPaused true: the policy has no backup taken by itself. */
export function gapCondition(from: string, isPaused: boolean): ArchivingCondition {
  const next = isPaused
    ? 'A backup ends the gap: take one, the policy is paused.'
    : 'The backup that ends it was ordered.';
  return conditionOf('Gap', `No store has the log from ${from} on, because it was given up or lost. ${next}`);
}

type Reason = 'UpToDate' | 'Behind' | 'VolumeFills' | 'Gap';

const conditionOf = (reason: Reason, message: string): ArchivingCondition => ({
  type: 'Archiving',
  status: reason === 'UpToDate',
  reason,
  message,
});

function isFilling({ waitingBytes, freeBytes, totalBytes }: Archiving, waitedMs: number): boolean {
  const leftBytes = freeBytes - totalBytes / SHARE_KEPT_FREE;
  return freeBytes < totalBytes * (1 - USED_SHARE) || leftBytes / (waitingBytes / waitedMs) < SOON_MS;
}

/** pgBackRest calls those that it could not reach by their numbers: `repo1: [HostConnectError] …`. */
function waitedFor({ lastError }: Archiving, sites: readonly string[]): string {
  const numbers = [...(lastError ?? '').matchAll(/^repo(\d+): /gm)].map(([, number]) => Number(number));
  const away = sites.filter((_, i) => numbers.includes(i + 1));
  return away.length === 0 ? 'the stores' : `site ${away.join(' and ')}`;
}
