import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { tellsAbsence } from '../../domain/errors';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf, hostOf } from '../fleet';
import { sh } from '../host/shell';
import { startOn } from '../patroni/halt';
import { isOfWhole, nodesThere, unlessAway } from '../power/there';

/**
 * Data nodes that are away from the exchange on. Nobody waits for them: the cluster serves without, and they are brought in when
 * they answer again (bring-in.ts). Each was stopped before the exchange, and does not start by itself.
 */

/** Does it on every data node but those that are away, at the same time. @param needed one that is waited for. */
export async function onNodesThere(
  { inventory }: Fleet,
  at: StepRef,
  view: ClusterView,
  needed: NodeName | null,
  act: (node: ReachableNode) => Promise<unknown>,
): Promise<void> {
  const away = await inventory.swaps.away(at.operationId);
  const there = dataNodesOf(view).filter(({ name }) => !away.includes(name));
  await each(there, (node) =>
    act(node).catch(async (error: unknown) => {
      if (node.name === needed || !tellsAbsence(error)) throw error;
      await inventory.swaps.noteAway(at, node.name);
      const told = `${node.name} has not answered since ${new Date().toISOString()}: it is brought in when it does`;
      await inventory.operations.recordProgress(at.operationId, at.stepId, told);
    }),
  );
}

/** How many replicas are to follow the primary: all, but in a swap and in a start those that are away. One at least, where there are any. */
export async function replicasThere(fleet: Fleet, at: StepRef, view: ClusterView): Promise<number> {
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
  const started = await Promise.all(nodes.map((node) => unlessAway(startOn(fencedHostOf(fleet, at, view, node)))));
  return Math.max(1, started.filter((answer) => answer !== null).length - 1);
}
