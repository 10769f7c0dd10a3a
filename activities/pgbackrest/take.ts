import type { Backup } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { Fork } from '../../domain/swaps';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf, hostOf, reachableNode } from '../fleet';
import type { Host } from '../host/host';
import { cancelJob, cleanJob, jobUnit } from '../host/jobs';
import { runJob } from '../host/run-job';
import { isOutOfReach, tellsFailedCommand } from '../host/errors';
import { sh } from '../host/shell';
import { findPrimary, runSql } from '../postgres/psql';
import type { SqlText } from '../postgres/sql';
import { sql } from '../postgres/sql';
import { progressTo } from '../progress';
import type { StoragePlace } from '../storage/storage';
import { backupArguments, pgbackrest } from './commands';
import { BACKUP_CONFIG_FILE, BACKUP_PARAMETERS } from './config';
import type { Lineage } from './config';
import { whatFailed } from './failure';

/** pgBackRest tells each file that it has copied; the largest of PostgreSQL has 1 GiB. */
const STALL_MS = 15 * 60_000;

/** Where a backup is taken, and what that node is. */
export interface Chosen {
  readonly node: ReachableNode;
  readonly role: NonNullable<Backup['nodeRole']>;
}

/**
 * The node that the backup was begun on, as long as its PostgreSQL answers; else the replica that is least behind, else the primary.
 * Written down, so that a retry finds the jobs of the first try. Waits for a primary: without one no try can succeed.
 */
export async function chooseNode(fleet: Fleet, at: StepRef, view: ClusterView, backup: Backup): Promise<Chosen> {
  const primary = await findPrimary(fleet, view);
  const begunOn = backup.node !== null && reachableNode(view, backup.node);
  const node =
    begunOn && (await serves(view, hostOf(fleet, view, begunOn)))
      ? begunOn
      : ((await nearestReplica(fleet, view, primary)) ?? primary);
  // It may have become the primary since.
  const chosen: Chosen = { node, role: node.name === primary.name ? 'primary' : 'replica' };
  const version = await versionOf(view, hostOf(fleet, view, node));
  const start = { node: node.name, role: chosen.role, version, parameters: BACKUP_PARAMETERS };
  await fleet.inventory.backups.recordStart(at, start);
  return chosen;
}

/** Of PostgreSQL as it runs, with its minor: `17.12`. */
async function versionOf(view: ClusterView, host: Host): Promise<string> {
  const query = sql`SELECT current_setting('server_version_num')`;
  const number = Number(await runSql(view, host, 'postgres', query, 'ask for its version'));
  return `${Math.floor(number / 10_000)}.${number % 10_000}`;
}

/** False: its host is away, or fresh and without data yet. */
async function serves(view: ClusterView, host: Host): Promise<boolean> {
  try {
    await versionOf(view, host);
    return true;
  } catch (error) {
    if (isOutOfReach(error) || tellsFailedCommand(error)) return false;
    throw error;
  }
}

/** False: its host is away, or does not let the control plane in. */
export async function answers(host: Host): Promise<boolean> {
  try {
    await host.run(sh`true`, { title: 'see whether the host answers' });
    return true;
  } catch (error) {
    if (isOutOfReach(error)) return false;
    throw error;
  }
}

/** One whose replay is further behind may not come to the beginning of a backup, or to what a dump needs, in the time that it has for it. */
const MOST_BEHIND_BYTES = 256 * 1024 ** 2;

/** Of the primary: names of the replicas that are not further behind, the one that is least behind first. */
export const nearReplicas = (mostBehindBytes: number): SqlText => sql`SELECT application_name FROM pg_stat_replication
  WHERE state = 'streaming' AND pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) <= ${mostBehindBytes}
  ORDER BY replay_lsn DESC, application_name`;

/** The replica that is least behind, of those that answer; null where none streams, or all are far behind. */
export async function nearestReplica(
  fleet: Fleet,
  view: ClusterView,
  primary: ReachableNode,
): Promise<ReachableNode | null> {
  const title = 'find the nearest replica';
  const names = await runSql(view, hostOf(fleet, view, primary), 'postgres', nearReplicas(MOST_BEHIND_BYTES), title);
  for (const name of names.split('\n')) {
    const node = dataNodesOf(view).find((one) => one.name === name);
    if (node && (await answers(hostOf(fleet, view, node)))) return node;
  }
  return null;
}

/**
 * Copies the database to all sites at once, as a host job for each: pgBackRest locks one repository only. What was copied
 * already stays; a site that fails does not keep the others from theirs.
 *
 * @param isFirst of its lineage, on the way of another operation: the first site that takes it is enough.
 * @throws BACKUP_FAILED for the first site that failed, unless it is taken on the way of another operation, and one site has it; as {@link runJob}.
 */
