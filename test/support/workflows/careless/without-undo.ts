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
import { alterSteps } from '../alter';

/** Operations that take nothing back. */

export const provision = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, forget(provisionRunbook(input)));
export const deleteCluster = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, forget(deleteRunbook(input)));
export const backup = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, forget(backupRunbook(input)));
export const restore = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, forget(restoreRunbook(input)));
export const drill = (input: OperationInput): Promise<OperationOutcome> => execute(input, forget(drillRunbook(input)));
export const configureBackups = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, forget(configureBackupsRunbook(input)));

const forget = (runbook: Runbook): Runbook =>
  alterSteps(runbook, ({ kind, id, title, run }) => ({ kind, id, title, run }));
