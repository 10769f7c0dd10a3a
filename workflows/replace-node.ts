import type { NodeName } from '../domain/topology';
import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { cloud, etcd, exporters, farewells, gateway, machines, patroni, replacement, replicas } from './proxies';
import type { Runbook, RunbookOf } from './runbook';
import { givingUp, pointOfNoReturn, step } from './runbook';

/**
 * A node that does not come back, or shall not, gets a fresh host and keeps its name. The cluster serves all the time. Until its old
 * host is out of etcd nothing is lost by giving up; behind that point it only goes forward.
 */
export const replaceNodeRunbook: RunbookOf = ({ node = 'pg-1' }) =>
  node.startsWith('gw-') ? replaceGateway(node) : replaceDataNode(node);

/** The others decide without it, then it comes back empty and copies what they have. */
const replaceDataNode = (node: NodeName): Runbook => [
  givingUp([
    step('check that the others can do without it', (at) => replacement.checkOthers(at, node)),
    pointOfNoReturn,
    step('hand over to another data node where it is the primary', (at) => replacement.handOver(at, node)),
    step('switch its host off', (at) => replacement.fenceHost(at, node)),
    // While the others lack what it has it stays a member, and may be switched on: what is lost by then is ordered anew.
    step('take it out of etcd', (at) => etcd.leaveEtcd(at, node)),
  ]),
  ...freshHost(node),
  step('join etcd as a learner, then vote', (at) => etcd.joinEtcdAgain(at, node)),
  step('tell the other nodes its address', (at) => replacement.tellAddress(at, node)),
  step('start a replica that copies a backup or the primary', (at) => patroni.startReplica(at, node)),
  step('wait until all data nodes are in the quorum', (at) => replicas.waitForQuorum(at)),
  step('tell the data nodes of its backups', (at) => replacement.tellOfBackups(at, node)),
  ...declare(node),
];

/** The other gateway has the floating address meanwhile. */
const replaceGateway = (node: NodeName): Runbook => [
  givingUp([
    step('check that the others can do without it', (at) => replacement.checkOthers(at, node)),
    pointOfNoReturn,
    step('switch its host off', (at) => replacement.fenceHost(at, node)),
  ]),
  ...freshHost(node),
  step('tell the other nodes its address', (at) => replacement.tellAddress(at, node)),
  step('open the gateway', (at) => gateway.openGateway(at, node)),
  ...declare(node),
];

const freshHost = (node: NodeName): Runbook[] => [
  step('delete its host', (at) => farewells.deleteFormerHost(at, node)),
  step('create a fresh host in the same failure domain', (at) => cloud.createHost(at, node)),
  step('install the software', (at) => machines.prepareHost(at, node)),
];

const declare = (node: NodeName): Runbook[] => [
  step('start the exporters', (at) => exporters.startExportersOn(at, node)),
  step('declare the node replaced', (at) => replacement.declareReplaced(at, node)),
];

export async function replaceNode(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, replaceNodeRunbook(input));
}
