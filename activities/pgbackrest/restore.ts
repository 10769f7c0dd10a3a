import type { Timeline } from '../../domain/backups';
import type { Cluster, StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import type { ClusterId } from '../../domain/ids';
import { HoldfastError } from '../../domain/errors';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf, hostOf, secretRef, viewCluster } from '../fleet';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { RESTORE_MARK } from '../patroni/config';
import { waitWhileItMoves } from '../progress';
import { findPrimary, runSql } from '../postgres/psql';
import { binariesOf, dataDirectory } from '../postgres/paths';
import { sql } from '../postgres/sql';
import { SECRET_NAMES } from '../secrets/stored-secrets';
import { sourceOf } from './archive';
import { ARCHIVE_GET_FILE, LOST } from './archive-get';
import { beginAnew, isRestored, WAS_INTERRUPTED } from './begin-anew';
import { requireSound } from './checks';
import { RESTORE_CONFIG_FILE } from './config';
import { originOf } from './origin';
import { OF_PATRONI, readFrom, setReadBy, tellRead } from './read-set';
import { closeLog } from './window';

/** Nothing copied and nothing replayed for so long. */
const STALL_MS = 10 * 60_000;
const LOOK_S = 3;
/** Between two looks: each shows in PostgreSQL's log while it replays. */
const PAUSE_S = 1;

export interface RestoreActivities {
  /**
   * Sees that the backups are there that the cluster shall be made from, and takes over the owner's password where it is to
   * be kept, and the certificate authority of a cluster whose place it takes. Idempotent. Retry: `long`. Effects: these
   * secrets. Undo: forgetCluster.
   */
  findSource(at: StepRef): Promise<void>;
  /**
   * Waits until one data node has restored the data, replayed the log up to the target and become the primary, as long as
   * it gets on. Writes down which site and which set it read. Takes away what the restore left behind: its settings, and what
   * opens the other cluster's backups. Idempotent. Retry: `long`.
   * @throws RESTORE_FAILED when PostgreSQL or pgBackRest gave up; STEP_DEADLINE_EXCEEDED when nothing moves any more.
   */
  waitForData(at: StepRef): Promise<void>;
  /**
   * Looks at what came back: its checksums, how much there is, and tables and indexes of every database for damage, the catalogs and as many
   * others as it gets to within seconds. The set that was restored counts as proven then. Where one database is taken out of backups, it looks at
   * that one alone: the others may be zeros, and damage there is none of what is wanted; the set is not proven by that. One that did not come
   * back is left to whoever needs it. Idempotent. Retry: `long`. Effects: what is written down of the operation and of that set. Undo: none.
   * @throws RESTORE_DAMAGED: what was restored is not offered to anybody.
   */
  checkData(at: StepRef): Promise<void>;
}

export function createRestoreActivities(fleet: Fleet): RestoreActivities {
  return {
    async findSource(at) {
      const { cluster } = await viewCluster(fleet, at.clusterId);
      const { origin } = cluster;
      if (!origin) throw new HoldfastError('NOT_FOUND', { kind: 'origin of cluster', ref: cluster.name });
      const source = await sourceOf(fleet, origin);
      if (origin.target.kind === 'latest') await archiveLatest(fleet, origin.clusterId);
      if (origin.undeletes) await takeAuthority(fleet, cluster, source.timeline);
      if (!origin.keepsCredentials) return;
      const name = SECRET_NAMES.role(cluster.spec.owner);
      await fleet.secrets.ensure(secretRef(cluster, name), () => ownerPassword(fleet, source.timeline, name));
    },

    async waitForData(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const since = await clocksOf(fleet, view);
      await waitWhileItMoves({
        goal: () => hasPrimary(fleet, view),
        position: () => restorePosition(fleet, at, view, since),
        stallMs: STALL_MS,
        onMove: (position) => fleet.inventory.operations.recordProgress(at.operationId, at.stepId, position),
      });
      const primary = await findPrimary(fleet, view);
      const origin = await originOf(fleet, at, view.cluster);
      if (origin?.target.kind === 'latest') await demandWholeLog(fleet, view, primary);
      await runSql(view, fencedHostOf(fleet, at, view, primary), 'postgres', FORGET_TARGET, 'forget the target');
      if (origin) await tellRead(fleet, at, await readFrom(fleet, hostOf(fleet, view, primary), OF_PATRONI, origin));
      await each(dataNodesOf(view), (node) => forgetSource(fencedHostOf(fleet, at, view, node)));
    },

    async checkData(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const host = hostOf(fleet, view, await findPrimary(fleet, view));
      const origin = await originOf(fleet, at, view.cluster);
      const only = await wantedAlone(fleet, at);
      if (only !== null && !(await isThere(view, host, only))) return;
      const read = origin && (await setReadBy(fleet, at, origin.timelineId));
      await requireSound(fleet, at, view, host, { read, only });
    },
  };
}

