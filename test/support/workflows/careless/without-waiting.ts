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

/** Operations that pass over what fails. */

export const provision = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, passOver(provisionRunbook(input)));
export const deleteCluster = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, passOver(deleteRunbook(input)));
export const backup = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, passOver(backupRunbook(input)));
export const restore = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, passOver(restoreRunbook(input)));
export const drill = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, passOver(drillRunbook(input)));
export const configureBackups = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, passOver(configureBackupsRunbook(input)));

const passOver = (runbook: Runbook): Runbook =>
  alterSteps(runbook, (step) => ({ ...step, run: (at) => step.run(at).catch(() => undefined) }));
