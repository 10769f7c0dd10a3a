import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { dumps, dumping } from './proxies';
import type { RunbookOf } from './runbook';
import { step } from './runbook';

/**
 * A logical dump, stored on every site of the cluster. It has a lane of its own: it holds up the next dump, and what none runs
 * beside, which is a restore in place and its way back. A deletion overtakes it.
 */
export const dumpRunbook: RunbookOf = () => [
  step('prepare the role that dumps', (at) => dumps.prepareDumper(at), { mayFail: true }),
  step('dump into a scratch folder of a data node', (at) => dumping.takeDump(at), {
    mayFail: true,
    undo: (at) => dumps.clearDump(at),
  }),
  step('store the dump on a site', (at) => dumping.storeDump(at), { mayFail: true }),
  step('copy it to the other sites', (at) => dumping.copyDump(at), { mayFail: true }),
  step('clear the scratch folder', (at) => dumps.clearDump(at), { mayFail: true }),
  step('delete dumps that the plan does not keep', (at) => dumps.evictDumps(at), { mayFail: true }),
];

export async function dump(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, dumpRunbook(input));
}
