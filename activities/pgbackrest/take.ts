import type { Backup } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError, tellsAbsence } from '../../domain/errors';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { fencedHostOf, hostOf, reachableNode } from '../fleet';
import type { Host } from '../host/host';
import { cancelJob, cleanJob, jobUnit } from '../host/jobs';
import { runJob } from '../host/run-job';
import { sh } from '../host/shell';
import { findPrimary, runSql } from '../postgres/psql';
import { sql } from '../postgres/sql';
import { progressTo } from '../progress';
import { backupArguments, pgbackrest } from './commands';
import { BACKUP_CONFIG_FILE } from './config';
import type { Lineage } from './config';

/** pgBackRest tells each file that it has copied; the largest of PostgreSQL has 1 GiB. */
const STALL_MS = 15 * 60_000;

/** Where a backup is taken, and what that node is. */
export interface Chosen {
  readonly node: ReachableNode;
  readonly role: NonNullable<Backup['nodeRole']>;
}

/**
 * The node that the backup was begun on, as long as it answers; else the replica that is least behind, else the primary.
 * Written down, so that a retry finds the jobs of the first try.
 */
export async function chooseNode(fleet: Fleet, at: StepRef, view: ClusterView, backup: Backup): Promise<Chosen> {
  if (backup.node !== null && backup.nodeRole !== null) {
    const node = reachableNode(view, backup.node);
    if (await answers(hostOf(fleet, view, node))) return { node, role: backup.nodeRole };
  }
  const primary = await findPrimary(fleet, view);
  const replica = await nearestReplica(fleet, view, primary);
  const chosen: Chosen = replica ? { node: replica, role: 'replica' } : { node: primary, role: 'primary' };
  await fleet.inventory.backups.recordNode(at, chosen.node.name, chosen.role);
  return chosen;
}

/** False: its host is away. */
export async function answers(host: Host): Promise<boolean> {
  try {
    await host.run(sh`true`, { title: 'see whether the host answers' });
    return true;
  } catch (error) {
    if (tellsAbsence(error)) return false;
    throw error;
  }
}

/** The replica that is least behind; null where none streams. */
export async function nearestReplica(
  fleet: Fleet,
  view: ClusterView,
  primary: ReachableNode,
): Promise<ReachableNode | null> {
  const nearest = sql`SELECT application_name FROM pg_stat_replication
    WHERE state = 'streaming' ORDER BY replay_lsn DESC NULLS LAST, application_name LIMIT 1`;
  const name = await runSql(view, hostOf(fleet, view, primary), 'postgres', nearest, 'find the nearest replica');
  const found = view.nodes.find((node) => node.name === name);
  return found ? reachableNode(view, found.name) : null;
}

/**
 * Copies the database to each site in turn, as a host job on each. What was copied already stays; a site that fails does
 * not keep the others from theirs.
 * @throws BACKUP_FAILED for the first site that failed; as {@link runJob}.
 */
export async function copyToSites(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  { lineage, backup, chosen }: { lineage: Lineage; backup: Backup; chosen: Chosen },
): Promise<void> {
  const host = fencedHostOf(fleet, at, view, chosen.node);
  const failures: HoldfastError[] = [];
  for (const [i, { place }] of lineage.repositories.entries()) {
    try {
      await copyToSite(fleet, at, host, { lineage, backup, repository: i + 1, site: place.site });
    } catch (error) {
      failures.push(failureOf(place.site, error));
    }
  }
  const [failure] = failures;
  if (failure) throw failure;
}

async function copyToSite(
  fleet: Fleet,
  at: StepRef,
  host: Host,
  copy: { lineage: Lineage; backup: Backup; repository: number; site: string },
): Promise<void> {
  const { lineage, backup, repository, site } = copy;
  const command = pgbackrest(
    BACKUP_CONFIG_FILE,
    lineage.timeline.id,
    ...backupArguments(repository, backup.type, backup.id),
  );
  const job = {
    unit: jobUnit(at.operationId, `backup-${site}`, at.lane),
    description: `Holdfast: ${backup.type} backup to ${site}`,
    user: 'postgres',
    command: sh`exec ${command} 2>&1`,
  };
  try {
    await runJob(host, job, { stallMs: STALL_MS, onProgress: progressTo(fleet, at, toldOf(site)) });
  } catch (error) {
    // It holds pgBackRest's lock, and the other sites wait: what it has copied is taken up by the next try.
    if (isStall(error)) {
      await cancelJob(host, job.unit);
      await cleanJob(host, job.unit);
    }
    throw error;
  }
}

const isStall = (error: unknown): boolean => error instanceof HoldfastError && error.code === 'STEP_DEADLINE_EXCEEDED';

/** A store that is away for a while is the common case: the next try copies what is missing. */
function failureOf(site: string, error: unknown): HoldfastError {
  if (!(error instanceof HoldfastError)) throw error;
  if (isStall(error)) return new HoldfastError('BACKUP_FAILED', { site, detail: error.message }, { cause: error });
  if (error.code !== 'HOST_JOB_FAILED') throw error;
  const output = String(error.values['output'] ?? '');
  return new HoldfastError('BACKUP_FAILED', { site, detail: saidBy(output) }, { cause: error });
}

/** The last error that pgBackRest told, without its time and process. */
function saidBy(output: string): string {
  const errors = output.split('\n').filter((line) => line.includes('ERROR:'));
  return (errors.at(-1) ?? output.split('\n').at(-1) ?? '').replace(/^.*ERROR: /, '').slice(0, 300);
}

/** `P01 DETAIL: backup file … (8MB, 34.12%) checksum …`: the percentage is what people want to see. */
const toldOf =
  (site: string) =>
  (line: string): string | null => {
    const percent = /(\d+(?:\.\d+)?)%\)/.exec(line)?.[1];
    return percent === undefined ? null : `${site}: ${percent} %`;
  };
