import type { Runbook, RunbookStep } from '../../../workflows/runbook';
import { isList } from '../../../workflows/runbook';

/** The same runbook with other steps. */
export function alterSteps(runbook: Runbook, alter: (step: RunbookStep) => RunbookStep): Runbook {
  if (isList(runbook)) return runbook.map((part) => alterSteps(part, alter));
  switch (runbook.kind) {
    case 'step':
      return alter(runbook);
    case 'together':
      return { ...runbook, branches: runbook.branches.map((branch) => alterSteps(branch, alter)) };
    case 'pointOfNoReturn':
      return runbook;
  }
}
