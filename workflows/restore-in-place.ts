import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { backups, copies, postgres, replicas, schedules, swaps } from './proxies';
import type { Runbook, RunbookOf } from './runbook';
import { pointOfNoReturn, step } from './runbook';

/** The data of a cluster as it was at a time of its past, made beside it while it serves, then put in its place. */
export const restoreInPlaceRunbook: RunbookOf = (cluster) => [
  step('see that there is room on every data node', (at) => swaps.checkRoom(at)),
  step('restore the data beside the old', (at) => swaps.makeAside(at), { undo: (at) => swaps.removeAside(at) }),
  step('replay the log up to the target', (at) => swaps.replayAside(at)),
  ...makeReady(cluster),
  swapIn,
];

/** What the new data needs before it can serve. */
export function makeReady({ topology }: Parameters<RunbookOf>[0]): Runbook[] {
  return [
    step('set the roles and passwords', (at) => swaps.prepareAside(at)),
    step('check the data', (at) => swaps.checkAside(at)),
    ...(topology === 'ha' ? [step('copy the data to the replicas', (at) => swaps.copyAside(at))] : []),
    step('see that all is ready for the exchange', (at) => swaps.closeAside(at)),
  ];
}

/** Nobody can write from the first step here until the quorum is there. */
export const swapIn: Runbook = [
  step('stop PostgreSQL on every data node', (at) => swaps.stopOld(at), { undo: (at) => swaps.startOld(at) }),
  pointOfNoReturn,
  step('put the new data in the place of the old', (at) => swaps.exchangeData(at)),
  step('start PostgreSQL on the new data', (at) => swaps.startNew(at)),
  step('wait until all data nodes are in the quorum', (at) => replicas.waitForQuorum(at)),
  step('write and read through every port', (at) => postgres.proveEndpoint(at)),
  step('keep the old data for a while', (at) => swaps.keepOld(at)),
  step('prepare the stores', (at) => backups.prepareStanza(at)),
  step('take the first backup', (at) => copies.takeBackup(at)),
  step('write down what the stores have', (at) => backups.recordBackups(at)),
  step('declare the cluster ready', (at) => schedules.declareReady(at)),
];

export async function restoreInPlace(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, restoreInPlaceRunbook(input));
}
