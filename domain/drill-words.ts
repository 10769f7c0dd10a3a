import type { Drill, ProvenRestore } from './drills';
import { inWords } from './durations';
import { targetInWords } from './restore-targets';

/** Drills in words, for people. */

/** How old the proof is, for conditions. @param provenAt ISO 8601; null: there is none. */
export function lastProvenInWords(provenAt: string | null, now: Date): string {
  if (provenAt === null) return 'No drill has proven yet that its backups can be restored.';
  return `The last proven restore ended at ${provenAt}, ${inWords(now.getTime() - Date.parse(provenAt))} before.`;
}

export function provenInWords({ drillId, target, site, seconds }: Omit<ProvenRestore, 'provenAt'>): string {
  return `Drill ${drillId} restored ${targetInWords(target)} from ${site} in ${Math.round(seconds)} s and found nothing wrong.`;
}

/** How long a drill took until all was checked, or until it ended, in seconds; null while it runs. */
export function secondsOf({
  startedAt,
  provenAt,
  finishedAt,
}: Pick<Drill, 'startedAt' | 'provenAt' | 'finishedAt'>): number | null {
  const end = provenAt ?? finishedAt;
  return end === null ? null : (Date.parse(end) - Date.parse(startedAt)) / 1000;
}
