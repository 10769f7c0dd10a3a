import type { StepRef } from '../../domain/clusters';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { findPrimary } from '../postgres/psql';
import { tellNothing } from '../progress';
import { createSwitchoverActivities } from '../switchover/activities';
import { openChange } from '../switchover/change';
import { fitStandbys } from '../switchover/choose';
import { switchOver } from '../switchover/switch-over';

/** See ReplacementActivities.handOver. */
export async function handOver(fleet: Fleet, at: StepRef, view: ClusterView, name: NodeName): Promise<void> {
  const operation = await fleet.inventory.operations.get(at.operationId);
  if (operation?.switchover) return takeToItsEnd(fleet, at, name);
  if ((await findPrimary(fleet, view)).name !== name) return tellNothing(fleet, at, `${name} is not the primary`);
  const switching = createSwitchoverActivities(fleet);
  await switching.chooseStandby(at);
  await switching.writeOut(at);
  await switching.switchOver(at);
}

/** What an earlier try has begun; whom that has chosen may be lost by now. */
async function takeToItsEnd(fleet: Fleet, at: StepRef, name: NodeName): Promise<void> {
  const change = await openChange(fleet, at);
  const primary = await findPrimary(fleet, change.view);
  const fit = primary.name === name ? await fitStandbys(fleet, change.view, primary) : [];
  const other = fit.some((one) => one.name === change.to) ? undefined : fit[0];
  await switchOver(fleet, at, other ? { ...change, to: other.name } : change);
}
