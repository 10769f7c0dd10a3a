import type { Backup, BackupCopy, BackupPolicy, Timeline } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import { lsnNumber } from '../../domain/restore-targets';
import type { Keeping } from '../../domain/retention';
import { keepingOf, longestOf } from '../../domain/retention';
import type { BackupAnswer } from '../../domain/schemas/backups';
import type { ApiDeps } from './deps';
import { clusterPath, operationPath } from './shapes';

/** What of backups a client sees: what is written of them, and what follows from that. */

/** What tells of each of these backups of one cluster. */
export async function backupAnswers(
  { backups: table, timelines }: Pick<ApiDeps['inventory'], 'backups' | 'timelines'>,
  { spec }: Pick<Cluster, 'spec'>,
  backups: readonly Backup[],
): Promise<(backup: Backup) => BackupAnswer> {
  const ids = [...new Set(backups.map(({ timelineId }) => timelineId))];
  const lineages = new Map(
    await Promise.all(
      ids.map(async (id) => {
        const [timeline, fullSets] = await Promise.all([timelines.get(id), table.fullCopies(id)]);
        return [id, { timeline, policy: spec.backups, fullSets }] as const;
      }),
    ),
  );
  return (backup) => answerOf(backup, keepIn(lineages.get(backup.timelineId)));
}

type Keep = (copy: BackupCopy) => Keeping | null;

const NEVER_REMOVED: Keeping = { until: null, fullBackups: null };

/** Null for what is not there any more. */
function keepIn(
  lineage:
    | {
        readonly timeline: Timeline | null;
        readonly policy: BackupPolicy | null;
        readonly fullSets: readonly BackupCopy[];
      }
    | undefined,
): Keep {
  return ({ site, setId, removedAt }) => {
    if (!lineage || removedAt !== null) return null;
    const { timeline, policy, fullSets } = lineage;
    // Of a cluster that was deleted no more backups end: all that it had then goes at once.
    if (timeline?.expiresAt) return { until: timeline.expiresAt, fullBackups: null };
    if (policy === null) return NEVER_REMOVED;
    const onSite = fullSets.filter((set) => set.site === site);
    return keepingOf(setId, onSite, policy.retention);
  };
}

function answerOf(backup: Backup, keep: Keep): BackupAnswer {
  const { id, clusterId, operationId, copies } = backup;
  const cluster = clusterPath(clusterId);
  const left = copies.filter(({ removedAt }) => removedAt === null);
  const verified = copies.flatMap(({ lastVerifiedAt }) => lastVerifiedAt ?? []);
  return {
    ...backup,
    storedBytes: left.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    durationMs: backup.finishedAt === null ? null : between(backup.startedAt, backup.finishedAt),
    range: rangeOf(copies),
    ...keptAnswer(longestOf(left.flatMap((copy) => keep(copy) ?? []))),
    lastVerifiedAt: verified.sort().at(-1) ?? null,
    copies: copies.map((copy) => ({
      ...copy,
      durationMs: between(copy.startedAt, copy.finishedAt),
      ...keptAnswer(keep(copy)),
    })),
    links: { self: `${cluster}/backups/${id}`, cluster, operation: operationId && operationPath(operationId) },
  };
}

const between = (from: string, to: string): number => Date.parse(to) - Date.parse(from);

const keptAnswer = (keeping: Keeping | null): Pick<BackupAnswer, 'keptUntil' | 'keptUntilFullBackups'> => ({
  keptUntil: keeping?.until ?? null,
  keptUntilFullBackups: keeping?.fullBackups ?? null,
});

function rangeOf(copies: readonly BackupCopy[]): BackupAnswer['range'] {
  const from = copies.map(({ startedAt }) => startedAt).sort()[0];
  const to = copies
    .map(({ finishedAt }) => finishedAt)
    .sort()
    .at(-1);
  const fromLsn = inOrder(copies.map(({ startLsn }) => startLsn))[0];
  const toLsn = inOrder(copies.map(({ stopLsn }) => stopLsn)).at(-1);
  if (from === undefined || to === undefined || fromLsn === undefined || toLsn === undefined) return null;
  return { from, to, fromLsn, toLsn };
}

const inOrder = (lsns: readonly string[]): string[] => [...lsns].sort((a, b) => (lsnNumber(a) < lsnNumber(b) ? -1 : 1));
