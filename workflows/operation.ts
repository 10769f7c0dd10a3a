import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  defineSignal,
  isCancellation,
  rootCause,
  setHandler,
} from '@temporalio/workflow';
import type { StepRef } from '../domain/clusters';
import { each } from '../domain/each';
import type { ErrorCode } from '../domain/errors';
import { ERRORS, fillTemplate } from '../domain/errors';
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
  /** What a cancel cancels: the steps, never what undoes them. */
  readonly scope: CancellationScope;
  /** Steps that began, in order: what a cancel undoes in reverse. */
  readonly begun: RunbookStep[];
  /** Counts the user's `retry`s; a step that waits goes on when it rises. */
  retries: number;
  pointOfNoReturnPassed: boolean;
}

export async function execute(input: OperationInput, runbook: Runbook): Promise<OperationOutcome> {
  const asked = CancellationScope.current().cancelRequested;
  return CancellationScope.nonCancellable(async () => {
    const execution: Execution = {
      input,
      journal: openJournal(input, titlesOf(runbook)),
      scope: new CancellationScope(),
      begun: [],
      retries: 0,
      pointOfNoReturnPassed: false,
    };
    setHandler(decideOperation, (decision) => decide(execution, decision));
    // A cancel from the Temporal Web UI is the same decision, and is as little heard behind the point of no return.
    asked.catch(() => decide(execution, 'cancel'));

    execution.journal.operation({ state: 'running' });
    const outcome = await execution.scope
      .run(() => perform(execution, runbook))
      .then(
        (): OperationOutcome => 'succeeded',
        (error: unknown) => conclude(execution, error),
      );
    await execution.journal.close(outcome);
    return outcome;
  });
}

function decide(execution: Execution, decision: Decision): void {
  if (decision === 'retry') execution.retries += 1;
  else if (!execution.pointOfNoReturnPassed) execution.scope.cancel();
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
  await each(branches, (branch) => perform(execution, branch));
}

async function performStep(execution: Execution, step: RunbookStep): Promise<void> {
  execution.begun.push(step);
  await untilItWorks(execution, step, step.run, { operation: 'running', step: 'running' });
  execution.journal.step(step.id, 'succeeded');
}

interface Phase {
  readonly operation: 'running' | 'cancelling';
  readonly step: 'running' | 'undoing';
}

/** Tries until it succeeds; an error that activities' own retries did not cure waits for the user's decision. */
async function untilItWorks(
  execution: Execution,
  step: RunbookStep,
  act: RunbookStep['run'],
  phase: Phase,
): Promise<void> {
  for (;;) {
    execution.journal.step(step.id, phase.step);
    try {
      await act(stepRef(execution.input, step));
      return;
    } catch (error) {
      const failure = describeFailure(error);
      execution.journal.step(step.id, 'failed', failure.message);
      if (isOver(error) || failure.code === OVERTAKEN) throw error;
      const seen = execution.retries;
      const reason = `needs attention: "${step.title}" failed: ${failure.message}`;
      execution.journal.operation({ state: 'waiting', reason });
      await condition(() => execution.retries > seen);
      execution.journal.operation({ state: phase.operation });
    }
  }
}

/** A cancel may reach an activity as whatever it makes of it: what counts is that it was asked for. */
function isOver(error: unknown): boolean {
  return isCancellation(error) || CancellationScope.current().consideredCancelled;
}

/** After a cancel or a failure: undo in reverse, or stop at once when the cluster belongs to a newer operation. */
async function conclude(execution: Execution, error: unknown): Promise<OperationOutcome> {
  const failure = describeFailure(error);
  if (failure.code === OVERTAKEN || !execution.scope.consideredCancelled) {
    execution.journal.operation({ state: 'failed', error: failure });
    return 'failed';
  }
  execution.journal.operation({ state: 'cancelling' });
  for (const step of execution.begun.reverse()) {
    if (!step.undo) continue;
    await untilItWorks(execution, step, step.undo, { operation: 'cancelling', step: 'undoing' });
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
  if (isCancellation(error)) return { code: 'CANCELLED', message: 'cancelled' };
  const code: ErrorCode = 'STEP_DEADLINE_EXCEEDED';
  return { code, message: fillTemplate(ERRORS[code].template, { detail: rootCause(error) ?? 'none' }) };
}
