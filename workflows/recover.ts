import { allNodes } from '../domain/topology';
import { each } from '../domain/each';
import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { cloud, postgres, recovery, returns, wreckage } from './proxies';
import { declareReady, makeHosts, openToUsers } from './provision';
import { beginBackups, checkData, restoreData } from './restore';
import type { RunbookOf } from './runbook';
import { givingUp, pointOfNoReturn, step, together } from './runbook';

/**
 * A cluster that has lost all its data nodes comes back from its own backups, as the same cluster, once somebody has approved what is
 * lost by that. Until then nothing changes, and a host that comes back ends it. A cancel of a restore that does not get on takes the
 * fresh hosts away again; once users are let in it only goes forward.
 */
export const recoverRunbook: RunbookOf = (cluster) => [
  givingUp([
    step('see what is lost, and wait for approval', (at) => recovery.lookAtLoss(at), {
      approval: { needless: (at) => returns.waitForReturn(at) },
    }),
    step('see that no data node has come back', (at) => recovery.demandLost(at)),
  ]),
  step('delete what is left of the hosts', (at) =>
    each(allNodes(cluster.topology), (node) => wreckage.deleteLostHost(at, node.name)),
  ),
  step('see that the private network is there', (at) => cloud.createNetwork(at)),
  ...makeHosts(cluster.topology),
  restoreData,
  checkData,
  pointOfNoReturn,
  together(openToUsers(cluster), beginBackups),
  step('write and read through every port', (at) => postgres.proveEndpoint(at)),
  declareReady,
];

export async function recover(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, recoverRunbook(input));
}
