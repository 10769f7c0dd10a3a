import type { AskedTarget, RestoreTarget, Timeline } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { targetInWords } from '../../domain/restore-targets';
import { branchOf, routeTo } from '../../domain/swaps';
import type { ApiDeps } from './deps';

/** Targets of restores that are more than a place in the window: restore points, and what a restore in place has left. */

/** So many are told to somebody who asks for another one. */
const TOLD = 10;

/** What refuses a target. @param why a clause that tells what can be restored instead. */
export const outside = (target: AskedTarget, why: string): HoldfastError =>
  new HoldfastError('RESTORE_TARGET_OUTSIDE', { target: capitalised(targetInWords(target)), window: why });

const capitalised = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

/**
 * A restore in place has left a part of the log: what lies there can be restored as long as a backup leads there.
 *
 * @returns true for a restore point of such a part, of which the window tells nothing.
 * @throws what `refuse` gives, when no backup that is left leads to the target.
 */
export async function isOnLeftBranch(
  { inventory }: ApiDeps,
  { id }: Timeline,
  target: RestoreTarget,
  { site, refuse }: { readonly site: string | null; readonly refuse: (window: string) => HoldfastError },
): Promise<boolean> {
  const forks = await inventory.swaps.forks(id);
  if (forks.length === 0) return false;
  const isPoint = target.kind === 'point' && branchOf(forks, target) < forks.length;
  const copies = await inventory.backups.copies(id);
  const usable = copies.filter((copy) => copy.removedAt === null && (site === null || copy.site === site));
  if (routeTo(forks, target, usable).copies.length > 0) return isPoint;
  if (!isPoint && target.kind !== 'time') return false;
  throw refuse('a restore in place has left that part of the log, and no backup that is there leads to it');
}

/** The restore point of that name, as a target. @throws RESTORE_TARGET_OUTSIDE with those that are there. */
export async function requirePoint(
  { inventory }: ApiDeps,
  cluster: Cluster,
  { id }: Timeline,
  name: string,
): Promise<Extract<RestoreTarget, { kind: 'point' }>> {
  const point = await inventory.restorePoints.find(id, name);
  if (point) return { kind: 'point', name, lsn: point.lsn, madeAt: point.madeAt };
  const known = await inventory.restorePoints.list(id, { limit: TOLD + 1 });
  const names = known.slice(0, TOLD).map((one) => one.name);
  const more = known.length > TOLD ? ' and older ones' : '';
  const there = names.length === 0 ? 'none' : `${names.join(', ')}${more}`;
  throw outside({ kind: 'point', name }, `cluster ${cluster.name} has no such restore point; there are: ${there}`);
}
