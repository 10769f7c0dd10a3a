import { CancellationScope } from '@temporalio/workflow';
import type { OperationInput } from '../../../../domain/operations';
import { deleteRunbook } from '../../../../workflows/delete';
import type { OperationOutcome } from '../../../../workflows/operation';
import { execute } from '../../../../workflows/operation';
import { provisionRunbook } from '../../../../workflows/provision';
import type { Runbook } from '../../../../workflows/runbook';
import { alterSteps } from '../alter';

/** Operations that let what works go on when they are cancelled. */

export const provision = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, deafen(provisionRunbook(input)));
export const deleteCluster = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, deafen(deleteRunbook(input)));

const deafen = (runbook: Runbook): Runbook =>
  alterSteps(runbook, (step) => ({ ...step, run: (at) => CancellationScope.nonCancellable(() => step.run(at)) }));
