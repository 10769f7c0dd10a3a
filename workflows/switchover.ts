import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { replicas, switching } from './proxies';
import type { RunbookOf } from './runbook';
import { givingUp, pointOfNoReturn, step } from './runbook';

/**
 * Another data node becomes the primary. Clients of the pooled port wait meanwhile. Pause, switch and resume are one step: each of
 * its tries holds the clients anew, and none leaves them waiting. Where it can't be done the cluster is as it was, and nobody has
 * to look at it.
 */
export const switchoverRunbook: RunbookOf = () => [
  givingUp([
    step('choose the standby to switch to', (at) => switching.chooseStandby(at)),
    step('write out what is in memory', (at) => switching.writeOut(at)),
    pointOfNoReturn,
    step('pause the pooled clients, switch over, resume', (at) => switching.switchOver(at)),
  ]),
  step('wait until all data nodes are in the quorum', (at) => replicas.waitForQuorum(at)),
];

export async function switchover(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, switchoverRunbook(input));
}
