import type { BackupPolicy } from './backups';
import { BACKUP_TYPES } from './backups';
import { inWords } from './durations';

/** A policy of backups in one line, for people: what is taken when, kept how long, where. */
export function policyInWords({ sites, schedule, drill, timeZone, retention, paused }: BackupPolicy): string {
  const times = BACKUP_TYPES.flatMap((type) => (schedule[type] === null ? [] : [`${type} ${schedule[type]}`]));
  const taken = times.length === 0 ? 'on demand only' : `${times.join(', ')} (${timeZone})`;
  const kept =
    retention.unit === 'days' ? `kept for ${retention.full} days` : `the last ${retention.full} full ones kept`;
  const drills = drill === null ? 'no drills' : `a drill ${drill}`;
  return `on ${sites.join(' and ')}: ${taken}, ${drills}${paused ? ', paused' : ''}; ${kept}`;
}

/** The age of the last good backup, for conditions. @param endedAt ISO 8601; null: there is none. */
export function lastGoodInWords(endedAt: string | null, now: Date): string {
  if (endedAt === null) return 'There is no good backup yet.';
  return `The last good backup ended at ${endedAt}, ${inWords(now.getTime() - Date.parse(endedAt))} before.`;
}
