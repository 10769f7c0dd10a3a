import { gatewayNodes } from '../domain/topology';
import { each } from '../domain/each';
import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { backups, gateway, power, schedules, stopping } from './proxies';
import type { RunbookOf } from './runbook';
import { givingUp, step } from './runbook';

/** A whole cluster is put to rest: its data stays on its hosts, and nothing of it is lost. A cancel has it serve again. */
export const stopRunbook: RunbookOf = ({ topology }) => [
  givingUp([
    step('see that all data nodes are in the quorum', (at) => stopping.demandStoppable(at)),
    step('archive the log', (at) => stopping.archiveLog(at)),
  ]),
  step('pause the schedules of its backups', (at) => schedules.pauseBackups(at), {
    undo: (at) => schedules.scheduleBackups(at),
  }),
  step('declare the cluster stopped', (at) => stopping.declareStopped(at), {
    undo: (at) => stopping.declareServing(at),
  }),
  step('close the gateways', (at) => each(gatewayNodes(topology), (node) => gateway.closeGateway(at, node.name)), {
    undo: (at) => each(gatewayNodes(topology), (node) => gateway.openGateway(at, node.name)),
  }),
  step('archive the end of the log', (at) => backups.closeArchive(at)),
  step('stop PostgreSQL, the primary last', (at) => power.stopPostgres(at), { undo: (at) => power.startPostgres(at) }),
  step('switch the hosts off', (at) => power.switchOff(at), { undo: (at) => power.switchOn(at) }),
];

export async function stopCluster(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, stopRunbook(input));
}
