import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { nodes, replicas } from './proxies';
import type { RunbookOf } from './runbook';
import { givingUp, pointOfNoReturn, step } from './runbook';

/**
 * The processes of one node begin anew. Of a primary that is a switchover, where another data node can take over; else clients of the
 * pooled port wait until it is back. Where it can't be done the cluster serves as before, and nobody has to look at it.
 */
export const restartNodeRunbook: RunbookOf = () => [
  givingUp([
    step('see what the node is, and who can serve instead', (at) => nodes.lookAtNode(at)),
    step('write out what is in memory', (at) => nodes.writeOutNode(at)),
    pointOfNoReturn,
    step('restart it while the pooled clients wait', (at) => nodes.restartProcesses(at)),
  ]),
  step('wait until all data nodes are in the quorum', (at) => replicas.waitForQuorum(at)),
];

export async function restartNode(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, restartNodeRunbook(input));
}
