import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  defineSignal,
  defineUpdate,
  setHandler,
} from '@temporalio/workflow';
import type { StepRef } from '../domain/clusters';
import { each } from '../domain/each';
import type { ErrorCode } from '../domain/errors';
import { HoldfastError } from '../domain/errors';
import { APPROVAL, laneOf } from '../domain/operations';
import type { OperationInput } from '../domain/operations';
import { describeFailure, isOver, wasAway, wasTried } from './failures';
import type { Journal } from './journal';
import { openJournal } from './journal';
import type { Approval, Runbook, RunbookStep } from './runbook';
import { isList, titlesOf } from './runbook';

/**
 * Runs a runbook: records every step, waits for attention where a retry by itself would not help, and undoes what was
 * done when it is cancelled before the point of no return.
 */

export type Decision = 'retry' | 'cancel' | 'approve';
/**
 * What people (API, command) decide about an operation. It answers at once whether it takes the decision, and carries out
 * what it took. Rejected with OPERATION_FINISHED, POINT_OF_NO_RETURN, NOT_WAITING or NO_APPROVAL_WANTED and what fills their templates.
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
  /** What somebody's approval ends; null before that is waited for. */
  asking: CancellationScope | null;
  approved: boolean;
  /** Why it ended by itself. */
  needless: string | null;
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
      asking: null,
      approved: false,
      needless: null,
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
    await execution.journal.close(outcome, execution.needless);
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

/** Why a decision can't be carried out any more, null when it can. A cancel that was taken may be repeated, and so may an approval. */
function refusalOf(execution: Execution, decision: Decision): HoldfastError | null {
  const { scope, waiting, asking, pointOfNoReturnPassed, outcome } = execution;
  const operation = execution.input.operationId;
  if (outcome) return new HoldfastError('OPERATION_FINISHED', { operation, state: outcome, verb: decision });
  const cancelled = scope.consideredCancelled;
  const state = stateOf(execution);
  if (decision === 'retry') return waiting.size > 0 ? null : new HoldfastError('NOT_WAITING', { operation, state });
  if (decision === 'approve')
    return asking && !cancelled ? null : new HoldfastError('NO_APPROVAL_WANTED', { operation, state });
  const reason = 'what it has done cannot be taken back';
  return pointOfNoReturnPassed && !cancelled ? new HoldfastError('POINT_OF_NO_RETURN', { operation, reason }) : null;
}

/** In words that say why a decision does not fit. */
function stateOf({ scope, waiting, asking, approved }: Execution): string {
  if (scope.consideredCancelled) return 'cancelling';
  if (waiting.size > 0) return 'in need of attention';
  return asking && !approved ? 'waiting for approval' : 'running';
}

function take(execution: Execution, decision: Decision): void {
  const { scope, waiting, asking } = execution;
  if (decision === 'approve') {
    execution.approved = true;
    asking?.cancel();
  }
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
  const given = await untilItWorks(execution, step, step.run, { operation: 'running', step: 'running' });
  if (step.approval) return untilApproved(execution, step, step.approval, String(given));
  execution.journal.step(step.id, 'succeeded');
}

/** Waits for somebody's approval, or until there is nothing to approve any more: that is the end. */
async function untilApproved(
  execution: Execution,
  step: RunbookStep,
  { needless }: Approval,
  wanted: string,
): Promise<void> {
  const asking = new CancellationScope();
  execution.asking = asking;
  execution.journal.operation({ state: 'waiting', reason: `${APPROVAL}${wanted}` });
  try {
    execution.needless = await asking.run(() => needless(stepRef(execution.input, step)));
  } catch (error) {
    // What approves ends the wait.
    if (!execution.approved || execution.scope.consideredCancelled) {
      execution.journal.step(step.id, 'failed', describeFailure(error).message);
      throw error;
    }
  }
  execution.journal.step(step.id, 'succeeded');
  if (execution.needless !== null) execution.scope.cancel();
  else execution.journal.operation({ state: 'running' });
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
): Promise<unknown> {
  for (;;) {
    execution.journal.step(step.id, phase.step);
    try {
      return await act(stepRef(execution.input, step));
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
