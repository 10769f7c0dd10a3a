import type { ClusterNode, StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { FormerHost } from '../../domain/operations';
import { hostToken } from '../cloud/tokens';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { secretRef } from '../fleet';
import { SECRET_NAMES } from '../secrets/stored-secrets';
import { removeSoftware } from '../software/remove';

/** The host that a node had before its replacement: what is done to that one must never meet the fresh one. */

/** @throws NOT_FOUND before it was written down. */
export async function formerHostOf({ inventory }: Pick<Fleet, 'inventory'>, at: StepRef): Promise<FormerHost> {
  const operation = await inventory.operations.get(at.operationId);
  const former = operation?.replacement?.former;
  if (!former) throw new HoldfastError('NOT_FOUND', { kind: 'former host of operation', ref: at.operationId });
  return former;
}

/** False once its fresh host was made: whoever comes late then leaves that alone. */
export async function hasFormerHost(
  fleet: Pick<Fleet, 'inventory'>,
  at: StepRef,
  { hostId }: Pick<ClusterNode, 'hostId'>,
): Promise<boolean> {
  return (await formerHostOf(fleet, at)).hostId === hostId;
}

/** With its volume and the keys that were its own; gives a user's machine back without its software. Idempotent. */
export async function deleteFormerHost(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  node: ReachableNode,
): Promise<void> {
  const { cluster, cloud } = view;
  const token = hostToken(cluster, node.name);
  const there = await cloud.findHost(token);
  // A fresh one that could not be written down is what the next step looks for.
  if (there !== null && there.id !== node.hostId) return;
  if (cloud.machines && there) await removeSoftware(fleet, at, view, node.name);
  await cloud.deleteHost(token);
  for (const name of [SECRET_NAMES.hostKey(node.name), SECRET_NAMES.certificate(node.name)])
    await fleet.secrets.forget(secretRef(cluster, name));
}
