import { Context } from '@temporalio/activity';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { OperationRecord } from '../../domain/operations';
import { decideOperationNow } from '../../workflows/operation';
import type { Decision } from '../../workflows/operation';
import type { Behaviour, ScriptedRun, ScriptedTemporal } from './scripted-worker';

/** Operations that somebody decides about. */

export type Workflow = 'provision' | 'deleteCluster' | 'recover';
export type Operate = (
  workflow: Workflow,
  behave: Behaviour,
  act: (handle: WorkflowHandle, run: ScriptedRun) => Promise<void>,
) => Promise<void>;

/** Starts an operation whose activities behave so, and does something with it. @param engine only known once it runs. */
export const operateOn =
  (engine: () => ScriptedTemporal): Operate =>
  (workflow, behave, act) =>
    engine().withWorker(behave, async (run) => {
      const { input, taskQueue } = run;
      const options = { workflowId: input.operationId, taskQueue, args: [input] };
      await act(await engine().temporal.client.workflow.start(workflow, options), run);
    });

/** `taken`, or the code of the refusal. */
export async function decide(handle: WorkflowHandle, decision: Decision, updateId?: string): Promise<string> {
  try {
    await handle.executeUpdate(decideOperationNow, { args: [decision], ...(updateId !== undefined && { updateId }) });
    return 'taken';
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure)
      return String(error.cause.type);
    throw error;
  }
}

export const statesIn = (records: OperationRecord[]): string[] =>
  records.flatMap(({ operation }) => (operation ? [operation.state] : []));
export const reasonsIn = (records: OperationRecord[]): string[] =>
  records.flatMap(({ operation }) => (operation?.reason === undefined ? [] : [operation.reason]));
export const isWaiting = ({ records }: ScriptedRun): boolean => statesIn(records).at(-1) === 'waiting';
/** A door at which activities wait until it is opened, or their worker stops. */
export function makeDoor(): { open(): void; pass(): Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, pass: () => Promise.race([promise, Context.current().cancelled]) };
}
