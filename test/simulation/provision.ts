import type { Activities } from '../../activities';
import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';

/** A cluster of a plan that is `ha`, made of simulated hosts without a workflow. */

export const DATA = ['pg-1', 'pg-2', 'pg-3'] as const;
export const GATEWAYS = ['gw-1', 'gw-2'] as const;

/** As the runbook has it. */
export async function provision(activities: Activities, at: StepRef): Promise<void> {
  await activities.placeNodes(at);
  await activities.createNetwork(at);
  await activities.makeAuthority(at);
  await each([...DATA, ...GATEWAYS], (node) => activities.createHost(at, node));
  await each(DATA, (node) => activities.joinEtcd(at, node));
  // The first one is the primary: nobody has to hand over when another one is replaced.
  for (const node of DATA) await activities.startPatroni(at, node);
  await activities.createDatabase(at);
  await each(GATEWAYS, (node) => activities.openGateway(at, node));
  await activities.waitForQuorum(at);
  await activities.declareReady(at);
}
