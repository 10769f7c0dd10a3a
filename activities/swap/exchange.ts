import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { HoldfastError } from '../../domain/errors';
import type { Swap } from '../../domain/swaps';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf, hostOf, reachableNode } from '../fleet';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { beginToStop, startOn, STOP, STOP_TIMEOUT_MS, stopOn } from '../patroni/halt';
import { ETCDCTL, keysOf } from '../patroni/keys';
import { giveLease, lastPrimary, lookAtData } from '../patroni/last-primary';
import { findPrimary, runSql } from '../postgres/psql';
import { sql } from '../postgres/sql';
import { onNodesThere } from './away';
import { nodeOf } from './make';
import type { Places } from './places';

/** The exchange of the data itself: all that happens while nobody can write. */

const START_TIMEOUT_S = 120;

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
  // The less is left to be written then, the sooner each of them stops. One whose PostgreSQL does not run has nothing to write.
  await each(dataNodesOf(view), (one) =>
    runSql(view, hostOf(fleet, view, one), 'postgres', sql`CHECKPOINT`, 'write out what is in memory').catch(
      unlessItRuns,
    ),
  );
}

function unlessItRuns(error: unknown): void {
  if (!(error instanceof HoldfastError) || error.code !== 'HOST_COMMAND_FAILED') throw error;
}

/** Stops PostgreSQL on every node; the replicas begin, so that none is promoted. Idempotent. */
export async function stopAll(fleet: Fleet, at: StepRef, view: ClusterView, places: Places): Promise<void> {
  const { swaps } = fleet.inventory;
  const known = (await swaps.ofOperation(at.operationId)).keptOn;
  const primary = known === null ? await findPrimary(fleet, view) : reachableNode(view, known);
  if (known === null) await swaps.note(at, { keptOn: primary.name });
  const hostFor = (node: ReachableNode): Host => fencedHostOf(fleet, at, view, node);
  const replicas = dataNodesOf(view).filter(({ name }) => name !== primary.name);
  await each(replicas, (node) => beginToStop(hostFor(node)));
  await each([primary, ...replicas], (node) => stopOn(hostFor(node), places));
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

/** @throws RESTORE_FAILED when the cluster has failed over since the new data was made. */
async function demandAbove(fleet: Fleet, at: StepRef, current: number): Promise<void> {
  const { newLog, node } = await fleet.inventory.swaps.ofOperation(at.operationId);
  if (newLog !== null && newLog > current) return;
  const detail = `the cluster has failed over meanwhile, and its log has the number ${current} now: cancel, and restore again`;
  throw new HoldfastError('RESTORE_FAILED', { host: node ?? '', detail });
}

/** Has the old data serve again. Idempotent. */
export async function startOld(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  await each(dataNodesOf(view), (node) => startOn(fencedHostOf(fleet, at, view, node)));
  await findPrimary(fleet, view, START_TIMEOUT_S);
}

/*
 * The host may have lost power before it had forgotten to start, and serve again. Each rename is whole or not done: whoever
 * comes again goes on with the other one.
 */
const EXCHANGE = `${STOP}
set -e
data=$3 kept=$4
if [ -e "$data" ]; then
  if [ -e "$main" ]; then
    install -d -m 700 -o postgres -g postgres "$kept"
    mv -T "$main" "$kept/data"
  fi
  mv -T "$data" "$main"
fi
sync -f "$main"`;

/** Puts the new data in the place of the old on every node that answers, and has Patroni forget who was the primary and how far it was. Idempotent. */
export async function exchange(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  swap: Swap,
  places: Places,
): Promise<void> {
  await fleet.inventory.swaps.pass(at);
  const first = nodeOf(view, swap);
  await onNodesThere(fleet, at, view, first.name, (node) => exchangeOn(fencedHostOf(fleet, at, view, node), places));
  await forgetPrimary(fencedHostOf(fleet, at, view, first), view);
}

/** On one node, whose PostgreSQL does not run afterwards. Idempotent. */
export async function exchangeOn(host: Host, { binaries, main, data, kept }: Places): Promise<void> {
  await host.run(sh`sh -c ${EXCHANGE} sh ${binaries} ${main} ${data} ${kept}`, {
    title: 'put the new data in the place of the old',
    timeoutMs: STOP_TIMEOUT_MS,
  });
}

/* Its system identifier and its settings stay. Positions of the old data would keep the new one from ever being the primary. */
const FORGET = `folder=$1; shift
{ echo; printf "del $folder/%s\\n" leader status optime/leader sync failover failsafe; echo; echo; } | "$@" txn >&2`;

async function forgetPrimary(host: Host, { cluster }: ClusterView): Promise<void> {
  await host.run(sh`sh -c ${FORGET} sh ${keysOf(cluster)} ${ETCDCTL}`, { title: 'forget who was the primary' });
}

/** Starts those nodes that answer; the one that has the new log becomes the primary. Idempotent. */
export async function startAll(fleet: Fleet, at: StepRef, view: ClusterView, swap: Swap): Promise<void> {
  const first = nodeOf(view, swap);
  const host = fencedHostOf(fleet, at, view, first);
  await giveLease(host, view, first.name);
  // It asks the others whether they would rather be the primary, and waits for those that are about to come.
  await startOn(host);
  await onNodesThere(fleet, at, view, first.name, (node) => startOn(fencedHostOf(fleet, at, view, node)));
  await findPrimary(fleet, view, START_TIMEOUT_S);
}
