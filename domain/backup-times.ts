import { Cron } from 'croner';
import type { BackupPolicy, BackupType } from './backups';
import { BACKUP_TYPES } from './backups';

/** When backups, drills and dumps are due, as the policy itself says. */

/** The next `count` times of one type after `after`, ISO 8601; none where the policy has no times, or is paused. */
export function nextRuns(policy: BackupPolicy, type: BackupType, count: number, after: Date): string[] {
  const times = policy.paused ? null : timesOf(policy, type);
  return times?.nextRuns(count, after).map((at) => at.toISOString()) ?? [];
}

/** The next `count` times of a drill after `after`, ISO 8601; none where the policy wants none, or is paused. */
export function nextDrills({ drill, timeZone, paused }: BackupPolicy, count: number, after: Date): string[] {
  return paused ? [] : nextOf(drill, timeZone, count, after);
}

/** The same of dumps. */
export function nextDumps({ dumps, timeZone, paused }: BackupPolicy, count: number, after: Date): string[] {
  return paused ? [] : nextOf(dumps.schedule, timeZone, count, after);
}

function nextOf(times: string | null, timeZone: string, count: number, after: Date): string[] {
  if (times === null) return [];
  return cronOf(times, timeZone)
    .nextRuns(count, after)
    .map((at) => at.toISOString());
}

/**
 * When the drill was due that is overdue by more than half of the time until the next one, ISO 8601; null when none is.
 *
 * @param since when the last one was begun, or drills began to be due.
 */
export const findOverdueDrill = (policy: BackupPolicy, since: Date, now: Date): string | null =>
  overdueSince(nextDrills(policy, 2, since), now);

/** The same of dumps. */
export const findOverdueDump = (policy: BackupPolicy, since: Date, now: Date): string | null =>
  overdueSince(nextDumps(policy, 2, since), now);

function overdueSince([due, following]: readonly string[], now: Date): string | null {
  if (due === undefined || following === undefined) return null;
  const limit = Date.parse(due) + (Date.parse(following) - Date.parse(due)) / 2;
  return now.getTime() > limit ? due : null;
}

/** When the newest good backup of each type was begun, ISO 8601; null where there is none. */
export type LastBegun = Readonly<Record<BackupType, string | null>>;

export interface OverdueBackup {
  readonly type: BackupType;
  /** ISO 8601. */
  readonly dueAt: string;
}

/**
 * The backup that has been due for longest, when more than half of the time until the next of its type has passed and
 * none was taken; null when none is overdue.
 *
 * @param since times before count for nothing: there was no schedule, or another one.
 */
export function findOverdue(policy: BackupPolicy, last: LastBegun, since: Date, now: Date): OverdueBackup | null {
  if (policy.paused) return null;
  const overdue = BACKUP_TYPES.flatMap((type) => overdueOf(policy, type, last, since, now) ?? []);
  return overdue.sort((a, b) => Date.parse(a.dueAt) - Date.parse(b.dueAt))[0] ?? null;
}

function overdueOf(
  policy: BackupPolicy,
  type: BackupType,
  last: LastBegun,
  since: Date,
  now: Date,
): OverdueBackup | null {
  const taken = thatDoFor(type).flatMap((other) => last[other] ?? []);
  const newest = Math.max(since.getTime(), ...taken.map((at) => Date.parse(at)));
  const [due, following] = timesOf(policy, type)?.nextRuns(2, new Date(newest)) ?? [];
  if (!due || !following) return null;
  const limit = due.getTime() + (following.getTime() - due.getTime()) / 2;
  return now.getTime() > limit ? { type, dueAt: due.toISOString() } : null;
}

/** Types that have all that one of this type would have. */
function thatDoFor(type: BackupType): readonly BackupType[] {
  return BACKUP_TYPES.slice(0, BACKUP_TYPES.indexOf(type) + 1);
}

function timesOf({ schedule, timeZone }: BackupPolicy, type: BackupType): Cron | null {
  const expression = schedule[type];
  return expression === null ? null : cronOf(expression, timeZone);
}

const cronOf = (expression: string, timezone: string): Cron =>
  new Cron(expression, { mode: '5-part', timezone, paused: true });
