import { sleep } from '@temporalio/workflow';

/** A workflow as none of ours may be: its state stands in the module. */

let runs = 0;

export async function counting(): Promise<number> {
  runs += 1;
  await sleep('1 second');
  return runs;
}
