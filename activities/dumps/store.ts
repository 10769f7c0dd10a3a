import type { StepRef } from '../../domain/clusters';
import type { Dump } from '../../domain/dumps';
import { DUMP_FOLDER, dumpKey } from '../../domain/dumps';
import { HoldfastError, tellsAbsence } from '../../domain/errors';
import type { ErrorCode } from '../../domain/errors';
import type { SiteName } from '../../domain/sites';
import type { ClusterView, Fleet } from '../fleet';
import { fencedHostOf, reachableNode } from '../fleet';
import type { Host } from '../host/host';
import type { Job, JobUnit } from '../host/jobs';
import { jobUnit } from '../host/jobs';
import { runJob } from '../host/run-job';
import { sh } from '../host/shell';
import { progressTo } from '../progress';
import { MOST_PARTS } from '../storage/uploads';
import { ARCHIVE_PROGRAM } from './archive-program';
import { DUMPS, scratchOf } from './node';
import { isJobFailure, saidBy, STALL_MS } from './take';

/**
 * From the node to the sites. The host sends the archive in parts, by URLs that each let it send one part and no more: no key
 * to a store is needed there, and nothing of the content passes through the worker.
 */

const MIB = 1024 ** 2;
const SMALLEST_PART = 64 * MIB;
/** As long as a step may take. */
const URL_S = 86_400;

export const storeUnit = (at: StepRef, site: SiteName): JobUnit => jobUnit(at.operationId, `store-${site}`, at.lane);

/** Bytes of each part but the last. */
export const partBytes = (sizeBytes: number): number =>
  Math.max(SMALLEST_PART, Math.ceil(sizeBytes / MOST_PARTS / MIB) * MIB);

/** To the first of the lineage's sites that takes it. @throws DUMP_FAILED with what each of them said. */
export async function storeDump(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  const dump = await fleet.inventory.dumps.ofOperation(at.operationId);
  if (dump.copies.length > 0) return;
  const said: string[] = [];
  for (const site of await sitesOf(fleet, dump)) {
    try {
      return await send(fleet, at, view, dump, site);
    } catch (error) {
      said.push(reasonOf(site, error));
    }
  }
  throw new HoldfastError('DUMP_FAILED', { detail: said.join('; ') });
}

/** To the sites that have none yet; one that does not take it keeps no other from its copy. @throws DUMP_FAILED. */
export async function copyDump(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  const dump = await fleet.inventory.dumps.ofOperation(at.operationId);
  const said: string[] = [];
  for (const site of await sitesOf(fleet, dump)) {
    if (dump.copies.some((copy) => copy.site === site)) continue;
    await send(fleet, at, view, dump, site).catch((error: unknown) => said.push(reasonOf(site, error)));
  }
  if (said.length === 0) return;
  const there = dump.copies.map(({ site }) => site).join(' and ');
  throw new HoldfastError('DUMP_FAILED', { detail: `it is on ${there} only: ${said.join('; ')}` });
}

/** Those of the lineage that the dump is to be on; all, where it has left each of them. */
export async function sitesOf(
  { inventory }: Fleet,
  { timelineId, sites }: Pick<Dump, 'timelineId' | 'sites'>,
): Promise<readonly SiteName[]> {
  const timeline = await inventory.timelines.get(timelineId);
  if (!timeline) throw new HoldfastError('NOT_FOUND', { kind: 'backup lineage', ref: timelineId });
  const wanted = timeline.sites.filter((site) => sites?.includes(site) ?? true);
  return wanted.length > 0 ? wanted : timeline.sites;
}

/**
 * Deletes what an unfinished dump has on the sites, and uploads that others have left behind: a dump of the cluster itself, and one
 * that is made from its backups, may run at once. A site that is away or refuses keeps it until the dump or the lineage is
 * deleted: nothing waits for it.
 */
export async function withdraw(fleet: Fleet, dump: Dump): Promise<void> {
  const { large } = fleet.storage;
  const inWork = await fleet.inventory.dumps.inWork(dump.timelineId);
  const kept = inWork.filter((id) => id !== dump.id).map(dumpKey);
  for (const site of await sitesOf(fleet, dump)) {
    try {
      await large.abortUploads(site, dump.timelineId, DUMP_FOLDER, kept);
      // What was stored there, but not written down.
      const isCopy = dump.copies.some((copy) => copy.site === site);
      if (!isCopy) await large.remove(site, dump.timelineId, dumpKey(dump.id));
    } catch (error) {
      if (!tellsNoSite(error)) throw error;
    }
  }
}

