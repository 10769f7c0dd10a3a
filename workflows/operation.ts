import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  defineSignal,
  defineUpdate,
  isCancellation,
  rootCause,
  setHandler,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { StepRef } from '../domain/clusters';
import { each } from '../domain/each';
import type { ErrorCode } from '../domain/errors';
import { ERRORS, fillTemplate, HoldfastError, isAbsence } from '../domain/errors';
import { laneOf } from '../domain/operations';
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
/**
 * What people (API, command) decide about an operation. It answers at once whether it takes the decision, and carries out
 * what it took. Rejected with OPERATION_FINISHED, POINT_OF_NO_RETURN or NOT_WAITING and what fills their templates.
 */
export const decideOperationNow = defineUpdate<void, [Decision]>('decideOperationNow');

/** The same, left for an operation that no worker runs at the moment: its events tell when it did not take it. */
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
  /** Steps that wait for the user's decision. */
  readonly waiting: Set<RunbookStep>;
  pointOfNoReturnPassed: boolean;
  /** How it ended, while that is still being written down; null before. */
  outcome: OperationOutcome | null;
}

export async function execute(input: OperationInput, runbook: Runbook): Promise<OperationOutcome> {
  const asked = CancellationScope.current().cancelRequested;
  return CancellationScope.nonCancellable(async () => {
    const execution: Execution = {
      input,
      journal: openJournal(input, titlesOf(runbook)),
      scope: new CancellationScope(),
      begun: [],
      waiting: new Set(),
      pointOfNoReturnPassed: false,
      outcome: null,
    };
    execution.journal.operation({ state: 'running' });
    hearDecisions(execution);
    // A cancel from the Temporal Web UI is the same decision, left without waiting for an answer.
    asked.catch(() => hear(execution, 'cancel'));

    const outcome = await execution.scope
      .run(() => performAll(execution, runbook))
      .catch((error: unknown) => conclude(execution, error));
    await execution.journal.close(outcome);
    return outcome;
  });
}

function hearDecisions(execution: Execution): void {
  // Not async: the SDK would not wait for its refusal.
  const validator = (decision: Decision): void => {
    const refusal = refusalOf(execution, decision);
    if (!refusal) return;
    const { message, code: type, values } = refusal;
    throw ApplicationFailure.create({ message, type, details: [values], nonRetryable: true });
  };
  setHandler(decideOperationNow, (decision) => take(execution, decision), { validator });
  setHandler(decideOperation, (decision) => hear(execution, decision));
}

/** A decision that nobody waits for an answer to. */
function hear(execution: Execution, decision: Decision): void {
  const refusal = refusalOf(execution, decision);
  if (refusal) execution.journal.remark(`${decision} was not taken: ${refusal.message}`);
  else take(execution, decision);
}

/** Why a decision can't be carried out any more, null when it can. A cancel that was taken may be repeated. */
function refusalOf(execution: Execution, decision: Decision): HoldfastError | null {
  const { scope, waiting, pointOfNoReturnPassed, outcome } = execution;
  const operation = execution.input.operationId;
  if (outcome) return new HoldfastError('OPERATION_FINISHED', { operation, state: outcome, verb: decision });
  const cancelled = scope.consideredCancelled;
  if (decision === 'retry') {
    const state = cancelled ? 'cancelling' : 'running';
    return waiting.size > 0 ? null : new HoldfastError('NOT_WAITING', { operation, state });
  }
  const reason = 'what it has done cannot be taken back';
  return pointOfNoReturnPassed && !cancelled ? new HoldfastError('POINT_OF_NO_RETURN', { operation, reason }) : null;
}

function take({ scope, waiting }: Execution, decision: Decision): void {
  const cancelsNow = decision === 'cancel' && !scope.consideredCancelled;
  if (cancelsNow) scope.cancel();
  // What waits while it is being undone waits for a retry only.
  if (cancelsNow || decision === 'retry') waiting.clear();
}

async function performAll(execution: Execution, runbook: Runbook): Promise<OperationOutcome> {
  await perform(execution, runbook);
  heed(execution);
  return end(execution, 'succeeded');
}

/** A cancel that was taken is carried out, also when the activity that it met had done its work by then. */
function heed({ scope }: Execution): void {
  if (scope.consideredCancelled) throw new CancelledFailure('cancelled');
}

