import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { nodes, replicas } from './proxies';
import type { RunbookOf } from './runbook';
import { givingUp, pointOfNoReturn, step } from './runbook';

/** The data of a replica is thrown away, and copied anew from the primary. The others serve, and have to be enough for that. */
export const reinitNodeRunbook: RunbookOf = () => [
  givingUp([
    step('see that the others keep the quorum, and mark the data', (at) => nodes.markData(at)),
    pointOfNoReturn,
    step('throw the data away and begin to copy it anew', (at) => nodes.copyAnew(at)),
  ]),
  step('wait until all data nodes are in the quorum', (at) => replicas.waitForQuorum(at)),
];

export async function reinitNode(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, reinitNodeRunbook(input));
}
