import type { AskedTarget, BackupCopy, RestoreTarget, RestoreWindow, Timeline } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { gapOf, isInside, isYetToCome, plainLsn } from '../../domain/restore-targets';
import type { RestoreWindowAnswer } from '../../domain/schemas/restore-window';
import { findBackup } from './backups';
import type { ApiDeps } from './deps';
import { beginningOf, requirePolicy } from './find';
import { isOnLeftBranch, outside, requirePoint } from './restore-targets';

/** From where to where a cluster can be restored, and whether a target lies in between. */

/** What there is to restore from: of a deleted cluster as long as its backups outlive it. */
export interface Source {
  readonly cluster: Cluster;
  /** Null: not opened yet, or removed. */
  readonly timeline: Timeline | null;
}

/** @throws BACKUPS_NOT_CONFIGURED. */
export async function openSource({ inventory }: ApiDeps, cluster: Cluster): Promise<Source> {
  requirePolicy(cluster);
  const timeline = await inventory.timelines.current(cluster.id);
  // It may be removed at any moment.
  const isDue = timeline !== null && timeline.expiresAt !== null && Date.parse(timeline.expiresAt) <= Date.now();
  const isThere = timeline !== null && !isDue && !(await beginningOf(inventory, cluster));
  return { cluster, timeline: isThere ? timeline : null };
}

/**
 * Asks the stores and the primary; where nobody answers, what was last seen.
 *
 * @param upTo a target that shall be in it, if that can be: then the cluster archives what it has. Default: null.
 * @param site the only one that counts. Default: null, which is all.
 */
export async function readWindow(
  deps: ApiDeps,
  { cluster, timeline }: Source,
  { upTo = null, site = null }: { readonly upTo?: RestoreTarget | null; readonly site?: string | null } = {},
): Promise<{ readonly window: RestoreWindow | null; readonly asOf: RestoreWindowAnswer['asOf'] }> {
  if (timeline === null) return { window: null, asOf: 'now' };
  if (cluster.deletedAt === null) {
    try {
      return { window: await deps.engine.lookAtWindow(cluster.id, upTo, site), asOf: 'now' };
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'UNAVAILABLE') throw error;
    }
  }
  return { window: await lastLook(deps, timeline, site), asOf: 'last look' };
}

/** Of one site it is known which backups it has; that it has the log behind them is taken for granted. */
async function lastLook(
  { inventory }: ApiDeps,
  timeline: Timeline,
  site: string | null,
): Promise<RestoreWindow | null> {
  const window = await inventory.timelines.getWindow(timeline.id);
  if (site === null || window === null) return window;
  const oldest = await inventory.backups.oldest(timeline.id, site);
  const copy = oldest?.copies.find((one) => one.site === site && one.removedAt === null);
  return copy ? { ...window, earliest: copy.finishedAt } : null;
}

/**
 * Refuses what can't be restored.
 *
 * @param site to read from; null: any.
 * @param touches false for a preview, for which the source archives nothing.
 * @returns the lineage to restore from, the target with all that is known of it, and whether it is in the archive: else it may
 * be in what is not archived yet.
 * @throws RESTORE_TARGET_OUTSIDE, which names the window; NOT_FOUND for a backup that the cluster does not have.
 */
export async function requireInside(
  deps: ApiDeps,
  source: Source,
  asked: AskedTarget,
  { site, touches }: { readonly site: string | null; readonly touches: boolean },
): Promise<{ readonly timeline: Timeline; readonly target: RestoreTarget; readonly isArchived: boolean }> {
  const { cluster, timeline } = source;
  const refuse = (window: string): HoldfastError => outside(asked, window);
  if (timeline === null) {
    throw refuse(
      cluster.deletedAt === null
        ? `cluster ${cluster.name} has no backup yet`
        : `cluster ${cluster.name} was deleted, and its backups have been removed since`,
    );
  }
  if (asked.kind === 'backup') {
    const problem = wrongWithCopies(await copiesOf(deps, cluster, timeline, asked.backup), site);
    if (problem !== null) throw refuse(problem);
    return { timeline, target: asked, isArchived: true };
  }
  const target = asked.kind === 'point' ? await requirePoint(deps, cluster, timeline, asked.name) : asked;
  if (await isOnLeftBranch(deps, timeline, target, { site, refuse })) return { timeline, target, isArchived: true };
  const { window } = await readWindow(deps, source, { upTo: touches ? target : null, site });
  if (window === null)
    throw refuse(site === null ? `cluster ${cluster.name} has no backup yet` : `site ${site} has no backup of it`);
  const firstLsn = await deps.inventory.backups.firstLsn(timeline.id, site);
  if (isInside(target, window, firstLsn)) return { timeline, target, isArchived: true };
  const mayCome = !touches && cluster.deletedAt === null && isYetToCome(target, window, new Date());
  if (!mayCome) throw refuse(windowInWords(cluster, window, target, firstLsn));
  return { timeline, target, isArchived: false };
}

/** Those that are there. @throws NOT_FOUND. */
async function copiesOf(
  { inventory }: ApiDeps,
  cluster: Cluster,
  timeline: Timeline,
  reference: string,
): Promise<BackupCopy[]> {
  const backup = await findBackup(inventory, cluster, reference);
  if (backup.timelineId !== timeline.id) throw new HoldfastError('NOT_FOUND', { kind: 'backup', ref: reference });
  return backup.copies.filter(({ removedAt }) => removedAt === null);
}

function wrongWithCopies(copies: readonly BackupCopy[], site: string | null): string | null {
  if (copies.length === 0) return 'no site has a copy of it';
  if (site === null || copies.some((copy) => copy.site === site)) return null;
  return `site ${site} has no copy of it, but ${copies.map((copy) => copy.site).join(' and ')} has`;
}

function windowInWords(
  { name }: Cluster,
  window: RestoreWindow,
  target: RestoreTarget,
  firstLsn: string | null,
): string {
  const gap = gapOf(target, window);
  if (gap) {
    const [from, to] = target.kind !== 'time' ? [gap.fromLsn, gap.toLsn] : [gap.from, gap.to];
    return `a part of the log is missing in the archive of cluster ${name}, so that nothing between ${from} and ${to} can be restored`;
  }
  const { earliest, latest, lastLsn, lastTransaction } = window;
  if (target.kind === 'transaction')
    return `the newest transaction of cluster ${name} that has ended is ${lastTransaction ?? 'not known'}`;
  if (target.kind === 'lsn' || target.kind === 'point')
    return `cluster ${name} can be restored from ${firstLsn ?? '0/0'} ${lastLsn === undefined ? 'on' : `to ${plainLsn(lastLsn)}`}`;
  return latest === null
    ? `cluster ${name} can be restored as it was at ${earliest} only, because nothing was archived since`
    : `cluster ${name} can be restored from ${earliest} to ${latest}`;
}