/** From here on no decision is taken. */
function end(execution: Execution, outcome: OperationOutcome): OperationOutcome {
  execution.outcome = outcome;
  return outcome;
}

async function perform(execution: Execution, runbook: Runbook): Promise<void> {
  if (isList(runbook)) {
    for (const part of runbook) await perform(execution, part);
    return;
  }
  heed(execution);
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
      const givesUp = step.givesUp && phase.step === 'running';
      if (wasAway(error) && !isOver(error) && !(givesUp && wasTried(error))) continue;
      const failure = describeFailure(error);
      execution.journal.step(step.id, 'failed', failure.message);
      if (isOver(error) || failure.code === OVERTAKEN || givesUp || (step.mayFail && phase.step === 'running'))
        throw error;
      execution.waiting.add(step);
      const reason = `needs attention: "${step.title}" failed: ${failure.message}`;
      execution.journal.operation({ state: 'waiting', reason });
      await condition(() => !execution.waiting.has(step));
      execution.journal.operation({ state: phase.operation });
    }
  }
}

/** A cancel may reach an activity as whatever it makes of it: what counts is that it was asked for. */
function isOver(error: unknown): boolean {
  return isCancellation(error) || CancellationScope.current().consideredCancelled;
}

/** The deadline came while what the step needs did not answer, or while no worker was there: that is no failure of the step. */
function wasAway(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const last = isDeadline(error.cause) ? error.cause.cause : error.cause;
  if (last instanceof ApplicationFailure) return isAbsence(last.type ?? '');
  return last === undefined || (last instanceof TimeoutFailure && last.timeoutType === 'HEARTBEAT');
}

/** Something did not answer to the last; else no worker was there, which says nothing of what the step needs. */
function wasTried(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const last = isDeadline(error.cause) ? error.cause.cause : error.cause;
  return last instanceof ApplicationFailure;
}

/** It holds the failure of the last attempt, when there was one. */
const isDeadline = (error: unknown): error is TimeoutFailure =>
  error instanceof TimeoutFailure && error.timeoutType === 'SCHEDULE_TO_CLOSE';

/** After a cancel or a failure: undo in reverse, or stop at once when the cluster belongs to a newer operation. */
async function conclude(execution: Execution, error: unknown): Promise<OperationOutcome> {
  const failure = describeFailure(error);
  if (failure.code === OVERTAKEN) return fail(execution, failure);
  const cancelled = execution.scope.consideredCancelled;
  const undoable = execution.begun.filter(({ undo }) => undo !== undefined);
  if (cancelled || undoable.length > 0) {
    const reason = `it failed: ${failure.message}`;
    execution.journal.operation({ state: 'cancelling', ...(!cancelled && { reason }) });
  }
  try {
    await undoAll(execution, undoable.reverse());
  } catch (undoing) {
    const overtaken = describeFailure(undoing);
    if (overtaken.code !== OVERTAKEN) throw undoing;
    return fail(execution, overtaken);
  }
  return cancelled ? end(execution, 'cancelled') : fail(execution, failure);
}

async function undoAll(execution: Execution, steps: readonly RunbookStep[]): Promise<void> {
  for (const step of steps) {
    if (!step.undo) continue;
    await untilItWorks(execution, step, step.undo, { operation: 'cancelling', step: 'undoing' });
    execution.journal.step(step.id, 'undone');
  }
}

function fail(execution: Execution, error: { code: string; message: string }): OperationOutcome {
  execution.journal.operation({ state: 'failed', error });
  return end(execution, 'failed');
}

function stepRef(input: OperationInput, step: RunbookStep): StepRef {
  const { clusterId, operationId, generation, kind } = input;
  return { clusterId, operationId, lane: laneOf(kind), generation, stepId: step.id };
}

/** The code and the sentence of what an activity threw; the SDK wraps it in an ActivityFailure. */
function describeFailure(error: unknown): { code: string; message: string } {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) return { code: cause.type ?? 'INTERNAL', message: cause.message };
  if (isCancellation(error)) return { code: 'CANCELLED', message: 'cancelled' };
  const code: ErrorCode = 'STEP_DEADLINE_EXCEEDED';
  return { code, message: fillTemplate(ERRORS[code].template, { detail: rootCause(error) ?? 'none' }) };
}