/**
 * Deletes the dump on every site, and uploads of it that were begun: also where no copy was written down, since one may have been
 * stored there all the same. One that does not do it keeps no other from it. What a site has that is not configured any more is
 * out of reach for good: nobody waits for it.
 *
 * @returns null when nothing is left of it, else what the first site that did not do it said.
 */
export async function removeEverywhere(fleet: Fleet, dump: Dump): Promise<HoldfastError | null> {
  const { large, sites } = fleet.storage;
  const wanted = new Set([...(await sitesOf(fleet, dump)), ...dump.copies.map(({ site }) => site)]);
  let first: HoldfastError | null = null;
  for (const { name } of sites.filter((site) => wanted.has(site.name))) {
    try {
      await large.abortUploads(name, dump.timelineId, dumpKey(dump.id));
      await large.remove(name, dump.timelineId, dumpKey(dump.id));
    } catch (error) {
      if (!(error instanceof HoldfastError) || !tellsNoSite(error)) throw error;
      first ??= error;
    }
  }
  return first;
}

/** Not a site, which others are there for, but what all need: the host is waited for, rather than that its work is lost. */
const isAwayBesideSites = (error: HoldfastError): boolean => tellsAbsence(error) && error.code !== 'SITE_UNAVAILABLE';

const NO_SITE: readonly ErrorCode[] = ['SITE_UNAVAILABLE', 'SITE_REFUSED', 'NOT_FOUND'];

/** A site is away, refuses, or is not in the sites file any more. */
export const tellsNoSite = (error: unknown): boolean => error instanceof HoldfastError && NO_SITE.includes(error.code);

async function send(fleet: Fleet, at: StepRef, view: ClusterView, dump: Dump, site: SiteName): Promise<void> {
  const { large } = fleet.storage;
  const { id, node, sizeBytes, timelineId } = dump;
  if (node === null || sizeBytes === null) throw new HoldfastError('NOT_FOUND', { kind: 'archive of dump', ref: id });
  const key = dumpKey(id);
  if ((await large.sizeOf(site, timelineId, key)) !== sizeBytes) {
    const upload = await large.beginUpload(site, timelineId, key);
    const size = partBytes(sizeBytes);
    const urls = await large.signParts(upload, Math.ceil(sizeBytes / size), URL_S);
    const { caPem: ca } = fleet.storage.place(site, timelineId);
    const host = fencedHostOf(fleet, at, view, reachableNode(view, node));
    await sendParts(fleet, at, host, site, { urls, partBytes: size, ca });
    await large.finishUpload(upload);
    const stored = await large.sizeOf(site, timelineId, key);
    if (stored !== sizeBytes)
      throw new HoldfastError('DUMP_FAILED', { detail: `${site} has ${stored ?? 'none'} of ${sizeBytes} bytes` });
  }
  await fleet.inventory.dumps.recordCopy(at, site);
}

async function sendParts(fleet: Fleet, at: StepRef, host: Host, site: SiteName, parts: object): Promise<void> {
  const job: Job = {
    unit: storeUnit(at, site),
    description: `Holdfast: send a dump to ${site}`,
    user: 'postgres',
    command: sh`exec python3 -c ${ARCHIVE_PROGRAM} send ${`${scratchOf(DUMPS, at)}/content`} 2>&1`,
    stdin: JSON.stringify(parts),
  };
  await runJob(host, job, { stallMs: STALL_MS, onProgress: progressTo(fleet, at, (line) => `${site}: ${line}`) });
}

/** @throws what the site has no part in: somebody came later, or the host is away, and comes back. */
function reasonOf(site: SiteName, error: unknown): string {
  if (!(error instanceof HoldfastError) || error.code === 'STALE_GENERATION' || isAwayBesideSites(error)) throw error;
  return isJobFailure(error) ? `site ${site}: ${saidBy(error)}` : error.message;
}
