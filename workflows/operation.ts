import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  defineSignal,
  isCancellation,
  setHandler,
} from '@temporalio/workflow';
import type { StepRef } from '../domain/clusters';
import type { ErrorCode } from '../domain/errors';
import type { OperationInput } from '../domain/operations';
import type { Journal } from './journal';
import { openJournal } from './journal';
import type { Runbook, RunbookStep } from './runbook';
import { isList, titlesOf } from './runbook';

/**
 * Runs a runbook: records every step, waits for attention where a retry by itself would not help, and undoes what was
 * done when it is cancelled before the point of no return.
 */

export type Decision = 'retry' | 'cancel';
/** What people (API, command) decide about an operation. */
export const decideOperation = defineSignal<[Decision]>('decideOperation');

export type OperationOutcome = 'succeeded' | 'cancelled' | 'failed';

/** A newer operation has taken over this cluster: this one may not touch it any more, not even to undo. */
const OVERTAKEN: ErrorCode = 'STALE_GENERATION';

interface Execution {
  readonly input: OperationInput;
  readonly journal: Journal;
  /** Steps that began, in order: what a cancel undoes in reverse. */
  readonly begun: RunbookStep[];
  /** Counts the user's `retry`s; a step that waits goes on when it rises. */
  retries: number;
  pointOfNoReturnPassed: boolean;
}

export async function execute(input: OperationInput, runbook: Runbook): Promise<OperationOutcome> {
  const execution: Execution = {
    input,
    journal: openJournal(input, titlesOf(runbook)),
    begun: [],
    retries: 0,
    pointOfNoReturnPassed: false,
  };
  const scope = new CancellationScope();
  setHandler(decideOperation, (decision) => {
    if (decision === 'retry') execution.retries += 1;
    else if (!execution.pointOfNoReturnPassed) scope.cancel();
  });

  execution.journal.operation({ state: 'running' });
  const outcome = await scope
    .run(() => perform(execution, runbook))
    .then((): OperationOutcome => 'succeeded')
    .catch((error: unknown) => CancellationScope.nonCancellable(() => conclude(execution, error)));
  await CancellationScope.nonCancellable(() => execution.journal.close(outcome));
  return outcome;
}

async function perform(execution: Execution, runbook: Runbook): Promise<void> {
  if (isList(runbook)) {
    for (const part of runbook) await perform(execution, part);
    return;
  }
  switch (runbook.kind) {
    case 'step':
      return performStep(execution, runbook);
    case 'together':
      return performTogether(execution, runbook.branches);
    case 'pointOfNoReturn':
      execution.pointOfNoReturnPassed = true;
      execution.journal.operation({ state: 'running', pointOfNoReturnPassed: true });
  }
}

/** Waits for every branch, so that nothing is undone while a branch still works. */
async function performTogether(execution: Execution, branches: readonly Runbook[]): Promise<void> {
  const outcomes = await Promise.allSettled(branches.map((branch) => perform(execution, branch)));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

async function performStep(execution: Execution, step: RunbookStep): Promise<void> {
  execution.begun.push(step);
  execution.journal.step(step.id, 'running');
  await untilItWorks(execution, step, step.run);
  execution.journal.step(step.id, 'succeeded');
}

/** Tries until it succeeds; an error that activities' own retries did not cure waits for the user's decision. */
async function untilItWorks(execution: Execution, step: RunbookStep, act: RunbookStep['run']): Promise<void> {
  for (;;) {
    try {
      await act(stepRef(execution.input, step));
      return;
    } catch (error) {
      if (isCancellation(error)) throw error;
      const failure = describeFailure(error);
      execution.journal.step(step.id, 'failed', failure.message);
      if (failure.code === OVERTAKEN) throw error;
      await waitForAttention(execution, step, failure.message);
    }
  }
}

async function waitForAttention(execution: Execution, step: RunbookStep, message: string): Promise<void> {
  const seen = execution.retries;
  execution.journal.operation({ state: 'waiting', reason: `needs attention: "${step.title}" failed: ${message}` });
  await condition(() => execution.retries > seen);
  execution.journal.operation({ state: 'running' });
  execution.journal.step(step.id, 'running');
}

/** After a cancel or a failure: undo in reverse, or stop at once when the cluster belongs to a newer operation. */
async function conclude(execution: Execution, error: unknown): Promise<OperationOutcome> {
  if (!isCancellation(error)) {
    execution.journal.operation({ state: 'failed', error: describeFailure(error) });
    return 'failed';
  }
  execution.journal.operation({ state: 'cancelling' });
  for (const step of execution.begun.reverse()) {
    if (!step.undo) continue;
    execution.journal.step(step.id, 'undoing');
    await untilItWorks(execution, step, step.undo);
    execution.journal.step(step.id, 'undone');
  }
  return 'cancelled';
}

function stepRef(input: OperationInput, step: RunbookStep): StepRef {
  return { clusterId: input.clusterId, operationId: input.operationId, generation: input.generation, stepId: step.id };
}

/** The code and the sentence of what an activity threw; the SDK wraps it in an ActivityFailure. */
function describeFailure(error: unknown): { code: string; message: string } {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) return { code: cause.type ?? 'INTERNAL', message: cause.message };
  return { code: 'STEP_DEADLINE_EXCEEDED', message: cause instanceof Error ? cause.message : String(cause) };
}
