import type { OperationInput } from '../../../../domain/operations';
import { deleteRunbook } from '../../../../workflows/delete';
import type { OperationOutcome } from '../../../../workflows/operation';
import { execute } from '../../../../workflows/operation';
import { provisionRunbook } from '../../../../workflows/provision';
import type { Runbook } from '../../../../workflows/runbook';
import { isList } from '../../../../workflows/runbook';

/** Operations that leave out their last step. */

export const provision = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, shorten(provisionRunbook(input)));
export const deleteCluster = (input: OperationInput): Promise<OperationOutcome> =>
  execute(input, shorten(deleteRunbook(input)));

function shorten(runbook: Runbook): Runbook {
  if (!isList(runbook)) throw new Error('a list of steps was expected');
  return runbook.slice(0, -1);
}
