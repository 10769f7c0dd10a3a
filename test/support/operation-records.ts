import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import type { OperationKind, OperationRecord } from '../../domain/operations';
import { RUNBOOKS } from '../../workflows/runbooks';
import type { ScriptedRun, ScriptedTemporal } from './scripted-worker';

/** Operations that run on scripted activities, and what their records tell. */

/** Starts the operation of a run as one of that kind. */
export const startOperation = (
  { temporal }: ScriptedTemporal,
  { input, taskQueue }: ScriptedRun,
  kind: OperationKind,
): Promise<WorkflowHandleWithFirstExecutionRunId> =>
  temporal.client.workflow.start(RUNBOOKS[kind].workflow, {
    workflowId: input.operationId,
    taskQueue,
    args: [{ ...input, kind }],
  });

export const statesOf = (records: readonly OperationRecord[]): string[] =>
  records.flatMap((record) => (record.operation ? [record.operation.state] : []));

/** Ids of steps that were recorded in that state. */
export const stepsIn = (records: readonly OperationRecord[], state: string): string[] =>
  records.flatMap((record) => record.steps.filter((step) => step.state === state).map((step) => step.stepId));

/** The last that was recorded of an operation. */
export const endOf = (records: readonly OperationRecord[]): OperationRecord['operation'] =>
  records.findLast(({ operation }) => operation)?.operation;
