import { gatewayNodes } from '../domain/topology';
import { each } from '../domain/each';
import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { gateway, postgres, power, replicas, schedules } from './proxies';
import type { RunbookOf } from './runbook';
import { pointOfNoReturn, step } from './runbook';

/** A cluster that was stopped serves again, at the same endpoint. A cancel stops it again. */
export const startRunbook: RunbookOf = ({ topology }) => [
  step('switch the hosts on', (at) => power.switchOn(at), { undo: (at) => power.switchOff(at) }),
  step('start PostgreSQL, with the same primary', (at) => power.startPostgres(at), {
    undo: (at) => power.stopPostgres(at),
  }),
  step('wait until all data nodes are in the quorum', (at) => replicas.waitForQuorum(at)),
  step('open the gateways', (at) => each(gatewayNodes(topology), (node) => gateway.openGateway(at, node.name)), {
    undo: (at) => each(gatewayNodes(topology), (node) => gateway.closeGateway(at, node.name)),
  }),
  step('write and read through every port', (at) => postgres.proveEndpoint(at)),
  pointOfNoReturn,
  step('declare the cluster ready and resume its schedules', (at) => schedules.declareReady(at)),
];

export async function startCluster(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, startRunbook(input));
}
