import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { HoldfastError } from '../../domain/errors';
import { hostToken } from '../cloud/tokens';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf, hostOf } from '../fleet';
import { tellsFailedCommand, TIMEOUT_EXIT_CODE } from '../host/errors';
import type { Host } from '../host/host';
import type { MainData } from '../patroni/halt';
import { beginToStop, startOn, stopOn } from '../patroni/halt';
import { giveLease, lastPrimary, lookAtData } from '../patroni/last-primary';
import { binariesOf, dataDirectory } from '../postgres/paths';
import { findPrimary, IS_PRIMARY, runSql, untilTrue } from '../postgres/psql';
import { sql } from '../postgres/sql';

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
  const nodes = await nodesThatRun(view);
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

/** Nothing has to be stopped on a host that is off. */
async function nodesThatRun({ cloud, cluster, ...view }: ClusterView): Promise<ReachableNode[]> {
  const nodes = dataNodesOf({ cloud, cluster, ...view });
  if (!cloud.fences) return nodes;
  const hosts = await Promise.all(nodes.map(({ name }) => cloud.findHost(hostToken(cluster, name))));
  return nodes.filter((_, i) => hosts[i]?.running !== false);
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
  const places = placesOf(view);
  const hostFor = (node: ReachableNode): Host => fencedHostOf(fleet, at, view, node);
  const nodes = dataNodesOf(view);
  const [first] = nodes;
  if (!first) throw new HoldfastError('NOT_FOUND', { kind: 'data node of', ref: view.cluster.name });
  const stopped = await Promise.all(
    nodes.map(async (node) => ({ name: node.name, ...(await lookAtData(hostFor(node), places, places.main)) })),
  );
  const last = lastPrimary(stopped, first.name);
  const holder = nodes.find(({ name }) => name === last.name) ?? first;
  await giveLease(hostFor(holder), view, holder.name);
  // Patroni that starts a primary asks the others first, and would rather have one of them that is there already.
  await startOn(hostFor(holder));
  await serves(fleet, view, holder);
  await each(nodes, (node) => startOn(hostFor(node)));
  await findPrimary(fleet, view, START_TIMEOUT_S);
}

/** Waits for it, as long as it may come by itself: it may be another one's turn. */
async function serves(fleet: Fleet, view: ClusterView, node: ReachableNode): Promise<void> {
  const options = { title: 'wait for the primary', timeoutS: ALONE_S };
  await untilTrue(view, hostOf(fleet, view, node), IS_PRIMARY, options).catch((error: unknown) => {
    if (!(error instanceof HoldfastError) || error.values['exitCode'] !== TIMEOUT_EXIT_CODE) throw error;
  });
}
