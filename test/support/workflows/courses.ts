import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { isStepRef } from '../../../domain/clusters';
import type { Decision } from '../../../workflows/operation';
import { decideOperation, decideOperationNow } from '../../../workflows/operation';
import { eventually } from '../eventually';
import type { Behaviour, ScriptedRun } from '../scripted-worker';

/** Courses that operations can take: what becomes of their steps, and what people decide. */

/** What happens on the way: how activities behave, and what people decide meanwhile. */
export interface Course {
  readonly behave: Behaviour;
  readonly meanwhile?: (handle: WorkflowHandle, run: ScriptedRun) => Promise<void>;
}

/** Gives whether the operation took the decision, as far as it says so. */
type Tell = (handle: WorkflowHandle, decision: Decision) => Promise<boolean>;

/** As the API does it. What the operation refuses leaves nothing in its history. */
const ask: Tell = async (handle, decision) => {
  try {
    await handle.executeUpdate(decideOperationNow, { args: [decision] });
    return true;
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) return false;
    throw error;
  }
};

/** As the API does it when no worker answers. */
export const leave: Tell = async (handle, decision) => {
  await handle.signal(decideOperation, decision);
  return true;
};

export const cancelInWebUi: Tell = async (handle) => {
  await handle.cancel();
  return true;
};

/** Approves what an operation asks for, if it comes so far. */
export async function approve(handle: WorkflowHandle, run: ScriptedRun, tell = ask): Promise<void> {
  let over = false;
  const end = (): void => void (over = true);
  void handle.result().then(end, end);
  await eventually(() => over || run.calls.includes('waitForReturn'));
  if (!over) await tell(handle, 'approve');
}

/** The step's first activity works until it is cancelled; where nothing can be cancelled any more, it ends by itself. */
export function cancelledIn(stepId: string, tell = ask): Course {
  let began = false;
  let decided = false;
  return {
    async behave({ args: [at] }) {
      if (!isStepRef(at) || at.stepId !== stepId || decided) return;
      began = true;
      const context = Context.current();
      const heart = setInterval(() => context.heartbeat(), 50);
      const ignored = eventually(() => decided).then(() => new Promise((resolve) => setTimeout(resolve, 500)));
      await Promise.race([context.cancelled, ignored]).finally(() => clearInterval(heart));
    },
    async meanwhile(handle) {
      await eventually(() => began);
      await tell(handle, 'cancel');
      decided = true;
    },
  };
}

/** One step after the other fails once and waits for a decision. */
export function waitingIn(stepIds: readonly string[], decisions: readonly Decision[], tell = ask): Course {
  let next = 0;
  return {
    behave({ args: [at] }) {
      if (!isStepRef(at) || at.stepId !== stepIds[next]) return;
      next += 1;
      throw ApplicationFailure.nonRetryable('the disk is full', 'CLOUD_FULL');
    },
    async meanwhile(handle, run) {
      for (const [i, decision] of decisions.entries()) {
        await eventually(() => next > i && isWaiting(run));
        await eventually(() => tell(handle, decision));
      }
    },
  };
}

export function failOnce(stepId: string, type: string): Behaviour {
  let failed = false;
  return ({ args: [at] }) => {
    if (failed || !isStepRef(at) || at.stepId !== stepId) return;
    failed = true;
    throw ApplicationFailure.nonRetryable('for the test', type);
  };
}

export const isWaiting = ({ records }: ScriptedRun): boolean =>
  records.findLast(({ operation }) => operation)?.operation?.state === 'waiting';
