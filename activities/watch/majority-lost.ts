import type { Loss, Silence, WayBack } from '../../domain/losses';
import { dataNodesLost, STORM, withoutQuorum } from '../../domain/losses';
import type { StepTitle } from '../../domain/operations';
import { hostToken } from '../cloud/tokens';
import type { ClusterView, Fleet } from '../fleet';
import { orderByItself } from './order';

/** Clusters of which too many data nodes are silent for anybody to go on by itself. */

type Majority = Extract<Silence, { kind: 'majority' }>;

/**
 * What is told where the hosts of too many data nodes are off or gone for sure; null: nothing is known for sure. Where it is all of them,
 * and backups bring their data back, that is ordered, and waits for somebody's approval.
 *
 * @param isOver whether a node had its time to come back.
 */
export async function judgeMajority(
  fleet: Fleet,
  view: ClusterView,
  { nodes, all }: Majority,
  isOver: (node: Majority['nodes'][number]) => boolean,
  steps: readonly StepTitle[],
): Promise<Loss | null> {
  const { cluster, cloud } = view;
  const hosts = await Promise.all(nodes.map((node) => cloud.findHost(hostToken(cluster, node))));
  if (hosts.some((host) => host?.running)) return null;
  // Of what its owner has given, a cloud does not know whether it is there.
  if (!nodes.every((node, i) => isOver(node) || (!cloud.machines && hosts[i] === null))) return null;
  if (!all) return withoutQuorum(nodes);
  const way = await wayBack(fleet, view);
  if (way === 'recover' && !(await wasRefused(fleet, view)))
    await orderByItself(fleet, view, { kind: 'recover', summary: 'all its data nodes are lost', steps });
  return dataNodesLost(cluster.name, way);
}

async function wayBack({ inventory: { timelines } }: Fleet, { cluster, cloud }: ClusterView): Promise<WayBack> {
  const timeline = await timelines.current(cluster.id);
  if (!timeline || (await timelines.getWindow(timeline.id)) === null) return 'none';
  return cloud.machines ? 'restore' : 'recover';
}

/** Somebody has cancelled it, or it has failed, a short while ago. */
async function wasRefused({ inventory }: Fleet, { cluster }: ClusterView): Promise<boolean> {
  const recent = await inventory.replacements.listRecent('recover', STORM.withinS);
  return recent.some(
    ({ clusterId, state }) => clusterId === cluster.id && (state === 'failed' || state === 'cancelled'),
  );
}
