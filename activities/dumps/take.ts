import { z } from 'zod';
import type { StepRef } from '../../domain/clusters';
import { isOfAll } from '../../domain/dump-schedules';
import type { Dump } from '../../domain/dumps';
import { HoldfastError, tellsAbsence } from '../../domain/errors';
import type { ClusterView, Fleet } from '../fleet';
import { fencedHostOf, hostOf } from '../fleet';
import { tellsFailedCommand } from '../host/errors';
import type { Host } from '../host/host';
import type { Job, JobUnit } from '../host/jobs';
import { jobUnit } from '../host/jobs';
import { runJob } from '../host/run-job';
import { sh } from '../host/shell';
import type { DumpArchive } from '../inventory/dump-tables';
import { SYSTEM_ROLES } from '../patroni/hba';
import { binariesOf, DATA_FOLDER, SOCKET_FOLDER } from '../postgres/paths';
import { findPrimary, runSql, untilTrue } from '../postgres/psql';
import { fragment, sql } from '../postgres/sql';
import type { SqlText } from '../postgres/sql';
import { progressTo } from '../progress';
import { ARCHIVE_PROGRAM } from './archive-program';
import { asPostgres, choosePlace, clearOthers, DUMPS, jobsOn, scratchOf } from './node';
import type { Place } from './node';
import { CAN_DUMP, canDumpAsOf, IS_TENANTS } from './role';
import { DUMP, NO_DATABASE, NO_ROOM } from './scripts';

/** A large table may be read for long without a word, but what is written of it grows. */
export const STALL_MS = 15 * 60_000;
/** How long a replica may take to hear of the role, and of all that was there. */
const REPLAY_S = 60;

/** Of the job that dumps. */
export const dumpUnit = (at: StepRef): JobUnit => jobUnit(at.operationId, 'dump', at.lane);

/** What is to be dumped, as it is now. */
interface Contents {
  readonly names: readonly string[];
  readonly bytes: number;
  /** All of it was written by there. */
  readonly lsn: string;
}

/**
 * Dumps into the scratch folder of a data node, and writes down what came of it. A replica that had to end the dump, because
 * what it read was to be removed, leaves the next try to the primary.
 * @throws DUMP_FAILED, DUMP_IMPOSSIBLE for a database that is not there and a volume without room.
 */
export async function takeDump(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  const dump = await fleet.inventory.dumps.ofOperation(at.operationId);
  const contents = await contentsOf(fleet, view, dump);
  const place = await readyPlace(fleet, at, view, { dump, contents });
  await fleet.inventory.dumps.recordNode(at, place.node.name, place.role, contents.bytes);
  const host = fencedHostOf(fleet, at, view, place.node);
  await clearOthers(host, at, dumpUnit(at), DUMPS);
  try {
    await runJob(host, dumpJob(at, view, dump, contents), {
      stallMs: STALL_MS,
      onProgress: progressTo(fleet, at, (line) => line),
    });
  } catch (error) {
    throw await failureOf(fleet, at, view, { dump, place, bytes: contents.bytes }, error);
  }
  await fleet.inventory.dumps.recordArchive(at, await readSeal(host, at, dump));
}

/** Where all that is to be dumped has come to. A replica that is too far behind, or away, leaves it to the primary. */
async function readyPlace(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  { dump, contents }: { dump: Dump; contents: Contents },
): Promise<Place> {
  const place = await choosePlace(fleet, view, dump, dumpUnit(at));
  if (place.isBegun) return place;
  const ready = async ({ node }: Place, query: SqlText): Promise<void> =>
    untilTrue(view, fencedHostOf(fleet, at, view, node), query, {
      title: 'wait until the role may dump what is there',
      timeoutS: REPLAY_S,
    });
  try {
    await ready(place, place.role === 'replica' ? canDumpAsOf(contents.lsn) : CAN_DUMP);
    return place;
  } catch (error) {
    if (place.role === 'primary' || !tellsNotReady(error)) throw error;
  }
  const primary: Place = { node: await findPrimary(fleet, view), role: 'primary', isBegun: false };
  await ready(primary, CAN_DUMP);
  return primary;
}

const tellsNotReady = (error: unknown): boolean => tellsAbsence(error) || tellsFailedCommand(error);

async function contentsOf(fleet: Fleet, view: ClusterView, dump: Dump): Promise<Contents> {
  const primary = hostOf(fleet, view, await findPrimary(fleet, view));
  const wanted = namesOf(dump);
  const which =
    wanted === null ? IS_TENANTS : sql`datname IN (SELECT json_array_elements_text(${JSON.stringify(wanted)}))`;
  const query = sql`SELECT json_build_object(
    'names', coalesce(json_agg(datname ORDER BY datname), '[]'),
    'bytes', coalesce(sum(pg_database_size(oid)), 0),
    'lsn', pg_current_wal_flush_lsn())
    FROM pg_catalog.pg_database WHERE ${fragment(which)}`;
  const found = await runSql(view, primary, 'postgres', query, 'look at the databases');
  const shape = z.object({ names: z.array(z.string()), bytes: z.number(), lsn: z.string() });
  const contents = shape.parse(JSON.parse(found));
  const missing = (wanted ?? []).filter((name) => !contents.names.includes(name));
  if (contents.names.length > 0 && missing.length === 0) return contents;
  const list = sql`SELECT coalesce(json_agg(datname ORDER BY datname), '[]') FROM pg_catalog.pg_database WHERE ${fragment(IS_TENANTS)}`;
  const there = await runSql(view, primary, 'postgres', list, 'list the databases');
  const detail = missingInWords(missing, await ordererOf(fleet, view), z.array(z.string()).parse(JSON.parse(there)));
  throw new HoldfastError('DUMP_IMPOSSIBLE', { detail });
}

