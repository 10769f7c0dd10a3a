import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { viewCluster } from '../fleet';

/** A switchover of which it is known who was the primary and who is to be. */
export interface Change {
  readonly view: ClusterView;
  readonly from: NodeName;
  readonly to: NodeName;
}

/** @throws NOT_FOUND before {@link chooseStandby} has chosen. */
export async function openChange(fleet: Fleet, at: StepRef): Promise<Change> {
  const [view, operation] = await Promise.all([
    viewCluster(fleet, at.clusterId),
    fleet.inventory.operations.get(at.operationId),
  ]);
  const { from, to } = operation?.switchover ?? {};
  if (!from || !to) throw new HoldfastError('NOT_FOUND', { kind: 'chosen standby of operation', ref: at.operationId });
  return { view, from, to };
}
