import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { HoldfastError } from '../../domain/errors';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf, hostOf } from '../fleet';
import { tellsFailedCommand, TIMEOUT_EXIT_CODE } from '../host/errors';
import type { Host } from '../host/host';
import type { MainData } from '../patroni/halt';
import { beginToStop, startOn, stopOn } from '../patroni/halt';
import type { StoppedData } from '../patroni/last-primary';
import { giveLease, lastPrimary, lastSyncLeader, lookAtData } from '../patroni/last-primary';
import { binariesOf, dataDirectory } from '../postgres/paths';
import { findPrimary, IS_PRIMARY, runSql, untilTrue } from '../postgres/psql';
import { sql } from '../postgres/sql';
import { demandMajority, nodesThere, orNullIfAway } from './there';

/** PostgreSQL of all data nodes of a cluster. */

const START_TIMEOUT_S = 120;
/** For so long the others wait for it. */
const ALONE_S = 30;

const placesOf = ({ cluster }: ClusterView): MainData => ({
  binaries: binariesOf(cluster.spec.version),
  main: dataDirectory(cluster.spec.version),
});

/**
 * See PowerActivities.stopPostgres. Patroni of all of them stands still before PostgreSQL of the first one stops: nobody takes over, and
 * what etcd knows of the quorum stays.
 */
export async function stopPostgres(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  const hostFor = (node: ReachableNode): Host => fencedHostOf(fleet, at, view, node);
  const nodes = await nodesThere(view, dataNodesOf(view));
  await each(nodes, (node) => beginToStop(hostFor(node)));
  const served = await Promise.all(nodes.map((node) => isPrimary(fleet, view, node)));
  const stop = (node: ReachableNode): Promise<string> => stopOn(hostFor(node), placesOf(view));
  await each(
    nodes.filter((_, i) => !served[i]),
    stop,
  );
  await each(
    nodes.filter((_, i) => served[i]),
    stop,
  );
}

async function isPrimary(fleet: Fleet, view: ClusterView, node: ReachableNode): Promise<boolean> {
  const query = sql`SELECT NOT pg_is_in_recovery()`;
  try {
    return (await runSql(view, hostOf(fleet, view, node), 'postgres', query, 'see who is the primary')) === 't';
  } catch (error) {
    // An earlier try has stopped it.
    if (tellsFailedCommand(error)) return false;
    throw error;
  }
}

/** See PowerActivities.startPostgres. */
export async function startPostgres(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  const hostFor = (node: ReachableNode): Host => fencedHostOf(fleet, at, view, node);
  const stopped = await lookAtStopped(view, hostFor);
  const nodes = stopped.map(({ node }) => node);
  demandMajority(view, nodes);
  const holder = await findHolder(view, stopped, hostFor);
  if (holder) {
    await giveLease(hostFor(holder), view, holder.name);
    // Patroni that starts a primary asks the others first, and would rather have one of them that is there already.
    await startOn(hostFor(holder));
    await serves(fleet, view, holder);
  }
  await each(nodes, (node) => startOn(hostFor(node)));
  await findPrimary(fleet, view, START_TIMEOUT_S);
}

interface StoppedNode {
  readonly node: ReachableNode;
  readonly data: StoppedData;
}

/** Those whose hosts are there. */
async function lookAtStopped(view: ClusterView, hostFor: (node: ReachableNode) => Host): Promise<StoppedNode[]> {
  const places = placesOf(view);
  const looks = (await nodesThere(view, dataNodesOf(view))).map(async (node) => {
    const data = await orNullIfAway(lookAtData(hostFor(node), places, places.main));
    return data === null ? [] : [{ node, data }];
  });
  return (await Promise.all(looks)).flat();
}

/**
 * Who is to be the primary: the one whom Patroni has written down as the last one, whose commits the others may lack. Whoever was promoted
 * after him would have been written down before. Where that one is away, or follows another one by its data, it is Patroni's to say: it
 * lets nobody be the primary who may lack a commit.
 *
 * @returns null: Patroni chooses.
 */
async function findHolder(
  view: ClusterView,
  stopped: readonly StoppedNode[],
  hostFor: (node: ReachableNode) => Host,
): Promise<ReachableNode | null> {
  const [first] = stopped;
  if (!first) throw new HoldfastError('NOT_FOUND', { kind: 'data node of', ref: view.cluster.name });
  const leader = await lastSyncLeader(hostFor(first.node), view);
  if (leader !== null) return stopped.find(({ node, data }) => node.name === leader && !data.isReplica)?.node ?? null;
  // With nobody to wait for, it writes down nothing.
  if (stopped.length < dataNodesOf(view).length) return null;
  const last = lastPrimary(
    stopped.map(({ node: { name }, data }) => ({ name, ...data })),
    first.node.name,
  );
  return stopped.find(({ node }) => node.name === last.name)?.node ?? null;
}

/** Waits for it, as long as it may come by itself: it may be another one's turn. */
async function serves(fleet: Fleet, view: ClusterView, node: ReachableNode): Promise<void> {
  const options = { title: 'wait for the primary', timeoutS: ALONE_S };
  await untilTrue(view, hostOf(fleet, view, node), IS_PRIMARY, options).catch((error: unknown) => {
    if (!(error instanceof HoldfastError) || error.values['exitCode'] !== TIMEOUT_EXIT_CODE) throw error;
  });
}
