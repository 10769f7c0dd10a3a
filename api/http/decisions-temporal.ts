import type { WorkflowHandle } from '@temporalio/client';
import {
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { Decision } from '../../workflows/operation';
import { decideOperation, decideOperationNow } from '../../workflows/operation';
import type { Decided } from './engine';

/** How people's decisions reach the workflow of an operation: it knows best whether it can still take them. */

/** Runs a call to Temporal for as long as a request may wait for it. */
export type Within = <T>(call: () => Promise<T>) => Promise<T>;

/**
 * The workflow answers by way of a worker. When none does in time, the decision is left for the next one as a signal,
 * which the server keeps.
 *
 * @throws as `Engine.decide`.
 */
export async function tellOperation(within: Within, workflow: WorkflowHandle, decision: Decision): Promise<Decided> {
  // A cancel or an approval that is repeated is the same one; a retry is for the wait that it meets.
  const updateId = decision === 'retry' ? {} : { updateId: decision };
  try {
    await within(() => workflow.executeUpdate(decideOperationNow, { args: [decision], ...updateId })).catch(
      async (error: unknown) => {
        if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw error;
        await within(() => workflow.signal(decideOperation, decision));
      },
    );
    return 'taken';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return missing(await within(() => stateOfWorkflow(workflow)), error);
    throw refusalIn(error) ?? unavailable(error);
  }
}

function missing(state: 'running' | 'ended' | 'unknown', cause: Error): Decided {
  // It has begun since it was not found.
  if (state === 'running') throw unavailable(cause);
  return state;
}

/** @throws UNAVAILABLE. */
export async function stateOfWorkflow(workflow: WorkflowHandle): Promise<'running' | 'ended' | 'unknown'> {
  try {
    const { status } = await workflow.describe();
    return status.name === 'RUNNING' ? 'running' : 'ended';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'unknown';
    throw unavailable(error);
  }
}

const unavailable = (cause: unknown): HoldfastError =>
  new HoldfastError('UNAVAILABLE', { part: 'The workflow engine' }, { cause });

const refusalSchema = z.object({
  type: z.enum(['OPERATION_FINISHED', 'POINT_OF_NO_RETURN', 'NOT_WAITING', 'NO_APPROVAL_WANTED']),
  details: z.tuple([z.record(z.string(), z.union([z.string(), z.number()]))]),
});

/** What the workflow said, in the words of the catalogue; undefined when it was not the workflow that refused. */
function refusalIn(error: unknown): HoldfastError | undefined {
  if (!(error instanceof WorkflowUpdateFailedError) || !(error.cause instanceof ApplicationFailure)) return undefined;
  const { data: refusal } = refusalSchema.safeParse(error.cause);
  return refusal && new HoldfastError(refusal.type, refusal.details[0]);
}
