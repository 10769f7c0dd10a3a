import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { backups, copies, expiry, hooks } from './proxies';
import type { RunbookOf } from './runbook';
import { step } from './runbook';

/**
 * A physical backup to every site of the cluster's policy. Its lane is its own: it holds up nothing but the next backup. The
 * script after it runs whatever becomes of it: as the last step, or as what undoes the script before it.
 */
export const backupRunbook: RunbookOf = () => [
  step('prepare the stores', (at) => backups.prepareStanza(at), { mayFail: true }),
  step('run the script before it', (at) => hooks.runPreScript(at), {
    mayFail: true,
    undo: (at) => hooks.runPostScript(at),
  }),
  step('copy the database to the stores', (at) => copies.takeBackup(at), { mayFail: true }),
  step('expire what the policy does not keep', (at) => expiry.expireBackups(at), { mayFail: true }),
  step('write down what the stores have', (at) => backups.recordBackups(at), { mayFail: true }),
  step('run the script after it', (at) => hooks.runPostScript(at), { mayFail: true }),
];

export async function backup(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, backupRunbook(input));
}
