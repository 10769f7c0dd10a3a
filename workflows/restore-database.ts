import { getExternalWorkflowHandle, sleep } from '@temporalio/workflow';
import { allNodes } from '../domain/topology';
import type { StepRef } from '../domain/clusters';
import type { OperationId } from '../domain/ids';
import { takeAway } from './delete';
import { decideOperation, execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { due, dumping, dumps, extracts, inventory, restores } from './proxies';
import { layFoundation } from './provision';
import { restoreDumpRunbook } from './restore-dump';
import { runOperation } from './run-operation';
import type { RunbookOf } from './runbook';
import { givingUp, pointOfNoReturn, step, titlesOf } from './runbook';

const CANCEL_TRIES = 5;

/**
 * One database out of the backups of a cluster into another one. All of it is restored into hosts that are thrown away, as a
 * drill does it; the database is dumped there, and restored from the dump by an operation of the cluster that it goes into.
 * Whatever goes wrong, it waits for nobody and takes away what it made.
 */
export const restoreDatabaseRunbook: RunbookOf = (cluster) => [
  givingUp([
    // As in a restore it comes before the step that forgets the cluster again.
    step('look for the backup', (at) => restores.findSource(at), { undo: (at) => inventory.forgetCluster(at) }),
    ...layFoundation(cluster),
    step('restore the data and replay the log', (at) => restores.waitForData(at)),
    // Before the dump: what reads for damage is in the database while it does.
    step('check the data', (at) => restores.checkData(at)),
    step('prepare the role that dumps', (at) => dumps.prepareDumper(at)),
    step('dump the database into a scratch folder', (at) => dumping.takeDump(at)),
    step('store the dump on a site', (at) => dumping.storeDump(at), { undo: (at) => extracts.deleteExtract(at) }),
    step('restore it into the other cluster', restoreIntoOther, { undo: stopRestoreIntoOther }),
  ]),
  pointOfNoReturn,
  step('delete the dump', (at) => extracts.deleteExtract(at)),
  ...takeAway(allNodes(cluster.topology)),
];

/** An operation of that cluster: a cancel of this one cancels it too, and waits until it has ended. */
async function restoreIntoOther(at: StepRef): Promise<void> {
  const steps = {
    single: titlesOf(restoreDumpRunbook({ topology: 'single' })),
    ha: titlesOf(restoreDumpRunbook({ topology: 'ha' })),
  };
  await runOperation(await due.openExtractRestore(at, steps));
  // Others may have started it, and wait for it.
  await extracts.requireExtractRestored(at);
}

/**
 * That operation may have been written down without anybody here knowing, and others start what is written down. Whoever has started
 * it, it hears of the cancel; where it came too late its own end says so.
 */
async function stopRestoreIntoOther(at: StepRef): Promise<void> {
  const restore = await extracts.findExtractRestore(at);
  if (!restore) return;
  const ended = runOperation(restore);
  await cancelOther(restore.operationId);
  await ended;
  await extracts.requireExtractEnded(at);
}

/** It may be about to start, and it may have ended. */
async function cancelOther(id: OperationId): Promise<void> {
  for (let tries = 0; tries < CANCEL_TRIES; tries++) {
    try {
      return await getExternalWorkflowHandle(id).signal(decideOperation, 'cancel');
    } catch {
      await sleep('1s');
    }
  }
}

export async function restoreDatabase(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, restoreDatabaseRunbook(input));
}
