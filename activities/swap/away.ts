import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { tellsAbsence } from '../../domain/errors';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf } from '../fleet';

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
