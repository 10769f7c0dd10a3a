import type { StepRef } from '../../domain/clusters';
import { HoldfastError, tellsAbsence } from '../../domain/errors';
import type { NodeName } from '../../domain/topology';
import { createHost } from '../cloud/activities';
import { hostToken } from '../cloud/tokens';
import { memberOf } from '../etcd/config';
import { besideIt, removeMembers } from '../etcd/members';
import type { Fleet } from '../fleet';
import { openNode, viewCluster } from '../fleet';
import { hostState } from '../power/there';
import { deleteFormerHost, hasFormerHost } from './former';

/** The fresh host of a replacement, which may be lost itself before the node serves: no other operation could heal that. */

/** The node that the operation gives a fresh host; null: it is no replacement, or of a machine that nobody makes. */
export async function replacedNode(fleet: Fleet, at: StepRef): Promise<NodeName | null> {
  const operation = await fleet.inventory.operations.get(at.operationId);
  if (operation?.kind !== 'replace-node' || !operation.node) return null;
  const { cloud } = await viewCluster(fleet, at.clusterId);
  return cloud.machines ? null : operation.node.name;
}

/**
 * Does something on a node. Where a replacement's fresh host does not answer, one that is off is switched on, and one that is gone is made
 * anew, and the step is tried again. Idempotent. Effects: as those of the steps that made it. @throws what `act` throws.
 */
export async function onFreshHost(fleet: Fleet, at: StepRef, name: NodeName, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (tellsAbsence(error) && (await replacedNode(fleet, at)) === name) await revive(fleet, at, name);
    throw error;
  }
}

/** Sees that the fresh host is on. @throws NOT_YET where it was not: the step is tried again. */
export async function demandFreshHost(fleet: Fleet, at: StepRef, name: NodeName): Promise<void> {
  if ((await hostState(await viewCluster(fleet, at.clusterId), { name })) === 'on') return;
  await revive(fleet, at, name);
  throw new HoldfastError('NOT_YET', { what: `The fresh host of ${name} was lost, and there is another one.` });
}

async function revive(fleet: Fleet, at: StepRef, name: NodeName): Promise<void> {
  const { view, node } = await openNode(fleet, at, name);
  // The former one is what the steps before delete.
  if (await hasFormerHost(fleet, at, node)) return;
  const host = await view.cloud.findHost(hostToken(view.cluster, name));
  if (host) return host.running ? undefined : view.cloud.powerOn(host.token);
  if (node.role === 'data') {
    await fleet.inventory.replacements.beginAbsence(at);
    await besideIt(fleet, at, view, name, (beside) => removeMembers(beside, memberOf(node)));
  }
  await deleteFormerHost(fleet, at, view, node);
  await createHost(fleet, at, view, name);
}