/** The database that an operation takes out of backups; null: it wants all of them. */
async function wantedAlone({ inventory }: Fleet, { operationId }: StepRef): Promise<string | null> {
  const operation = await inventory.operations.get(operationId);
  return operation?.kind === 'restore-database' ? (await inventory.dumps.extractOf(operationId)).source : null;
}

async function isThere(view: ClusterView, host: Host, database: string): Promise<boolean> {
  const query = sql`SELECT 1 FROM pg_catalog.pg_database WHERE datallowconn AND datname = ${database}`;
  return (await runSql(view, host, 'postgres', query, 'see that the database came back')) !== '';
}

/** A source that does not answer is restored up to what it archived while it did. */
async function archiveLatest(fleet: Fleet, clusterId: ClusterId): Promise<void> {
  const view = await viewCluster(fleet, clusterId);
  if (view.cluster.deletedAt !== null) return;
  try {
    await closeLog(view, hostOf(fleet, view, await findPrimary(fleet, view, LOOK_S)));
  } catch (error) {
    if (!(error instanceof HoldfastError) || !error.retryable) throw error;
  }
}

/** Of the source, also when that was deleted. */
async function ownerPassword(fleet: Fleet, timeline: Timeline, name: string): Promise<string> {
  const { id, projectId, clusterId } = timeline;
  const known = await fleet.secrets.find({ projectId, clusterId, name });
  return known ?? fleet.secrets.read({ projectId, clusterId, name: SECRET_NAMES.backupOwner(id) });
}

/** One that was deleted before authorities were kept has none: then the new cluster makes its own. */
async function takeAuthority(fleet: Fleet, cluster: Cluster, { id, projectId, clusterId }: Timeline): Promise<void> {
  const kept = await fleet.secrets.find({ projectId, clusterId, name: SECRET_NAMES.backupAuthority(id) });
  if (kept !== null) await fleet.secrets.ensure(secretRef(cluster, SECRET_NAMES.authority), () => kept);
}

/** What the restore wrote for the time of the recovery would hold for the next one too. */
export const FORGET_TARGET = sql`
ALTER SYSTEM RESET restore_command;
ALTER SYSTEM RESET recovery_target_time;
ALTER SYSTEM RESET recovery_target_lsn;
ALTER SYSTEM RESET recovery_target_xid;
ALTER SYSTEM RESET recovery_target_name;
ALTER SYSTEM RESET recovery_target;
ALTER SYSTEM RESET recovery_target_inclusive;
ALTER SYSTEM RESET recovery_target_action;
ALTER SYSTEM RESET recovery_target_timeline;
SELECT pg_reload_conf();`;

/** A retry does not count what failed before it. By the hosts' own clocks. */
async function clocksOf(fleet: Fleet, view: ClusterView): Promise<ReadonlyMap<string, string>> {
  const clocks = dataNodesOf(view).map(async (node) => {
    const time = await hostOf(fleet, view, node).run(sh`date +%s`, { title: 'ask for the time' });
    return [node.name, time.trim()] as const;
  });
  return new Map(await Promise.all(clocks));
}

/*
 * To PostgreSQL a segment that could not be fetched is the end of the log: it becomes the primary without what follows.
 * Only what was said since the data was last restored counts.
 */
const LOST_SEGMENT = `journalctl --unit patroni --since @0 --no-pager --output cat |
  awk '/ restore command begin/ { lost = "" } /P[0-9]+ +(ERROR|ASSERT): / { said = $0 } /^${LOST} / { lost = $0 ": " said } END { print lost }'`;

