import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { marks, points } from './proxies';
import type { RunbookOf } from './runbook';
import { step } from './runbook';

/** A name for what is in the cluster now, so that it can be restored to that. */
export const createRestorePointRunbook: RunbookOf = () => [
  step('mark the log and archive it', (at) => marks.markLog(at), { undo: (at) => points.forgetPoint(at) }),
];

export async function createRestorePoint(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, createRestorePointRunbook(input));
}
