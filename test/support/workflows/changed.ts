import type { OperationKind, OperationInput } from '../../../domain/operations';
import type { OperationOutcome } from '../../../workflows/operation';
import { execute } from '../../../workflows/operation';
import type { Runbook } from '../../../workflows/runbook';
import { RUNBOOKS } from '../../../workflows/runbooks';

type Operation = (input: OperationInput) => Promise<OperationOutcome>;

/** The workflows of all operations, by their names, with a change of their runbooks. */
export function changed(change: (runbook: Runbook) => Runbook): Readonly<Record<string, Operation>> {
  const all: Record<string, Operation> = {};
  for (const { workflow, runbook } of Object.values<(typeof RUNBOOKS)[OperationKind]>(RUNBOOKS))
    all[workflow] = (input) => execute(input, change(runbook(input)));
  return all;
}
