import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { HoldfastError } from '../../domain/errors';
import type { Swap } from '../../domain/swaps';
import type { NodeName } from '../../domain/topology';
import { ETCD_CLIENT_PORT } from '../etcd/config';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf, hostOf, reachableNode } from '../fleet';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { CA_FILE, certificateFile, keyFile } from '../host/tls-paths';
import { findPrimary, runSql } from '../postgres/psql';
import { sql } from '../postgres/sql';
import { nodeOf } from './make';
import type { Places } from './places';

/** The exchange of the data itself: all that happens while nobody can write. */

const STOP_TIMEOUT_MS = 310_000;
const START_TIMEOUT_S = 120;

/* Of a data directory whose server was stopped: number of its log, how it was stopped, and where that log left the one before. */
const LOG = `set -eu
binaries=$1 data=$2
say() { "$binaries/pg_controldata" "$data" | sed -n "s/^$1: *//p"; }
number=$(say "Latest checkpoint's TimeLineID")
history=$data/pg_wal/$(printf %08X "$number").history
fork=$(grep -v '^ *#' "$history" 2>/dev/null | awk 'NF { lsn = $2 } END { print lsn }' || :)
printf '%s|%s|%s|%s\\n' "$number" "$(say 'Database cluster state')" "$fork" "$(say "Latest checkpoint's REDO WAL file")"`;

export interface StoppedData {
  readonly log: number;
  readonly isClean: boolean;
  /** It followed a primary when it stopped. */
  readonly isReplica: boolean;
  readonly forkLsn: string | null;
  /** The last segment of the log that it has. */
  readonly segment: string;
}

export async function lookAtData(host: Host, { binaries }: Places, data: string): Promise<StoppedData> {
  const shown = await host.run(sh`runuser -u postgres -- sh -c ${LOG} sh ${binaries} ${data}`, {
    title: 'look at the data',
  });
  const [log = '', state = '', fork = '', segment = ''] = shown.trim().split('|');
  return {
    log: Number(log),
    isClean: state === 'shut down',
    isReplica: state.includes('recovery'),
    forkLsn: fork === '' ? null : fork,
    segment,
  };
}

/**
 * Sees that the new data is whole on every node, and that its log has a number that the cluster has not used meanwhile.
 * @throws RESTORE_FAILED.
 */
export async function demandReady(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  swap: Swap,
  places: Places,
): Promise<void> {
  const node = nodeOf(view, swap);
  const host = fencedHostOf(fleet, at, view, node);
  const { log, isClean, forkLsn } = await lookAtData(host, places, places.data);
  if (!isClean) throw new HoldfastError('RESTORE_FAILED', { host: host.label, detail: 'it was not stopped well' });
  for (const other of dataNodesOf(view)) {
    await hostOf(fleet, view, other).run(sh`test -s ${`${places.data}/PG_VERSION`}`, {
      title: 'see that the copy is there',
    });
  }
  const primary = hostOf(fleet, view, await findPrimary(fleet, view));
  const query = sql`SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int`;
  const current = Number(await runSql(view, primary, 'postgres', query, 'look at the log that is written'));
  await fleet.inventory.swaps.note(at, { newLog: log, ...(forkLsn !== null && { forkLsn }) });
  await demandAbove(fleet, at, current);
  // The less is left to be written then, the sooner each of them stops.
  await each(dataNodesOf(view), (one) =>
    runSql(view, hostOf(fleet, view, one), 'postgres', sql`CHECKPOINT`, 'write out what is in memory'),
  );
}

/* A host that boots in the middle of it must not start what is half exchanged. */
const STOP = `set -u
binaries=$1 main=$2
rm -f /etc/systemd/system/multi-user.target.wants/patroni.service && sync -f /etc/systemd/system
systemctl stop patroni || exit
server() { runuser -u postgres -- "$binaries/pg_ctl" -D "$main" "$@"; }
# After a loss of power the file is there, and the server is not.
if [ -e "$main/postmaster.pid" ] && server status >/dev/null; then server -m fast -w -t 300 stop || exit; fi`;

/* Its Patroni takes no decision any more once this has returned. */
const BEGIN_TO_STOP = sh`rm -f /etc/systemd/system/multi-user.target.wants/patroni.service && systemctl stop --no-block patroni`;

/** Stops PostgreSQL on every node; the replicas begin, so that none is promoted. Idempotent. */
export async function stopAll(fleet: Fleet, at: StepRef, view: ClusterView, places: Places): Promise<void> {
  const { swaps } = fleet.inventory;
  const known = (await swaps.ofOperation(at.operationId)).keptOn;
  const primary = known === null ? await findPrimary(fleet, view) : reachableNode(view, known);
  if (known === null) await swaps.note(at, { keptOn: primary.name });
  const hostFor = (node: ReachableNode): Host => fencedHostOf(fleet, at, view, node);
  const replicas = dataNodesOf(view).filter(({ name }) => name !== primary.name);
  await each(replicas, (node) => hostFor(node).run(BEGIN_TO_STOP, { title: 'begin to stop PostgreSQL' }));
  await each([primary, ...replicas], (node) =>
    hostFor(node).run(sh`sh -c ${STOP} sh ${places.binaries} ${places.main}`, {
      title: 'stop PostgreSQL',
      timeoutMs: STOP_TIMEOUT_MS,
    }),
  );
  const stopped = await Promise.all(
    dataNodesOf(view).map(async (node) => ({
      name: node.name,
      ...(await lookAtData(hostFor(node), places, places.main)),
    })),
  );
  const last = lastPrimary(stopped, primary.name);
  await swaps.note(at, { keptOn: last.name, oldLog: last.log });
  await demandAbove(fleet, at, last.log);
}