/** Of one that is thrown away nobody knows the name. */
async function ordererOf({ inventory }: Fleet, { cluster: { name, drillOf } }: ClusterView): Promise<string> {
  const source = drillOf && (await inventory.clusters.get(drillOf));
  return source ? `what was restored of cluster ${source.name}` : `cluster ${name}`;
}

/** @param where `cluster shop`. @param there names of the databases that it has. Exported for its test. */
export function missingInWords(missing: readonly string[], where: string, there: readonly string[]): string {
  const quoted = (names: readonly string[]): string[] => names.map((name) => JSON.stringify(name));
  const what = ['there is no database', ...(missing.length > 0 ? [quoted(missing).join(' and no ')] : [])].join(' ');
  return `${what} in ${where}${there.length === 0 ? '' : `, but there ${there.length === 1 ? 'is' : 'are'} ${quoted(there).join(', ')}`}`;
}

/** Null: all. */
const namesOf = ({ database, selection }: Dump): readonly string[] | null =>
  database === null ? selection : [database];

/** Half of what the databases have: they are compressed, and without their indexes. */
const neededBytes = (databaseBytes: number): number => Math.ceil(databaseBytes / 2);

function dumpJob(at: StepRef, view: ClusterView, dump: Dump, { names, bytes }: Contents): Job {
  const { version } = view.cluster.spec;
  const values = [
    ...[scratchOf(DUMPS, at), DATA_FOLDER, binariesOf(version), SOCKET_FOLDER, SYSTEM_ROLES.dumper, jobsOn(view)],
    ...[compressionOf(version), neededBytes(bytes), isOfAll(dump) ? 'roles' : '', ARCHIVE_PROGRAM],
    ...[isOfAll(dump) ? 'all' : 'named', ...names],
  ];
  const about = {
    format: 1,
    dump: dump.id,
    cluster: view.cluster.name,
    postgresql: version,
    startedAt: dump.startedAt,
    roles: isOfAll(dump),
  };
  return {
    unit: dumpUnit(at),
    description: `Holdfast: dump of ${view.cluster.name}`,
    isBackground: true,
    command: asPostgres(DUMP, values),
    stdin: JSON.stringify({ about, names }),
  };
}

/** PostgreSQL 15 knows gzip only. */
const compressionOf = (version: Dump['version']): string => (version === '15' ? '6' : 'zstd:3');

/** @throws DUMP_FAILED when it is the seal of another dump. */
async function readSeal(host: Host, at: StepRef, { id }: Dump): Promise<DumpArchive> {
  const path = `${scratchOf(DUMPS, at)}/content.sealed`;
  const { dump, ...archive } = parseSeal(await host.run(sh`cat ${path}`, { title: 'read what was dumped' }));
  if (dump === id) return archive;
  throw new HoldfastError('DUMP_FAILED', { detail: `what lies on ${host.label} is dump ${dump}, not ${id}` });
}

const parseSeal = (text: string): DumpArchive & { readonly dump: string } =>
  z
    .object({ dump: z.string(), databases: z.array(z.string()), sizeBytes: z.number(), checksum: z.string() })
    .parse(JSON.parse(text));

async function failureOf(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  { dump, place, bytes }: { dump: Dump; place: Place; bytes: number },
  error: unknown,
): Promise<unknown> {
  if (!isJobFailure(error)) return error;
  const detail = saidBy(error);
  if (error.values['exitCode'] === NO_ROOM) return new HoldfastError('DUMP_IMPOSSIBLE', { detail }, { cause: error });
  if (error.values['exitCode'] === NO_DATABASE) {
    const gone = (namesOf(dump) ?? []).map((name) => JSON.stringify(name)).join(' or ');
    return new HoldfastError('DUMP_IMPOSSIBLE', { detail: `database ${gone} is gone` }, { cause: error });
  }
  if (place.role === 'replica' && /conflict with recovery/.test(String(error.values['output']))) {
    const primary = await findPrimary(fleet, view);
    await fleet.inventory.dumps.recordNode(at, primary.name, 'primary', bytes);
  }
  return new HoldfastError('DUMP_FAILED', { detail }, { cause: error });
}

type JobFailure = HoldfastError & { readonly code: 'HOST_JOB_FAILED' };

export function isJobFailure(error: unknown): error is JobFailure {
  return error instanceof HoldfastError && error.code === 'HOST_JOB_FAILED';
}

/** The first error that a program told, because others follow from it; else the last line. */
export function saidBy({ values }: HoldfastError): string {
  const lines = String(values['output'] ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const told = lines.find((line) => /ERROR|error:|FATAL/.test(line)) ?? lines.at(-1) ?? 'it said nothing';
  return told.replace(/^(?:\S+: )?(?:ERROR|error): +/, '').slice(0, 300);
}
