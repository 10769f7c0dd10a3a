import { CancellationScope } from '@temporalio/workflow';
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

/** Operations that let what works go on when they are cancelled. */

export const provision = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, deafen(provisionRunbook(input)));
export const deleteCluster = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, deafen(deleteRunbook(input)));
export const backup = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, deafen(backupRunbook(input)));
export const restore = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, deafen(restoreRunbook(input)));
export const drill = (input: OperationInput): Promise<OperationOutcome> => execute(input, deafen(drillRunbook(input)));
export const configureBackups = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, deafen(configureBackupsRunbook(input)));

const deafen = (runbook: Runbook): Runbook =>
  alterSteps(runbook, (step) => ({ ...step, run: (at) => CancellationScope.nonCancellable(() => step.run(at)) }));