export async function copyToSites(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  { lineage, backup, chosen, isFirst }: { lineage: Lineage; backup: Backup; chosen: Chosen; isFirst: boolean },
): Promise<void> {
  const host = fencedHostOf(fleet, at, view, chosen.node);
  const forks = await fleet.inventory.swaps.forks(lineage.timeline.id);
  const tell = showShares(fleet, at);
  const copies = lineage.repositories.map(({ place }, i): Copy => (signal) => {
    // Nobody uses a cluster yet whose first one it is.
    const copy = { lineage, backup, chosen, forks, repository: i + 1, site: place.site, isBackground: !isFirst };
    return failureOf(fleet, place, copyToSite(at, host, copy, { tell, signal }));
  });
  const failures = await (isFirst ? untilOneSucceeds(copies) : failuresOf(copies));
  const [failure] = failures;
  if (!failure) return;
  if (at.lane === 'backup' || failures.length === copies.length) throw failure;
  const told = `${failure.message.slice(0, 200)}; the next backup brings one there`;
  await fleet.inventory.operations.recordProgress(at.operationId, at.stepId, told);
}

/** Told each line of the job of a site. */
type TellLine = (site: string, line: string) => void;

/** Gives what it failed for, if it did. What it throws ends the try. */
type Copy = (signal?: AbortSignal) => Promise<HoldfastError | null>;

/** Of those before one that succeeded. */
async function untilOneSucceeds(copies: readonly Copy[]): Promise<HoldfastError[]> {
  const failures: HoldfastError[] = [];
  for (const copy of copies) {
    const failure = await copy();
    if (!failure) break;
    failures.push(failure);
  }
  return failures;
}

/**
 * Of all, side by side. When one ends the try the others are followed no more, so that the next try comes at once and finds their jobs; a
 * cancel ends the jobs of all of them.
 */
async function failuresOf(copies: readonly Copy[]): Promise<HoldfastError[]> {
  const over = new AbortController();
  const ended = await Promise.all(
    copies.map((copy) =>
      copy(over.signal).catch((error: unknown) => {
        over.abort(error);
        return null;
      }),
    ),
  );
  over.signal.throwIfAborted();
  return ended.flatMap((failure) => failure ?? []);
}

async function copyToSite(
  at: StepRef,
  host: Host,
  copy: {
    lineage: Lineage;
    backup: Backup;
    chosen: Chosen;
    forks: readonly Fork[];
    repository: number;
    site: string;
    isBackground: boolean;
  },
  { tell, signal }: { tell: TellLine; signal: AbortSignal | undefined },
): Promise<void> {
  const { lineage, backup, chosen, forks, repository, site, isBackground } = copy;
  const command = pgbackrest(
    BACKUP_CONFIG_FILE,
    lineage.timeline.id,
    ...backupArguments(repository, backup.type, { backupId: backup.id, role: chosen.role, forks }),
  );
  const job = {
    unit: jobUnit(at.operationId, `backup-${site}`, at.lane),
    description: `Holdfast: ${backup.type} backup to ${site}`,
    user: 'postgres',
    isBackground,
    // Names of sets are times, and have to grow: in local time they would not where clocks are put back, or nodes differ.
    command: sh`TZ=UTC exec ${command} 2>&1`,
  };
  try {
    const onProgress = (line: string): void => tell(site, line);
    await runJob(host, job, { stallMs: STALL_MS, onProgress, ...(signal && { signal }) });
  } catch (error) {
    // It holds the lock of its repository: what it has copied is taken up by the next try.
    if (isStall(error)) {
      await cancelJob(host, job.unit);
      await cleanJob(host, job.unit);
    }
    throw error;
  }
}

const isStall = (error: unknown): boolean => error instanceof HoldfastError && error.code === 'STEP_DEADLINE_EXCEEDED';

/**
 * What the copy failed for, null when it did not. A store that is away for a while is the common case: the next try copies what
 * is missing.
 */
async function failureOf(
  { storage }: Fleet,
  place: StoragePlace,
  copied: Promise<void>,
): Promise<HoldfastError | null> {
  const { site } = place;
  try {
    await copied;
    return null;
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    if (isStall(error)) return new HoldfastError('BACKUP_FAILED', { site, detail: error.message }, { cause: error });
    if (error.code !== 'HOST_JOB_FAILED') throw error;
    const detail = await whatFailed(storage, place, String(error.values['output'] ?? ''));
    return new HoldfastError('BACKUP_FAILED', { site, detail }, { cause: error });
  }
}

/** `P01 DETAIL: backup file … (8MB, 34.12%) checksum …`: the percentage is what people want to see, of each site. */
function showShares(fleet: Fleet, at: StepRef): TellLine {
  const shares = new Map<string, string>();
  const show = progressTo(fleet, at, (text) => text);
  return (site, line) => {
    const percent = /(\d+(?:\.\d+)?)%\)/.exec(line)?.[1];
    if (percent === undefined) return;
    shares.set(site, `${site}: ${percent} %`);
    show([...shares.values()].join(', '));
  };
}
