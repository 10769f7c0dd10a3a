import type { StepRef } from '../../domain/clusters';
import { dumpKey } from '../../domain/dumps';
import type { Dump, DumpRestore } from '../../domain/dumps';
import { HoldfastError } from '../../domain/errors';
import type { SiteName } from '../../domain/sites';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { fencedHostOf, hostOf, viewCluster } from '../fleet';
import type { Host } from '../host/host';
import type { Job, JobUnit } from '../host/jobs';
import { jobStatus, jobUnit } from '../host/jobs';
import { runJob } from '../host/run-job';
import { binariesOf, DATA_FOLDER, SOCKET_FOLDER } from '../postgres/paths';
import { findPrimary, runSql } from '../postgres/psql';
import { sql } from '../postgres/sql';
import { progressTo } from '../progress';
import { ARCHIVE_PROGRAM } from './archive-program';
import { asPostgres, clearNodes, clearOthers, jobsOn, RESTORES, scratchOf } from './node';
import { NO_ROOM, NOT_FETCHED, RESTORE } from './scripts';
import { asideOf, createAside, dropAside, swapIn } from './swap';
import { tellsNoSite } from './store';
import { isJobFailure, saidBy, STALL_MS } from './take';

export interface DumpRestoreActivities {
  /**
   * Looks whether the dump is there and may go where it is wanted. Changes nothing. Retry: `remote`.
   * @throws DATABASE_EXISTS, DUMP_IMPOSSIBLE.
   */
  checkDumpRestore(at: StepRef): Promise<void>;
  /**
   * Restores into a database of another name, as the owner's role. Idempotency: a host job; a database that none works on is
   * made anew. Retry: `backup`, a few times. Effects: a database, files on the primary. Undo: dropRestoredDump.
   * @throws DUMP_FAILED, DUMP_IMPOSSIBLE.
   */
  restoreDump(at: StepRef): Promise<void>;
  /** Undoes restoreDump. Idempotent. Retry: `remote`. */
  dropRestoredDump(at: StepRef): Promise<void>;
  /**
   * Gives the database its name; one that has it is dropped, where that was asked for. Idempotent. Retry: `remote`.
   * Effects: databases. Undo: none.
   */
  swapDatabases(at: StepRef): Promise<void>;
  /** Removes what the restore needed only while it ran. Idempotent. Retry: `remote`. */
  clearDumpRestore(at: StepRef): Promise<void>;
}

export function createDumpRestoreActivities(fleet: Fleet): DumpRestoreActivities {
  const primaryOf = async (at: StepRef, view: ClusterView): Promise<Host> =>
    fencedHostOf(fleet, at, view, await findPrimary(fleet, view));
  const clear = (at: StepRef, view: ClusterView): Promise<void> =>
    clearNodes(view, (node) => fencedHostOf(fleet, at, view, node), [restoreUnit(at)], RESTORES);
  return {
    checkDumpRestore: async (at) => checkDumpRestore(fleet, at, await viewCluster(fleet, at.clusterId)),
    restoreDump: async (at) => restoreDump(fleet, at, await viewCluster(fleet, at.clusterId)),

    async dropRestoredDump(at) {
      const view = await viewCluster(fleet, at.clusterId);
      await clear(at, view);
      await runSql(view, await primaryOf(at, view), 'postgres', dropAside(asideOf(at)), 'drop what was restored');
    },

    async swapDatabases(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const restore = await orderOf(fleet, at);
      const script = swapIn(asideOf(at), restore.database, restore.replace);
      await runSql(view, await primaryOf(at, view), 'postgres', script, 'give the database its name');
    },

    async clearDumpRestore(at) {
      await clear(at, await viewCluster(fleet, at.clusterId));
    },
  };
}

const restoreUnit = (at: StepRef): JobUnit => jobUnit(at.operationId, 'restore-dump', at.lane);

/** What is restored and how; the dump is one of any cluster of the project. */
async function orderOf(fleet: Fleet, at: StepRef): Promise<Omit<DumpRestore, 'dumpId'> & { readonly dump: Dump }> {
  const { dump, restore } = await fleet.inventory.dumps.useOf(at.operationId);
  if (!restore) throw new HoldfastError('NOT_FOUND', { kind: 'restore of operation', ref: at.operationId });
  return { dump, ...restore };
}

