import type { StepRef } from '../../domain/clusters';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { findPrimary } from '../postgres/psql';
import { tellNothing } from '../progress';
import { createSwitchoverActivities } from '../switchover/activities';

/** See ReplacementActivities.handOver. */
export async function handOver(fleet: Fleet, at: StepRef, view: ClusterView, name: NodeName): Promise<void> {
  const operation = await fleet.inventory.operations.get(at.operationId);
  const switching = createSwitchoverActivities(fleet);
  // One that an earlier try has begun is taken to its end.
  if (!operation?.switchover) {
    if ((await findPrimary(fleet, view)).name !== name) return tellNothing(fleet, at, `${name} is not the primary`);
    await switching.chooseStandby(at);
    await switching.writeOut(at);
  }
  await switching.switchOver(at);
}
