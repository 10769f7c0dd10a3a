import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { dumpRestores, restoring } from './proxies';
import type { RunbookOf } from './runbook';
import { pointOfNoReturn, step } from './runbook';

/** A database from a dump, of this cluster or of another one. What it takes the place of serves until then. */
export const restoreDumpRunbook: RunbookOf = () => [
  step('look at the dump and for the database', (at) => dumpRestores.checkDumpRestore(at), { mayFail: true }),
  step('restore into a database of another name', (at) => restoring.restoreDump(at), {
    mayFail: true,
    undo: (at) => dumpRestores.dropRestoredDump(at),
  }),
  pointOfNoReturn,
  step('give the database its name', (at) => dumpRestores.swapDatabases(at)),
  step('clear the scratch folder', (at) => dumpRestores.clearDumpRestore(at)),
];

export async function restoreDump(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, restoreDumpRunbook(input));
}
