import type { StepRef } from '../../domain/clusters';
import { stateOf } from '../../domain/heartbeats';
import type { Operation } from '../../domain/operations';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { dataNodesOf, fencedHostOf, hostOf } from '../fleet';
import { sh } from '../host/shell';
import { hostState, isOfWhole, nodesThere, orNullIfAway } from '../power/there';
import { onNodesThere } from '../swap/away';
import { startOn } from './halt';

/** Which data nodes an operation waits for before it ends: so many replicas, or those of these names that are replicas. */
export type Waited = number | readonly NodeName[];

/**
 * What works on nodes of a cluster that serves waits for these, and for others that serve: one that is lost can be replaced only when the
 * operation has ended. Whoever works on the whole cluster waits for all that are there.
 */
export async function waitedFor(fleet: Fleet, at: StepRef, view: ClusterView): Promise<Waited> {
  const operation = await fleet.inventory.operations.get(at.operationId);
  const touched = operation && touchedBy(operation);
  if (!touched) return replicasThere(fleet, at, view);
  const heard = await fleet.inventory.heartbeats.of(view.cluster.id);
  const isWaitedFor = async (name: NodeName): Promise<boolean> => {
    // Its fresh host is what the operation is about.
    if (operation.replacement && touched.includes(name)) return true;
    if ((await hostState(view, { name })) !== 'on') return false;
    const last = heard.get(name);
    const state = last ? stateOf(last.role, last.silentMs) : null;
    return touched.includes(name) || (state !== 'silent' && state !== 'down');
  };
  const names = dataNodesOf(view).map(({ name }) => name);
  const waits = await Promise.all(names.map(isWaitedFor));
  return names.filter((_, i) => waits[i]);
}

/** Null: the cluster as a whole. */
function touchedBy({ node, switchover, replacement }: Operation): NodeName[] | null {
  // Whoever took over from one that is replaced is another one, which may be lost as any other.
  const changed = replacement ? [] : [switchover?.from, switchover?.to];
  const names = [node?.name, ...changed].filter((name) => name !== undefined && name !== null);
  return node || switchover ? names : null;
}

/** How many replicas are to follow the primary: all, but in a swap and in a start those that are away. One at least, where there are any. */
async function replicasThere(fleet: Fleet, at: StepRef, view: ClusterView): Promise<number> {
  const all = dataNodesOf(view).length - 1;
  const first = await fleet.inventory.swaps.nodeOf(at.operationId);
  if (first === null) return (await isOfWhole(fleet, at)) ? replicasStarted(fleet, at, view) : all;
  const title = 'see whether the host answers';
  await onNodesThere(fleet, at, view, first, (node) => hostOf(fleet, view, node).run(sh`true`, { title }));
  const away = await fleet.inventory.swaps.away(at.operationId);
  return Math.max(1, all - away.length);
}

/** One that came late is started now. */
async function replicasStarted(fleet: Fleet, at: StepRef, view: ClusterView): Promise<number> {
  const nodes = await nodesThere(view, dataNodesOf(view));
  const started = await Promise.all(nodes.map((node) => orNullIfAway(startOn(fencedHostOf(fleet, at, view, node)))));
  return Math.max(1, started.filter((answer) => answer !== null).length - 1);
}
