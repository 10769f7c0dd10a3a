import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { fencedHostOf, otherDataNodes } from '../fleet';
import type { Host } from '../host/host';
import { cancelJob, cleanJob, jobStatus, jobUnit, startJob } from '../host/jobs';
import type { JobUnit } from '../host/jobs';
import { sh } from '../host/shell';
import { plainWord } from '../host/config-text';
import { SYSTEM_ROLES } from '../patroni/hba';
import { runSqlAt } from '../postgres/psql';
import type { SqlText } from '../postgres/sql';
import { sql } from '../postgres/sql';
import { waitWhileItMoves } from '../progress';
import { ASIDE_PORT } from './places';
import type { Places } from './places';

/**
 * PostgreSQL on the new data, beside the one that serves: a host job. Nobody but the control plane's superuser can log in, and
 * other data nodes to copy it; it leaves the archiving to the cluster, subscribes to nothing and takes little memory.
 */

/** Nothing replayed for so long. */
const STALL_MS = 10 * 60_000;

export const asideUnit = (at: StepRef): JobUnit => jobUnit(at.operationId, 'aside');

/** Starts it unless it runs. */
export async function startAside(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  node: ReachableNode,
  places: Places,
): Promise<void> {
  const host = fencedHostOf(fleet, at, view, node);
  const others = otherDataNodes(view, node.name);
  await host.putFiles([
    { path: places.hba, content: `${hbaLines(others).join('\n')}\n`, mode: 0o600, owner: 'postgres:postgres' },
  ]);
  const socket = sh`install -d -m 700 -o postgres -g postgres ${places.socket}`;
  await host.run(socket, { title: 'make the folder of the socket' });
  const unit = asideUnit(at);
  // What failed is told by whoever waits for it; who comes again wants another try.
  if ((await jobStatus(host, unit)).state === 'failed') await cleanJob(host, unit);
  const settings = Object.entries(settingsOf(node, others, places)).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  await startJob(host, {
    unit,
    description: 'Holdfast: PostgreSQL beside the data of the cluster',
    user: 'postgres',
    // A crash leaves a lock behind; nobody else works in that folder.
    command: sh`PATH=${places.binaries}:$PATH; exec postgres -D ${places.data} ${settings} 2>&1`,
  });
}

function hbaLines(others: readonly ReachableNode[]): string[] {
  const { superuser, replication } = SYSTEM_ROLES;
  return [
    `local all ${superuser} peer`,
    ...others.map(
      (node) =>
        `hostssl replication ${replication} ${plainWord(node.privateAddress)}/32 scram-sha-256 clientcert=verify-ca`,
    ),
    'local all all reject',
    'host all all all reject',
  ];
}

/** What the configuration of the cluster says, which is in the data, does not count here. */
function settingsOf(
  node: ReachableNode,
  others: readonly ReachableNode[],
  { hba, socket }: Places,
): Readonly<Record<string, string>> {
  return {
    listen_addresses: others.length === 0 ? '' : node.privateAddress,
    port: String(ASIDE_PORT),
    unix_socket_directories: socket,
    hba_file: hba,
    ident_file: '/dev/null',
    // What is to be archived gathers until the data is the cluster's: without it the archive would lack the beginning of its log,
    // and no later restore could tell where that comes from.
    archive_mode: 'on',
    archive_command: '',
    synchronous_standby_names: '',
    primary_conninfo: '',
    primary_slot_name: '',
    max_logical_replication_workers: '0',
    autovacuum: 'off',
    // The memory is for the one that serves.
    shared_buffers: '64MB',
    logging_collector: 'off',
    log_destination: 'stderr',
  };
}

/** As superuser. */
export function askAside(
  view: ClusterView,
  host: Host,
  { socket }: Places,
  script: SqlText,
  title: string,
): Promise<string> {
  return runSqlAt(view, host, { socket, port: ASIDE_PORT }, 'postgres', script, title);
}

/**
 * Waits until it has come to its target and writes a log of its own, as long as it gets on.
 * @throws RESTORE_FAILED when it gave up, such as when the log ends before the target.
 */
export async function waitForAside(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  node: ReachableNode,
  places: Places,
): Promise<void> {
  const host = fencedHostOf(fleet, at, view, node);
  await waitWhileItMoves({
    goal: () => isPromoted(view, host, at, places),
    position: () => replayed(host, places),
    stallMs: STALL_MS,
    onMove: async (position) => {
      if (position !== NOT_REPLAYING)
        await fleet.inventory.operations.recordProgress(at.operationId, at.stepId, position);
    },
  });
}

async function isPromoted(view: ClusterView, host: Host, at: StepRef, places: Places): Promise<boolean> {
  const status = await jobStatus(host, asideUnit(at));
  if (status.state !== 'running') {
    const output = status.state === 'failed' ? status.output : 'PostgreSQL ended by itself';
    const detail = output.split('\n').findLast((line) => /FATAL|PANIC|ERROR/.test(line)) ?? output.slice(-300);
    throw new HoldfastError('RESTORE_FAILED', { host: host.label, detail });
  }
  try {
    return (
      (await askAside(view, host, places, sql`SELECT NOT pg_is_in_recovery()`, 'see how far the replay is')) === 't'
    );
  } catch (error) {
    // It does not let anybody in before it is consistent.
    if (error instanceof HoldfastError && error.code === 'HOST_COMMAND_FAILED') return false;
    throw error;
  }
}

/* Two looks a second at most. */
const REPLAYED = `sleep 0.5
"$1/pg_controldata" "$2" 2>/dev/null | sed -n 's/^Minimum recovery ending location: *//p'`;

/** Before the first record, and after the last one. */
const NOT_REPLAYING = 'it replays nothing';
const told = (position: string): string =>
  ['', '0/0'].includes(position) ? NOT_REPLAYING : `replayed up to ${position}`;

async function replayed(host: Host, { binaries, data }: Places): Promise<string> {
  const position = await host.run(sh`runuser -u postgres -- sh -c ${REPLAYED} sh ${binaries} ${data}`, {
    title: 'see how far the replay is',
  });
  return told(position.trim());
}

const STOP = `set -eu
binaries=$1 data=$2
[ ! -e "$data/postmaster.pid" ] || "$binaries/pg_ctl" -D "$data" -m fast -w -t 300 stop >&2`;

/** Ends it with a checkpoint; nothing to do where it does not run. Idempotent. */
export async function stopAside(host: Host, at: StepRef, { binaries, data }: Places): Promise<void> {
  const unit = asideUnit(at);
  if ((await jobStatus(host, unit)).state === 'running')
    await host.run(sh`runuser -u postgres -- sh -c ${STOP} sh ${binaries} ${data}`, {
      title: 'stop PostgreSQL beside the old data',
      timeoutMs: 310_000,
    });
  await cancelJob(host, unit);
  await cleanJob(host, unit);
}

/** Ends all that works beside the old data and deletes it. Idempotent. */
export async function removeAside(
  host: Host,
  at: StepRef,
  { folder }: Places,
  files: readonly string[],
): Promise<void> {
  for (const step of ['aside', 'aside-data', 'aside-copy']) {
    await cancelJob(host, jobUnit(at.operationId, step));
    await cleanJob(host, jobUnit(at.operationId, step));
  }
  await host.run(sh`rm -rf ${folder} && rm -f ${files}`, {
    title: 'delete what is beside the data',
    timeoutMs: 300_000,
  });
}
