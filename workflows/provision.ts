import { allNodes, dataNodes, gatewayNodes } from '../domain/topology';
import { each } from '../domain/each';
import type { Topology } from '../domain/plans';
import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import {
  backups,
  cloud,
  etcd,
  exporters,
  gateway,
  inventory,
  machines,
  patroni,
  postgres,
  preflight,
  replicas,
  schedules,
  secrets,
} from './proxies';
import type { Runbook, RunbookOf } from './runbook';
import { step, together } from './runbook';

/** From nothing to a cluster that answers on its endpoint and loses no acknowledged write. */
export const provisionRunbook: RunbookOf = (cluster) => [
  ...layFoundation(cluster),
  step('wait for the primary', (at) => patroni.waitForPrimary(at)),
  openToUsers(cluster),
  step('write and read through every port', (at) => postgres.proveEndpoint(at)),
  declareReady,
];

/** From now on backups are taken at the times of the policy, and the first one at once where there is none yet. */
export const declareReady = step(
  'declare the cluster ready and schedule its backups',
  (at) => schedules.declareReady(at),
  { undo: (at) => schedules.unscheduleBackups(at) },
);

/** Everything up to PostgreSQL, which begins with an empty database or with what the cluster was ordered from. */
export function layFoundation({ topology }: Parameters<RunbookOf>[0]): Runbook[] {
  return [
    together(
      [
        step('choose a failure domain for each node', (at) => cloud.placeNodes(at), {
          // Whatever a step left behind would stay for ever: nobody looks for it once the cluster is forgotten.
          undo: async (at) => {
            await cloud.releasePlaces(at);
            await cloud.checkResidue(at);
            await inventory.forgetCluster(at);
          },
        }),
        step('check that the cloud can do it', (at) => preflight.checkCloud(at)),
        step('create the private network', (at) => cloud.createNetwork(at), { undo: (at) => cloud.deleteNetwork(at) }),
      ],
      step(
        'make the certificate authority and open the archive',
        (at) => Promise.all([secrets.makeAuthority(at), backups.openLineage(at)]),
        { undo: (at) => backups.closeLineage(at) },
      ),
    ),
    ...makeHosts(topology),
  ];
}

/** Hosts with etcd and PostgreSQL under Patroni. */
export function makeHosts(topology: Topology): Runbook[] {
  const data = dataNodes(topology);
  const nodes = allNodes(topology);
  return [
    step('create the hosts', (at) => each(nodes, (node) => cloud.createHost(at, node.name)), {
      undo: (at) => each(nodes, (node) => machines.deleteHost(at, node.name)),
    }),
    step('install the software', (at) => machines.prepareHosts(at)),
    step('form the etcd cluster', (at) => each(data, (node) => etcd.joinEtcd(at, node.name))),
    step('start PostgreSQL under Patroni', (at) => each(data, (node) => patroni.startPatroni(at, node.name))),
  ];
}

/** Roles, replicas and gateways, side by side. */
export function openToUsers({ topology }: Parameters<RunbookOf>[0]): Runbook {
  return together(
    step('create the roles and the first database', (at) => postgres.createDatabase(at)),
    step('wait until all data nodes are in the quorum', (at) => replicas.waitForQuorum(at)),
    step('open the gateways', (at) => each(gatewayNodes(topology), (node) => gateway.openGateway(at, node.name))),
    step('start the exporters', (at) => exporters.startExporters(at)),
  );
}

export async function provision(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, provisionRunbook(input));
}
