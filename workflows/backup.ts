import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { backups, copies, expiry } from './proxies';
import type { RunbookOf } from './runbook';
import { step } from './runbook';

/** A physical backup to every site of the cluster's policy. Its lane is its own: it holds up nothing but the next backup. */
export const backupRunbook: RunbookOf = () => [
  step('prepare the stores', (at) => backups.prepareStanza(at), { mayFail: true }),
  step('copy the database to the stores', (at) => copies.takeBackup(at), { mayFail: true }),
  step('expire what the policy does not keep', (at) => expiry.expireBackups(at), { mayFail: true }),
  step('write down what the stores have', (at) => backups.recordBackups(at), { mayFail: true }),
];

export async function backup(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, backupRunbook(input));
}
