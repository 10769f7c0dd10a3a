import type { ClusterNode, StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { FormerHost } from '../../domain/operations';
import type { Fleet } from '../fleet';

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
