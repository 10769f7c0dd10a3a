import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { swaps } from './proxies';
import type { RunbookOf } from './runbook';
import { pointOfNoReturn, step } from './runbook';

/** The restore in place was right: the space of the old data is given back. */
export const confirmRestoreRunbook: RunbookOf = () => [
  pointOfNoReturn,
  step('delete the old data', (at) => swaps.releaseOld(at)),
];

export async function confirmRestore(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, confirmRestoreRunbook(input));
}
