import type { Backup, BackupCopy, Origin, RestoreTarget } from '../../domain/backups';
import { HoldfastError } from '../../domain/errors';
import { targetInWords } from '../../domain/restore-targets';
import { routeTo } from '../../domain/swaps';
import type { Fork, Route } from '../../domain/swaps';
import type { ClusterView, Fleet } from '../fleet';
import type { HostFile } from '../host/host';
import { sh } from '../host/shell';
import type { ShellCommand } from '../host/shell';
import type { Backups } from '../patroni/config';
import { pgbackrest } from './commands';
import type { Lineage } from './config';
import { ARCHIVE_CONFIG_FILE, RESTORE_CONFIG_FILE } from './config';
import { archiveFiles, restoreFiles } from './files';
import { currentLineage, lineageOf } from './lineage';

/** What a data node archives into, and what its cluster is restored from, if anything; with the files for it. */
export async function backupsOf(fleet: Fleet, view: ClusterView): Promise<Backups & { readonly files: HostFile[] }> {
  const { origin } = view.cluster;
  const [lineage, source] = await Promise.all([currentLineage(fleet, view), origin && sourceOf(fleet, origin)]);
  return {
    archive: lineage && archiveCommands(lineage),
    restore: origin && source && (await restoreOf(fleet, source, origin)),
    files: [...(lineage ? archiveFiles(view, lineage) : []), ...(source ? restoreFiles(view, source) : [])],
  };
}

/** @throws NOT_FOUND when the lineage is gone. */
export async function sourceOf(fleet: Fleet, { timelineId }: Origin): Promise<Lineage> {
  const timeline = await fleet.inventory.timelines.get(timelineId);
  if (!timeline) throw new HoldfastError('NOT_FOUND', { kind: 'backup lineage', ref: timelineId });
  return lineageOf(fleet, timeline);
}

/** PostgreSQL puts in `%p` and `%f`. */
export function archiveCommands({ timeline }: Pick<Lineage, 'timeline'>): NonNullable<Backups['archive']> {
  const command = (verb: string): string[] => pgbackrest(ARCHIVE_CONFIG_FILE, timeline.id, verb);
  return { push: sh`${command('archive-push')} %p`, get: sh`${command('archive-get')} %f "%p"` };
}

/** The command that restores what `origin` says. @throws NOT_FOUND when no copy to begin from is left where it is to be read from. */
export async function restoreOf(
  fleet: Fleet,
  source: Pick<Lineage, 'timeline'>,
  origin: Pick<Origin, 'target' | 'site'> & Partial<Pick<Origin, 'onlyDatabase'>>,
  options: Pick<RestoreOptions, 'config' | 'words'> = {},
): Promise<ShellCommand> {
  const { id } = source.timeline;
  const forks = await fleet.inventory.swaps.forks(id);
  const backup = await backupToBeginFrom(fleet, source, origin);
  const branches = forks.length === 0 ? null : { forks, copies: await fleet.inventory.backups.copies(id) };
  const only = origin.onlyDatabase ?? null;
  const words = [...(options.words ?? []), ...(only === null ? [] : [`--db-include=${only}`])];
  return restoreCommand(source, origin, backup, { ...options, words, branches });
}

interface RestoreOptions {
  /** Default: {@link RESTORE_CONFIG_FILE}. */
  readonly config?: string;
  /** Options of pgBackRest besides. */
  readonly words?: readonly string[];
  /** Of a lineage whose log branches, with its copies that are left: pgBackRest knows nothing of branches. */
  readonly branches?: { readonly forks: readonly Fork[]; readonly copies: readonly BackupCopy[] } | null;
}

/**
 * pgBackRest chooses the newest backup before a time or a position by itself, on the first site that answers. For what it
 * can't place in time the oldest one is taken: it takes longer to replay, but never begins behind the target. A set has a
 * name of its own on each site: where the first does not answer the next one is read.
 *
 * @param backup to begin from, with its copies: the one that the target names, or the oldest; null where pgBackRest chooses.
 * @throws NOT_FOUND when no copy of it is left where it is to be read from.
 */
export function restoreCommand(
  source: Pick<Lineage, 'timeline'>,
  { target, site }: Pick<Origin, 'target' | 'site'>,
  backup: Pick<Backup, 'copies'> | null,
  { config = RESTORE_CONFIG_FILE, words = [], branches = null }: RestoreOptions = {},
): ShellCommand {
  const { id, sites } = source.timeline;
  const there = branches?.copies.filter((copy) => copy.removedAt === null && (site === null || copy.site === site));
  const route = branches && there && target.kind !== 'backup' ? routeTo(branches.forks, target, there) : null;
  const from = (repository: number, ...set: readonly string[]): ShellCommand => {
    const chosen = repository < 0 ? [] : [`--repo=${repository + 1}`];
    return sh`${pgbackrest(config, id, ...chosen, ...set, ...targetArguments(target, route), ...words)} restore`;
  };
  if (!route && isPlacedInTime(target)) return from(sites.indexOf(site ?? ''));
  const copies = route ? route.copies : copiesOn(backup, site === null ? sites : [site]);
  const [first, ...others] = copies.map((copy) => from(sites.indexOf(copy.site), `--set=${copy.setId}`));
  if (first === undefined) throw new HoldfastError('NOT_FOUND', { kind: 'backup for', ref: targetInWords(target) });
  return others.length === 0 ? first : sh`sh -c ${[first, ...others].join(' || ')}`;
}

/** Those that are left, in the order of the sites. */
function copiesOn(backup: Pick<Backup, 'copies'> | null, sites: readonly string[]): BackupCopy[] {
  const left = (backup?.copies ?? []).filter((copy) => copy.removedAt === null);
  return sites.flatMap((site) => left.find((copy) => copy.site === site) ?? []);
}

/** pgBackRest finds the backup for these. */
const isPlacedInTime = ({ kind }: RestoreTarget): boolean => kind === 'latest' || kind === 'time' || kind === 'lsn';

async function backupToBeginFrom(
  { inventory }: Fleet,
  { timeline }: Pick<Lineage, 'timeline'>,
  { target, site }: Pick<Origin, 'target' | 'site'>,
): Promise<Backup | null> {
  if (isPlacedInTime(target)) return null;
  if (target.kind === 'backup') return inventory.backups.find(timeline.projectId, target.backup);
  return inventory.backups.oldest(timeline.id, site);
}

function targetArguments(target: RestoreTarget, route: Route | null): string[] {
  const log = route === null || route.log === null ? [] : [`--target-timeline=${route.log}`];
  const until = (type: string, value: string): string[] => [
    `--type=${type}`,
    `--target=${value}`,
    '--target-action=promote',
    ...log,
  ];
  if (route?.endLsn) return until('lsn', route.endLsn);
  switch (target.kind) {
    case 'latest':
      return ['--type=default'];
    case 'time':
      return until('time', target.time.replace('T', ' ').replace('Z', '+00'));
    case 'lsn':
      return until('lsn', target.lsn);
    case 'transaction':
      return until('xid', target.transaction);
    case 'point':
      return until('name', target.name);
    case 'backup':
      // It may lie on a branch that was left since. pgBackRest's own option for that does not go with this type.
      return ['--type=immediate', '--target-action=promote', '--recovery-option=recovery_target_timeline=current'];
  }
}
