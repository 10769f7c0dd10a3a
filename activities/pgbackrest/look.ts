import type { RestoreTarget, RestoreWindow } from '../../domain/backups';
import { HoldfastError, tellsAbsence } from '../../domain/errors';
import type { ClusterId } from '../../domain/ids';
import { isYetToCome } from '../../domain/restore-targets';
import type { SiteName } from '../../domain/sites';
import { leadsTo } from '../../domain/swaps';
import type { ClusterView, Fleet } from '../fleet';
import { hostOf, viewCluster } from '../fleet';
import type { Host } from '../host/host';
import { findPrimary, runSql } from '../postgres/psql';
import { sql } from '../postgres/sql';
import type { Lineage } from './config';
import { requireLineage } from './lineage';
import { listSegments, lookIntoStores, recordSets } from './stores';
import type { SeenStore } from './stores';
import { closeLog, endReader, laterWindow, measureWindow } from './window';
import type { Measured } from './window';

/** Somebody waits for the answer. */
const LOOK_S = 10;
/** Clocks differ by less. */
const CLOCKS_MS = 60_000;

/** A look at what can be restored, for somebody who waits for the answer. */
export interface WindowActivities {
  /**
   * Asks the stores and the primary from where to where the cluster can be restored; null while nothing can. Changes
   * nothing but what the inventory knows of it and of its backups, so it is no step. Idempotent. Retry: none, somebody waits.
   *
   * @param upTo a target that shall be in it: what was committed up to now is archived at once where it is not; null: as it is.
   * @param site the only one that counts; null: all.
   * @throws BACKUPS_NOT_CONFIGURED, NOT_FOUND, HOST_UNREACHABLE, NOT_YET without a primary, SITE_UNAVAILABLE for the named one.
   */
  lookAtWindow(clusterId: ClusterId, upTo: RestoreTarget | null, site: SiteName | null): Promise<RestoreWindow | null>;
}

export function createWindowActivities(fleet: Fleet): WindowActivities {
  return {
    async lookAtWindow(clusterId, upTo, site) {
      const view = await viewCluster(fleet, clusterId);
      const lineage = await requireLineage(fleet, view);
      const primary = hostOf(fleet, view, await findPrimary(fleet, view, LOOK_S));
      const lastTransaction = await lastTransactionOf(view, primary);
      const look = async (): Promise<RestoreWindow | null> => {
        const seen = await lookIntoStores(primary, lineage);
        await recordSets(fleet, lineage, seen);
        const window = await keepWindow(fleet, { view, lineage, primary }, seen, site);
        return window && { ...window, lastTransaction };
      };
      const window = await look();
      const soon = new Date(Date.now() + CLOCKS_MS);
      if (window === null || upTo === null || !isYetToCome(upTo, window, soon)) return window;
      await closeLog(view, primary);
      return look();
    },
  };
}

/** Transactions that have not ended have this number or a higher one, and so will those that are to come; with the epoch. */
const NEXT_TRANSACTION = sql`SELECT pg_snapshot_xmax(pg_current_snapshot())`;

async function lastTransactionOf(view: ClusterView, primary: Host): Promise<string> {
  const next = await runSql(view, primary, 'postgres', NEXT_TRANSACTION, 'ask for the newest transaction');
  return String(BigInt(next) - 1n);
}

/** Writes down what the stores of a cluster have by now, as far as they and its primary answer. */
export async function adoptBackups(fleet: Fleet, clusterId: ClusterId): Promise<void> {
  try {
    const view = await viewCluster(fleet, clusterId);
    const lineage = await requireLineage(fleet, view);
    const primary = hostOf(fleet, view, await findPrimary(fleet, view, LOOK_S));
    await recordSets(fleet, lineage, await lookIntoStores(primary, lineage));
  } catch (error) {
    // What it has is known when it answers.
    if (!(error instanceof HoldfastError)) throw error;
  }
}

/** A cluster, and whom to ask about its log. */
export interface LookedAt {
  readonly view: ClusterView;
  readonly lineage: Lineage;
  readonly primary: Host;
}

/**
 * What can be restored by what the stores have; the inventory keeps it.
 *
 * @param site the only one that counts: of that nothing is kept. Default: null, which is all.
 */
export async function keepWindow(
  fleet: Fleet,
  looked: LookedAt,
  seen: readonly SeenStore[],
  site: SiteName | null = null,
): Promise<RestoreWindow | null> {
  const { id } = looked.lineage.timeline;
  const counting = seen.filter((store) => site === null || store.site === site);
  const [known, { measured, isWhole }] = await Promise.all([
    fleet.inventory.timelines.getWindow(id),
    measure(fleet, looked, counting),
  ]);
  if (site !== null && !isWhole) {
    // That it does not answer does not mean that it has nothing.
    const detail = counting.find(({ info }) => info.trouble !== null)?.info.trouble ?? 'it does not answer';
    throw new HoldfastError('SITE_UNAVAILABLE', { site, verb: 'tell what it has', detail });
  }
  const window = laterWindow(site === null ? known : null, measured, isWhole);
  if (site === null) await fleet.inventory.timelines.setWindow(id, window);
  return window;
}

async function measure(
  fleet: Fleet,
  { view, lineage, primary }: LookedAt,
  seen: readonly SeenStore[],
): Promise<{ measured: Measured | null; isWhole: boolean }> {
  const { id } = lineage.timeline;
  const forks = await fleet.inventory.swaps.forks(id);
  const contents = await Promise.all(
    seen.map(async ({ site, repository, info }) => {
      const segments = info.trouble === null ? await listSegments(fleet, site, id).catch(noneOf) : null;
      // A backup of what a swap has left ends no gap of what goes on.
      const sets = info.sets.filter((set) => leadsTo(forks, forks.length, set));
      return { repository, sets, segments };
    }),
  );
  const stores = contents.flatMap(({ segments, ...rest }) => (segments === null ? [] : [{ ...rest, segments }]));
  const measured = await measureWindow(stores, endReader(view, primary, id));
  return { measured, isWhole: stores.length === seen.length };
}

/** A store that went away since it was asked. */
function noneOf(error: unknown): null {
  if (!tellsAbsence(error)) throw error;
  return null;
}
