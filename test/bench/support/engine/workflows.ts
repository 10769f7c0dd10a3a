import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { StepRef } from '../../../../domain/clusters';
import { each } from '../../../../domain/each';
import type { OperationInput } from '../../../../domain/operations';
import { HEARTBEAT_TIMEOUT } from '../../../../workflows/deadlines';
import { execute } from '../../../../workflows/operation';
import type { OperationOutcome } from '../../../../workflows/operation';
import type { Runbook } from '../../../../workflows/runbook';
import { step } from '../../../../workflows/runbook';

/** An operation as the engine runs it, of activities that do nothing: what is left is the engine's own work. */

export const STEPS = 10;
export const ACTIVITIES_PER_STEP = 3;

export interface EmptyActivities {
  doNothing(at: StepRef, part: number): Promise<void>;
}

const empty = proxyActivities<EmptyActivities>({
  startToCloseTimeout: '1m',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

const parts = Array.from({ length: ACTIVITIES_PER_STEP }, (_, part) => part);

export const emptyRunbook: Runbook = Array.from({ length: STEPS }, (_, i) =>
  step(`do nothing, ${i + 1}`, (at) => each(parts, (part) => empty.doNothing(at, part))),
);

/** Stands in the place of the real one: entities start it by this name. */
export function provision(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, emptyRunbook);
}

export { clusterWorkflow } from '../../../../workflows/cluster';
