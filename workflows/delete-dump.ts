import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { dumps } from './proxies';
import type { RunbookOf } from './runbook';
import { step } from './runbook';

/** A dump is no more, on any site. */
export const deleteDumpRunbook: RunbookOf = () => [
  step('delete the dump from its sites', (at) => dumps.deleteDump(at), { mayFail: true }),
];

export async function deleteDump(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, deleteDumpRunbook(input));
}
