import type { ScriptPhase } from './backup-hooks';
import { SCRIPT_PHASES } from './backup-hooks';
import type { Backup, BackupCopy, BackupPolicy } from './backups';
import { BACKUP_TYPES } from './backups';
import type { DumpOrders } from './dump-schedules';
import { selectionInWords, selectionOf } from './dump-schedules';
import { inWords } from './durations';

const WHEN: Readonly<Record<ScriptPhase, string>> = { pre: 'before', post: 'after' };

/** A policy of backups in one line, for people: what is taken when, kept how long, where. */
export function policyInWords({
  sites,
  schedule,
  drill,
  dumps,
  timeZone,
  retention,
  paused,
  hooks,
  notify,
}: BackupPolicy): string {
  const times = BACKUP_TYPES.flatMap((type) => (schedule[type] === null ? [] : [`${type} ${schedule[type]}`]));
  const taken = times.length === 0 ? 'on demand only' : `${times.join(', ')} (${timeZone})`;
  const kept =
    retention.unit === 'days' ? `kept for ${retention.full} days` : `the last ${retention.full} full ones kept`;
  const drills = drill === null ? 'no drills' : `a drill ${drill}`;
  const dumped = dumps.schedule === null ? '' : `, a dump of ${dumpsInWords(dumps)} ${dumps.schedule}`;
  const scripts = SCRIPT_PHASES.filter((phase) => hooks[phase] !== null).map((phase) => WHEN[phase]);
  const run = scripts.length === 0 ? '' : `; a script ${scripts.join(' and ')} each`;
  const told = notify.length === 0 ? '' : `; ${[...new Set(notify.map(({ to }) => to))].join(', ')} told`;
  return `on ${sites.join(' and ')}: ${taken}, ${drills}${dumped}${paused ? ', paused' : ''}; ${kept}${run}${told}`;
}

/** What the copies that are there are: the first one on a site is full whatever was asked for. Without any, what was asked for. */
export function typeInWords({
  type,
  copies,
}: Pick<Backup, 'type'> & { readonly copies: readonly TypedCopy[] }): string {
  const types = copies.filter(({ removedAt }) => removedAt === null).map((copy) => copy.type);
  return types.length === 0 ? type : [...new Set(types)].join(',');
}
type TypedCopy = Pick<BackupCopy, 'type' | 'removedAt'>;

/** Until when a backup or a copy of it is kept, for people; null: it is not there. */
export function keptInWords({
  keptUntil,
  keptUntilFullBackups,
}: {
  readonly keptUntil: string | null;
  readonly keptUntilFullBackups: number | null;
}): string | null {
  if (keptUntil !== null || keptUntilFullBackups === null) return keptUntil;
  if (keptUntilFullBackups === 0) return 'the next backup';
  return `${keptUntilFullBackups} more full`;
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
