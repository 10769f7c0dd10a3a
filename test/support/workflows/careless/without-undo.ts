import type { OperationInput } from '../../../../domain/operations';
import { deleteRunbook } from '../../../../workflows/delete';
import type { OperationOutcome } from '../../../../workflows/operation';
import { execute } from '../../../../workflows/operation';
import { provisionRunbook } from '../../../../workflows/provision';
import type { Runbook } from '../../../../workflows/runbook';
import { alterSteps } from '../alter';

/** Operations that take nothing back. */

export const provision = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, forget(provisionRunbook(input)));
export const deleteCluster = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, forget(deleteRunbook(input)));

const forget = (runbook: Runbook): Runbook =>
  alterSteps(runbook, ({ kind, id, title, run }) => ({ kind, id, title, run }));
