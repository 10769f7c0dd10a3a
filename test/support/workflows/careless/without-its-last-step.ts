import type { OperationInput } from '../../../../domain/operations';
import { backupRunbook } from '../../../../workflows/backup';
import { configureBackupsRunbook } from '../../../../workflows/configure-backups';
import { deleteRunbook } from '../../../../workflows/delete';
import { drillRunbook } from '../../../../workflows/drill';
import type { OperationOutcome } from '../../../../workflows/operation';
import { execute } from '../../../../workflows/operation';
import { provisionRunbook } from '../../../../workflows/provision';
import { restoreRunbook } from '../../../../workflows/restore';
import type { Runbook } from '../../../../workflows/runbook';
import { isList } from '../../../../workflows/runbook';

/** Operations that leave out their last step. */

export const provision = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, shorten(provisionRunbook(input)));
export const deleteCluster = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, shorten(deleteRunbook(input)));
export const backup = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, shorten(backupRunbook(input)));
export const restore = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, shorten(restoreRunbook(input)));
export const drill = (input: OperationInput): Promise<OperationOutcome> => execute(input, shorten(drillRunbook(input)));
export const configureBackups = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, shorten(configureBackupsRunbook(input)));

function shorten(runbook: Runbook): Runbook {
  if (!isList(runbook)) throw new Error('a list of steps was expected');
  return runbook.slice(0, -1);
}
