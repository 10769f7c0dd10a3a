import type { BackupPolicy } from './backups';
import { BACKUP_TYPES } from './backups';
import type { DumpOrders } from './dump-schedules';
import { selectionInWords, selectionOf } from './dump-schedules';
import { inWords } from './durations';

/** A policy of backups in one line, for people: what is taken when, kept how long, where. */
export function policyInWords({ sites, schedule, drill, dumps, timeZone, retention, paused }: BackupPolicy): string {
  const times = BACKUP_TYPES.flatMap((type) => (schedule[type] === null ? [] : [`${type} ${schedule[type]}`]));
  const taken = times.length === 0 ? 'on demand only' : `${times.join(', ')} (${timeZone})`;
  const kept =
    retention.unit === 'days' ? `kept for ${retention.full} days` : `the last ${retention.full} full ones kept`;
  const drills = drill === null ? 'no drills' : `a drill ${drill}`;
  const dumped = dumps.schedule === null ? '' : `, a dump of ${dumpsInWords(dumps)} ${dumps.schedule}`;
  return `on ${sites.join(' and ')}: ${taken}, ${drills}${dumped}${paused ? ', paused' : ''}; ${kept}`;
}

/** The age of the last good backup, for conditions. @param endedAt ISO 8601; null: there is none. */
export function lastGoodInWords(endedAt: string | null, now: Date): string {
  if (endedAt === null) return 'There is no good backup yet.';
  return `The last good backup ended at ${endedAt}, ${inWords(now.getTime() - Date.parse(endedAt))} before.`;
}

/** `all databases on primary`. */
export function dumpsInWords({ databases, sites }: Omit<DumpOrders, 'schedule'>): string {
  const what = selectionInWords(selectionOf(databases));
  return sites === null ? what : `${what} on ${sites.join(' and ')}`;
}

/** The age of the last good dump that a schedule asked for, for conditions. @param endedAt ISO 8601; null: there is none. */
export function lastDumpInWords(endedAt: string | null, now: Date): string {
  if (endedAt === null) return 'There is no good scheduled dump yet.';
  return `The last good one ended at ${endedAt}, ${inWords(now.getTime() - Date.parse(endedAt))} before.`;
}
