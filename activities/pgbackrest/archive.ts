import type { Backup, BackupCopy, Origin, RestoreTarget } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { targetInWords } from '../../domain/restore-targets';
import { routeTo } from '../../domain/swaps';
import type { Fork, Route } from '../../domain/swaps';
import type { ClusterView, Fleet } from '../fleet';
import type { HostFile } from '../host/host';
import { sh } from '../host/shell';
import type { ShellCommand } from '../host/shell';
import type { Backups } from '../patroni/config';
import { dataDirectory } from '../postgres/paths';
import { patientArchiveGet, promptArchiveGet } from './archive-get';
import { ARCHIVE_PUSH_FILE } from './archive-push';
import { pgbackrest } from './commands';
import type { Lineage } from './config';
import { ARCHIVE_CONFIG_FILE, RESTORE_CONFIG_FILE } from './config';
import { COPY_COMMAND } from './copy';
import { archiveFiles, restoreFiles } from './files';
import { currentLineage, lineageOf } from './lineage';
import { originOf } from './origin';

/** What Patroni and pgBackRest of a data node are told. */
type ToldBackups = Backups & { readonly files: readonly HostFile[] };

/** What a data node archives into, with the files for it. */
export async function archiveOf(fleet: Fleet, view: ClusterView): Promise<ToldBackups> {
  const lineage = await currentLineage(fleet, view);
  return {
    archive: lineage && archiveCommands(lineage),
    restore: null,
    files: lineage ? archiveFiles(view, lineage) : [],
  };
}

/** The same for its first data: also what that is restored from, if anything. */
export async function backupsOf(fleet: Fleet, at: StepRef, view: ClusterView): Promise<ToldBackups> {
  const origin = await originOf(fleet, at, view.cluster);
  const [own, source] = await Promise.all([archiveOf(fleet, view), origin && sourceOf(fleet, origin)]);
  if (!origin || !source) return own;
  const data = dataDirectory(view.cluster.spec.version);
  return {
    ...own,
    restore: await restoreOf(fleet, source, origin, { data }),
    files: [...own.files, ...restoreFiles(view, source)],
  };
}

/** @throws NOT_FOUND when the lineage is gone. */
export async function sourceOf(fleet: Fleet, { timelineId }: Origin): Promise<Lineage> {
  const timeline = await fleet.inventory.timelines.get(timelineId);
  if (!timeline) throw new HoldfastError('NOT_FOUND', { kind: 'backup lineage', ref: timelineId });
  return lineageOf(fleet, timeline);
}

/** PostgreSQL puts in `%p`. */
export function archiveCommands({ timeline }: Pick<Lineage, 'timeline'>): NonNullable<Backups['archive']> {
  return {
    push: sh`sh ${ARCHIVE_PUSH_FILE} %p`,
    get: promptArchiveGet(ARCHIVE_CONFIG_FILE, timeline.id),
    copy: COPY_COMMAND,
  };
}

/** The command that restores what `origin` says. @throws NOT_FOUND when no copy to begin from is left where it is to be read from. */
export async function restoreOf(
  fleet: Fleet,
  source: Pick<Lineage, 'timeline'>,
  origin: Pick<Origin, 'target' | 'site'> & Partial<Pick<Origin, 'onlyDatabase'>>,
  options: Omit<RestoreOptions, 'branches'>,
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
  /** The folder that the configuration says: empty, or not there yet. */
  readonly data: string;
  /** Default: {@link RESTORE_CONFIG_FILE}. */
  readonly config?: string;
  /** Options of pgBackRest besides. */
  readonly words?: readonly string[];
  /** Of a lineage whose log branches, with its copies that are left: pgBackRest knows nothing of branches. */
  readonly branches?: { readonly forks: readonly Fork[]; readonly copies: readonly BackupCopy[] } | null;
}

/**
 * Restores from one site after the other until one has what is wanted: pgBackRest itself goes on with the next site only where
 * one does not answer at once, not where it goes away or has a damaged file. The log is read from all of them, whichever has a
 * segment. A site that was asked for is read alone.
 *
 * pgBackRest chooses the newest backup before a time or a position by itself. For what it can't place in time the oldest one is
 * taken: it takes longer to replay, but never begins behind the target. A set has a name of its own on each site.
 *
 * @param backup to begin from, with its copies: the one that the target names, or the oldest; null where pgBackRest chooses.
 * @throws NOT_FOUND when no copy of it is left where it is to be read from.
 */
export function restoreCommand(
  source: Pick<Lineage, 'timeline'>,
  { target, site }: Pick<Origin, 'target' | 'site'>,
  backup: Pick<Backup, 'copies'> | null,
  { data, config = RESTORE_CONFIG_FILE, words = [], branches = null }: RestoreOptions,
): ShellCommand {
  const { id, sites } = source.timeline;
  const read = sites.filter((one) => site === null || one === site);
  const there = branches?.copies.filter((copy) => copy.removedAt === null && read.includes(copy.site));
  const route = branches && there && target.kind !== 'backup' ? routeTo(branches.forks, target, there) : null;
  const from = (one: string, ...set: readonly string[]): ShellCommand =>
    sh`${pgbackrest(config, id, `--repo=${sites.indexOf(one) + 1}`, ...set)} "$@" restore`;
  const [first, ...others] =
    !route && isPlacedInTime(target)
      ? read.map((one) => from(one))
      : copiesOn(route ?? backup, read).map((copy) => from(copy.site, `--set=${copy.setId}`));
  if (first === undefined) throw new HoldfastError('NOT_FOUND', { kind: 'backup for', ref: targetInWords(target) });
  // Else PostgreSQL would be told to read the log from the site alone that the data came from.
  const only = site === null ? [] : [`--repo=${sites.indexOf(site) + 1}`];
  const log = [`--recovery-option=restore_command=${patientArchiveGet(config, id, ...only)}`];
  const script = `${ANEW}; ${first}${others.map((other) => ` || { anew && ${other}; }`).join('')}`;
  return sh`sh -c ${script} ${data} ${[...targetArguments(target, route), ...log, ...words]}`;
}

/*
 * pgBackRest restores into an empty folder only, and a try that failed may have begun to fill it. The folder itself stays: it may
 * be a mount. Nothing is thrown away that another may have put there (40: it was not empty; 50: another pgBackRest is at work), and
 * nothing more is tried when pgBackRest was told to end (63).
 */
const ANEW = `anew() { case $? in 40 | 50 | 63) exit 1 ;; esac; [ ! -e "$0" ] || find "$0" -mindepth 1 -delete; }`;

/** Those that are left, in the order of the sites. */
function copiesOn(backup: Pick<Backup | Route, 'copies'> | null, sites: readonly string[]): BackupCopy[] {
  const left = (backup?.copies ?? []).filter((copy) => copy.removedAt === null);
  return sites.flatMap((site) => left.find((copy) => copy.site === site) ?? []);
}

/** pgBackRest finds the backup for these. */
const isPlacedInTime = ({ kind }: RestoreTarget): boolean => kind !== 'transaction' && kind !== 'backup';

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
      // By its position: one of that name may be in the log twice, where the host was lost while it was made.
      return [...until('lsn', target.lsn), '--target-exclusive'];
    case 'backup':
      // It may lie on a branch that was left since. pgBackRest's own option for that does not go with this type.
      return ['--type=immediate', '--target-action=promote', '--recovery-option=recovery_target_timeline=current'];
  }
}