async function checkDumpRestore(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  const { dump, database, source, replace } = await orderOf(fleet, at);
  if (dump.copies.length === 0 || !dump.databases.includes(source))
    throw new HoldfastError('DUMP_IMPOSSIBLE', { detail: `dump ${dump.id} has no database ${JSON.stringify(source)}` });
  const primary = hostOf(fleet, view, await findPrimary(fleet, view));
  const query = sql`SELECT count(*) FROM pg_catalog.pg_database WHERE datname = ${database}`;
  const found = await runSql(view, primary, 'postgres', query, 'look for the database');
  if (found !== '0' && !replace) throw new HoldfastError('DATABASE_EXISTS', { cluster: view.cluster.name, database });
}

async function restoreDump(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  const order = await orderOf(fleet, at);
  const primary = await findPrimary(fleet, view);
  const host = fencedHostOf(fleet, at, view, primary);
  await clearOthers(host, at, restoreUnit(at), RESTORES);
  const said: string[] = [];
  for (const { site } of order.dump.copies) {
    try {
      return await restoreFrom(fleet, at, view, { ...order, host, site });
    } catch (error) {
      said.push(await reasonOf(fleet, view, primary, site, error));
    }
  }
  throw new HoldfastError('DUMP_FAILED', { detail: said.join('; ') });
}

interface Source {
  readonly dump: Dump;
  readonly source: string;
  readonly host: Host;
  readonly site: SiteName;
}

async function restoreFrom(fleet: Fleet, at: StepRef, view: ClusterView, from: Source): Promise<void> {
  const { host } = from;
  // Of the try that began it the database is there, and half full.
  if ((await jobStatus(host, restoreUnit(at))).state === 'not-started')
    await runSql(view, host, 'postgres', createAside(asideOf(at), view.cluster.spec.owner), 'make the database');
  const job = await restoreJob(fleet, at, view, from);
  await runJob(host, job, {
    stallMs: STALL_MS,
    onProgress: progressTo(fleet, at, (line) => `from ${from.site}: ${line}`),
  });
}

const URL_S = 86_400;
/** What is compressed gets larger by so much, with its indexes. */
const GROWTH = 4;

async function restoreJob(fleet: Fleet, at: StepRef, view: ClusterView, { dump, source, site }: Source): Promise<Job> {
  const { version, owner } = view.cluster.spec;
  const { id, timelineId, sizeBytes, checksum, databases } = dump;
  const needed = (sizeBytes ?? 0) * (1 + GROWTH);
  const values = [
    ...[scratchOf(RESTORES, at), DATA_FOLDER, binariesOf(version), SOCKET_FOLDER, owner, jobsOn(view), needed],
    ...[ARCHIVE_PROGRAM, asideOf(at), databases.indexOf(source) + 1],
  ];
  const url = await fleet.storage.large.signDownload(site, timelineId, dumpKey(id), URL_S);
  return {
    unit: restoreUnit(at),
    description: `Holdfast: restore of a dump into ${view.cluster.name}`,
    command: asPostgres(RESTORE, values),
    stdin: JSON.stringify({ url, sizeBytes, checksum, ca: fleet.storage.place(site, timelineId).caPem }),
  };
}

/**
 * What a site, or the way to it, said: another one is tried then. @throws DUMP_IMPOSSIBLE for what no other try cures; what no
 * site has a part in, such as a host that is away and comes back.
 */
async function reasonOf(
  fleet: Fleet,
  view: ClusterView,
  primary: ReachableNode,
  site: SiteName,
  error: unknown,
): Promise<string> {
  if (!(error instanceof HoldfastError) || (!isJobFailure(error) && !tellsNoSite(error))) throw error;
  if (!isJobFailure(error) || error.values['exitCode'] === NOT_FETCHED)
    return `site ${site}: ${isJobFailure(error) ? saidBy(error) : error.message}`;
  const detail = saidBy(error);
  if (error.values['exitCode'] === NO_ROOM) throw new HoldfastError('DUMP_IMPOSSIBLE', { detail }, { cause: error });
  // A primary that went away in the middle of it says all sorts of things.
  const now = await findPrimary(fleet, view);
  if (now.name !== primary.name || /connection|terminat|shut ?down|starting up/i.test(String(error.values['output'])))
    throw new HoldfastError('DUMP_FAILED', { detail }, { cause: error });
  throw new HoldfastError('DUMP_IMPOSSIBLE', { detail }, { cause: error });
}