type Stopped = StoppedData & { readonly name: NodeName };

/**
 * Of data nodes that were stopped, the one that was the primary at last: a failover may have come in between. It has the newest
 * log, and did not follow another one.
 *
 * @param known the one that was the primary before.
 */
export function lastPrimary(stopped: readonly Stopped[], known: NodeName): Stopped {
  const [last] = [...stopped].sort(
    (one, other) =>
      other.log - one.log ||
      Number(one.isReplica) - Number(other.isReplica) ||
      Number(other.name === known) - Number(one.name === known),
  );
  if (!last) throw new HoldfastError('NOT_FOUND', { kind: 'primary of', ref: known });
  return last;
}

/** @throws RESTORE_FAILED when the cluster has failed over since the new data was made. */
async function demandAbove(fleet: Fleet, at: StepRef, current: number): Promise<void> {
  const { newLog, node } = await fleet.inventory.swaps.ofOperation(at.operationId);
  if (newLog !== null && newLog > current) return;
  const detail = `the cluster has failed over meanwhile, and its log has the number ${current} now: cancel, and restore again`;
  throw new HoldfastError('RESTORE_FAILED', { host: node ?? '', detail });
}

/** Has the old data serve again. Idempotent. */
export async function startOld(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  await each(dataNodesOf(view), (node) =>
    fencedHostOf(fleet, at, view, node).run(START, { title: 'start PostgreSQL', timeoutMs: STOP_TIMEOUT_MS }),
  );
  await findPrimary(fleet, view, START_TIMEOUT_S);
}

/* Each rename is whole or not done: whoever comes again goes on with the other one. */
const EXCHANGE = `set -eu
main=$1 data=$2 kept=$3
if [ -e "$data" ]; then
  if [ -e "$main" ]; then
    install -d -m 700 -o postgres -g postgres "$kept"
    mv -T "$main" "$kept/data"
  fi
  mv -T "$data" "$main"
fi
sync -f "$main"`;

/** Puts the new data in the place of the old on every node, and has Patroni forget who was the primary and how far it was. Idempotent. */
export async function exchange(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  swap: Swap,
  places: Places,
): Promise<void> {
  const { binaries, main, data, kept } = places;
  await fleet.inventory.swaps.pass(at);
  await each(dataNodesOf(view), async (node) => {
    const host = fencedHostOf(fleet, at, view, node);
    // It may have lost power before it had forgotten to start, and serve again.
    await host.run(sh`sh -c ${STOP} sh ${binaries} ${main}`, { title: 'stop PostgreSQL', timeoutMs: STOP_TIMEOUT_MS });
    const title = 'put the new data in the place of the old';
    await host.run(sh`sh -c ${EXCHANGE} sh ${main} ${data} ${kept}`, { title });
  });
  await forgetPrimary(fencedHostOf(fleet, at, view, nodeOf(view, swap)), view);
}

/* Its system identifier and its settings stay. Positions of the old data would keep the new one from ever being the primary. */
const FORGET = `folder=$1; shift
for key in leader status optime/leader sync failover failsafe; do "$@" del "$folder/$key" >&2 || exit; done`;

async function forgetPrimary(host: Host, { cluster }: ClusterView): Promise<void> {
  await host.run(sh`sh -c ${FORGET} sh ${folderOf(cluster)} ${ETCDCTL}`, { title: 'forget who was the primary' });
}

const folderOf = ({ id }: ClusterView['cluster']): string => `/holdfast/${id}`;

const ETCDCTL = [
  'etcdctl',
  `--endpoints=https://127.0.0.1:${ETCD_CLIENT_PORT}`,
  `--cacert=${CA_FILE}`,
  `--cert=${certificateFile('patroni')}`,
  `--key=${keyFile('patroni')}`,
];

const START = sh`systemctl add-wants --quiet --no-reload multi-user.target patroni && systemctl start patroni`;

/* Whoever has the lease is about to be promoted: the others can begin to follow it. */
const LEASED = `name=$1 folder=$2; shift 2
until [ "$("$@" get --print-value-only "$folder/leader")" = "$name" ]; do sleep 0.1; done`;

/** Starts the node that has the new log, and the others once it has the lease. Idempotent. */
export async function startAll(fleet: Fleet, at: StepRef, view: ClusterView, swap: Swap): Promise<void> {
  const first = nodeOf(view, swap);
  const start = (node: ReachableNode): Promise<string> =>
    fencedHostOf(fleet, at, view, node).run(START, { title: 'start PostgreSQL', timeoutMs: STOP_TIMEOUT_MS });
  await start(first);
  const others = dataNodesOf(view).filter(({ name }) => name !== first.name);
  if (others.length > 0)
    await hostOf(fleet, view, first).run(sh`sh -c ${LEASED} sh ${first.name} ${folderOf(view.cluster)} ${ETCDCTL}`, {
      title: 'wait for the lease',
      timeoutMs: START_TIMEOUT_S * 1000,
    });
  await each(others, start);
  await findPrimary(fleet, view, START_TIMEOUT_S);
}
