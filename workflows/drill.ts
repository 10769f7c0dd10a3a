import { allNodes } from '../domain/topology';
import { takeAway } from './delete';
import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { drills, examinations, inventory, postgres, proofs, restores } from './proxies';
import { layFoundation, openToUsers } from './provision';
import type { RunbookOf } from './runbook';
import { givingUp, pointOfNoReturn, step } from './runbook';

/**
 * A restore that nobody needs, by the way that one would go which somebody does, into hosts that are thrown away. Whatever
 * goes wrong on this way is what it was held to find out: it waits for nobody, takes away what it made, and has failed.
 */
export const drillRunbook: RunbookOf = (cluster) => [
  givingUp([
    // As in a restore it comes before the step that forgets the cluster again.
    step('choose the time and the site to restore from', (at) => drills.choosePoint(at), {
      undo: (at) => inventory.forgetCluster(at),
    }),
    ...layFoundation(cluster),
    step('restore the data and replay the log', (at) => restores.waitForData(at)),
    openToUsers(cluster),
    step('look for damage in what came back', (at) => examinations.examineRestore(at)),
    step('write and read through every port', (at) => postgres.proveEndpoint(at)),
    step('write down that it can be restored', (at) => proofs.proveDrill(at)),
  ]),
  pointOfNoReturn,
  ...takeAway(allNodes(cluster.topology)),
];

export async function drill(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, drillRunbook(input));
}
