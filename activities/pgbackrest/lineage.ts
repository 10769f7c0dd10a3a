import { each } from '../../domain/each';
import type { Timeline } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import type { ErrorCode } from '../../domain/errors';
import { HoldfastError } from '../../domain/errors';
import { idOfOperation } from '../../domain/ids';
import type { TimelineId } from '../../domain/ids';
import { WITHOUT_BACKUPS } from '../../domain/step-words';
import type { ClusterView, Fleet } from '../fleet';
import { secretRef } from '../fleet';
import { tellNothing } from '../progress';
import { makePassword } from '../secrets/passwords';
import { parseAccount, SECRET_NAMES } from '../secrets/stored-secrets';
import type { Lineage, Repository } from './config';

/** The lineage of a cluster's backups: who may write to which store, and what the backups are encrypted with. */

/** Of the one that this operation opens: a retry finds what the first try made. */
const timelineIdOf = (at: StepRef): TimelineId => idOfOperation('tl', at.operationId);

/** Opens the lineage of a new cluster, with an account on each of its sites. Nothing to do where no backups are wanted. */
export async function openLineage(fleet: Fleet, at: StepRef, { cluster }: ClusterView): Promise<void> {
  const { backups, version } = cluster.spec;
  if (!backups) return tellNothing(fleet, at, WITHOUT_BACKUPS, 'open');
  const id = timelineIdOf(at);
  await fleet.inventory.timelines.open(at, { id, sites: backups.sites, version });
  await fleet.secrets.ensure(secretRef(cluster, SECRET_NAMES.backupPassphrase(id)), makePassword);
  try {
    await each(backups.sites, (site) => openAccount(fleet, cluster, id, site));
  } finally {
    await takeBackIfLate(fleet, at, id);
  }
}

/** An operation that was overtaken, and whose lineage was taken away meanwhile, may have made its accounts after that. */
async function takeBackIfLate(fleet: Fleet, at: StepRef, id: TimelineId): Promise<void> {
  const timeline = (await fleet.inventory.timelines.isRemoved(id)) && (await fleet.inventory.timelines.get(id));
  if (timeline) await removeLineage(fleet, timeline);
  await fleet.inventory.operations.requireCurrent(at);
}

/** Lets a lineage use a site, and sees that its keys open it. Idempotent. @throws SITE_UNAVAILABLE, SITE_REFUSED. */
export async function openAccount(
  fleet: Fleet,
  cluster: ClusterView['cluster'],
  id: TimelineId,
  site: string,
): Promise<void> {
  const make = (): string => JSON.stringify(fleet.storage.makeAccount(site, id));
  const kept = await fleet.secrets.ensure(secretRef(cluster, SECRET_NAMES.siteAccount(id, site)), make);
  const keys = fleet.storage.currentKeys(site, id, parseAccount(kept));
  await fleet.storage.ensureAccount(site, id, keys);
  await fleet.storage.proveAccount(site, id, keys);
}

/** Takes a lineage's objects and its account away from a site, and at last what opened it. Idempotent. */
export async function closeAccount(
  { storage, secrets }: Pick<Fleet, 'storage' | 'secrets'>,
  { id, projectId, clusterId }: Pick<Timeline, 'id' | 'projectId' | 'clusterId'>,
  site: string,
): Promise<void> {
  await storage.removeObjects(site, id);
  await storage.removeAccount(site, id);
  await secrets.forget({ projectId, clusterId, name: SECRET_NAMES.siteAccount(id, site) });
}

/** Takes a lineage away: objects, accounts, and at last what opened them. Idempotent. */
export async function removeLineage(fleet: Fleet, timeline: Timeline): Promise<void> {
  await each(timeline.sites, (site) => closeAccount(fleet, timeline, site));
  await fleet.secrets.deleteOfBackups(timeline.clusterId, timeline.id);
  // At last: what is marked is not looked at again.
  await fleet.inventory.timelines.markRemoved(timeline.id);
}

/** Undoes {@link openLineage}. */
export async function closeLineage(fleet: Fleet, at: StepRef): Promise<void> {
  const timeline = await fleet.inventory.timelines.get(timelineIdOf(at));
  if (timeline) await removeLineage(fleet, timeline);
}

/** The lineage that the cluster archives into, null where it has none. @throws PASSPHRASE_LOST. */
export async function currentLineage(fleet: Fleet, { cluster }: ClusterView): Promise<Lineage | null> {
  const timeline = await fleet.inventory.timelines.current(cluster.id);
  return timeline && lineageOf(fleet, timeline);
}

/** @throws BACKUPS_NOT_CONFIGURED, PASSPHRASE_LOST. */
export async function requireLineage(fleet: Fleet, view: ClusterView): Promise<Lineage> {
  const lineage = await currentLineage(fleet, view);
  if (!lineage) throw new HoldfastError('BACKUPS_NOT_CONFIGURED', { name: view.cluster.name });
  return lineage;
}

/** With the keys of all its sites. @throws PASSPHRASE_LOST. */
export async function lineageOf(fleet: Pick<Fleet, 'secrets' | 'storage'>, timeline: Timeline): Promise<Lineage> {
  const ref = { projectId: timeline.projectId, clusterId: timeline.clusterId };
  const read = (name: string): Promise<string> => fleet.secrets.read({ ...ref, name }).catch(orLost(timeline));
  const repositories = timeline.sites.map(async (site): Promise<Repository> => {
    const kept = parseAccount(await read(SECRET_NAMES.siteAccount(timeline.id, site)));
    const credentials = fleet.storage.currentKeys(site, timeline.id, kept);
    return { place: fleet.storage.place(site, timeline.id), credentials };
  });
  // Together: a failure of one that nobody waits for yet would end the process.
  const [passphrase, ...opened] = await Promise.all([
    read(SECRET_NAMES.backupPassphrase(timeline.id)),
    ...repositories,
  ]);
  return { timeline, passphrase, repositories: opened };
}

/** What opens backups was deleted, or encrypted under a key that is gone: that no retry brings back. */
const orLost =
  ({ id }: Timeline) =>
  (error: unknown): never => {
    if (!(error instanceof HoldfastError) || !LOST.includes(error.code)) throw error;
    throw new HoldfastError('PASSPHRASE_LOST', { lineage: id, detail: error.message }, { cause: error });
  };
const LOST: readonly ErrorCode[] = ['NOT_FOUND', 'SECRET_UNREADABLE'];
