import { allNodes } from '../domain/topology';
import type { NodePlan } from '../domain/topology';
import { each } from '../domain/each';
import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { backups, cloud, inventory, machines, schedules } from './proxies';
import type { Runbook, RunbookOf } from './runbook';
import { pointOfNoReturn, step } from './runbook';

/** From a cluster to nothing, with proof that nothing is left. */
export const deleteRunbook: RunbookOf = ({ topology }) => [
  pointOfNoReturn,
  step('stop offering the cluster', (at) => inventory.declareDeleting(at)),
  step('stop its backups', (at) => schedules.unscheduleBackups(at)),
  step('archive the end of the log', (at) => backups.closeArchive(at)),
  ...takeAway(allNodes(topology)),
];

/** Hosts, network and record of a cluster. */
export function takeAway(nodes: readonly NodePlan[]): Runbook[] {
  return [
    step('delete the hosts and their volumes', (at) => each(nodes, (node) => machines.deleteHost(at, node.name))),
    step('delete the private network', (at) => cloud.deleteNetwork(at)),
    step('check that nothing is left in the cloud', (at) => cloud.checkResidue(at)),
    step('forget its secrets and close the record', (at) => inventory.forgetCluster(at)),
  ];
}

export async function deleteCluster(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, deleteRunbook(input));
}
