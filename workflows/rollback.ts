import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { swaps } from './proxies';
import { makeReady, swapIn } from './restore-in-place';
import type { RunbookOf } from './runbook';
import { step } from './runbook';

/** Puts the data back that the last restore in place has kept; what was written since is kept in its turn. */
export const rollbackRunbook: RunbookOf = (cluster) => [
  step('see that there is room on every data node', (at) => swaps.checkRoom(at)),
  step('copy the kept data beside the other', (at) => swaps.makeAside(at), { undo: (at) => swaps.removeAside(at) }),
  step('begin a log of its own', (at) => swaps.replayAside(at)),
  ...makeReady(cluster),
  swapIn,
];

export async function rollback(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, rollbackRunbook(input));
}
