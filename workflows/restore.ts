import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { backups, copies, inventory, postgres, restores } from './proxies';
import { declareReady, layFoundation, openToUsers } from './provision';
import type { RunbookOf } from './runbook';
import { step, together } from './runbook';

export const restoreData = step('restore the data and replay the log', (at) => restores.waitForData(at));
export const checkData = step('check the data', (at) => restores.checkData(at));

export const beginBackups = [
  step('prepare the stores', (at) => backups.prepareStanza(at)),
  step('take the first backup', (at) => copies.takeBackup(at)),
  step('write down what the stores have', (at) => backups.recordBackups(at)),
];

/** A new cluster with the data of another one, as it was at a time of its past. */
export const restoreRunbook: RunbookOf = (cluster) => [
  // It begins before the step that forgets the cluster again: a cancel that comes here has to leave nothing too.
  step('look for the backup', (at) => restores.findSource(at), { undo: (at) => inventory.forgetCluster(at) }),
  ...layFoundation(cluster),
  restoreData,
  together(openToUsers(cluster), checkData, beginBackups),
  step('write and read through every port', (at) => postgres.proveEndpoint(at)),
  declareReady,
];

export async function restore(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, restoreRunbook(input));
}