/** @throws RESTORE_FAILED when a store failed while the newest commits were read. */
async function demandWholeLog(fleet: Fleet, view: ClusterView, primary: ReachableNode): Promise<void> {
  const host = hostOf(fleet, view, primary);
  const lost = (await host.run(sh`sh -c ${LOST_SEGMENT}`, { title: 'see that no segment was missed' })).trim();
  if (lost === '') return;
  const detail = `a store failed while the log was read, so the newest commits may be missing (${lost}): cancel, and restore again`;
  throw new HoldfastError('RESTORE_FAILED', { host: host.label, detail });
}

/** The keys to the stores of the other cluster have no business here any more. */
async function forgetSource(host: Host): Promise<void> {
  await host.run(sh`rm -f ${[RESTORE_CONFIG_FILE, ARCHIVE_GET_FILE]}`, { title: 'forget where the data came from' });
}

const INTERRUPTED = 'interrupted';

async function hasPrimary(fleet: Fleet, view: ClusterView): Promise<boolean> {
  try {
    return await isRestored(fleet, view, await findPrimary(fleet, view, LOOK_S));
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'NOT_YET') return false;
    throw error;
  }
}

/*
 * Prints `failed WORDS` when PostgreSQL gave up, or pgBackRest on every site that it was to read, with what it said of each,
 * `interrupted` when the node has failed in the middle, else how much data is there and up to where the log is being replayed.
 * Exported for its test.
 */
export const LOOK = `set -eu
${WAS_INTERRUPTED}
sleep ${PAUSE_S}
data=$1 controldata=$2 since=$3
if was_interrupted "$4"; then echo interrupted; exit 0; fi
journal() { journalctl --unit patroni --since "@$since" --no-pager --output cat; }
given_up=$(journal | awk '/P[0-9]+ +(ERROR|ASSERT): / { said = $0 }
  /restore command end: aborted/ { said = tried said; tried = said "; " }
  /restore command end: completed/ { said = tried = last = "" }
  /(FATAL|PANIC|CRITICAL): / && !/the database system is/ { last = $0 }
  /recovery ended before configured recovery target/ { said = $0; failed = 1 }
  /Failed to bootstrap cluster/ { failed = 1; if (said == "") said = last == "" ? $0 : last; exit }
  END { if (failed) print said }')
if [ -n "$given_up" ]; then echo "failed $given_up"; exit 0; fi
size=$(du -sm "$data" 2>/dev/null | cut -f1)
replayed=$("$controldata" "$data" 2>/dev/null | sed -n 's/^Minimum recovery ending location: *//p')
case \${replayed:-0/0} in 0/0) replayed= ;; esac
echo "\${size:-0} MiB\${replayed:+, replayed up to $replayed}"
`;

async function restorePosition(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  since: ReadonlyMap<string, string>,
): Promise<string> {
  const looks = await Promise.all(
    dataNodesOf(view).map((node) => lookAtRestore(fleet, view, node, since.get(node.name) ?? '0')),
  );
  const failed = looks.find((look) => look.text.startsWith('failed '));
  if (failed) {
    const detail = failed.text.slice('failed '.length);
    throw new HoldfastError('RESTORE_FAILED', { host: `${view.cluster.name}/${failed.node.name}`, detail });
  }
  const interrupted = looks.filter(({ text }) => text === INTERRUPTED).map(({ node }) => node);
  if (interrupted.length > 0) {
    await beginAnew(fleet, at, view, interrupted);
    return `begun anew, because ${interrupted.map(({ name }) => name).join(' and ')} failed in the middle`;
  }
  // The node that won the race has the most.
  return looks.map(({ text }) => text).sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10))[0] ?? '';
}

async function lookAtRestore(
  fleet: Fleet,
  view: ClusterView,
  node: ReachableNode,
  since: string,
): Promise<{ node: ReachableNode; text: string }> {
  const { version } = view.cluster.spec;
  const values = [dataDirectory(version), `${binariesOf(version)}/pg_controldata`, since, RESTORE_MARK];
  const text = await hostOf(fleet, view, node).run(sh`sh -c ${LOOK} sh ${values}`, {
    title: 'see how the restore gets on',
  });
  return { node, text: text.trim() };
}
