import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import { isStepRef } from '../../../domain/clusters';
import { OPERATION_KINDS } from '../../../domain/operations';
import type { OperationInput, OperationKind } from '../../../domain/operations';
import type { Topology } from '../../../domain/plans';
import { TOPOLOGIES } from '../../../domain/plans';
import type { Decision } from '../../../workflows/operation';
import { decideOperation, decideOperationNow } from '../../../workflows/operation';
import { checkHost } from '../../../workflows/check-host';
import { RUNBOOKS } from '../../../workflows/runbooks';
import { listSteps } from '../../../workflows/runbook';
import { entityOf } from '../entity';
import { eventually } from '../eventually';
import type { Behaviour, ScriptedRun, ScriptedTemporal } from '../scripted-worker';

/**
 * The ways that workflows can go, derived from the runbooks: each has a recorded history, which the code of today must be
 * able to go on with.
 */
export interface HistoryPath {
  readonly name: string;
  /** Goes this way on a real server. Returns the workflow whose history is the recording. */
  record(engine: ScriptedTemporal): Promise<WorkflowHandle>;
}

/** What happens on the way: how activities behave, and what people decide meanwhile. */
interface Course {
  readonly behave: Behaviour;
  readonly meanwhile?: (handle: WorkflowHandle, run: ScriptedRun) => Promise<void>;
}

export const OPERATION_PATHS: readonly HistoryPath[] = OPERATION_KINDS.flatMap((kind) => [
  ...TOPOLOGIES.map((topology) => operationPath(kind, topology, 'success', () => ({ behave: () => undefined }))),
  ...stepsOf(kind).flatMap((stepId) => [
    operationPath(kind, 'single', `cancelled in ${stepId}`, () => cancelledIn(stepId)),
    operationPath(kind, 'single', `retried after waiting in ${stepId}`, () => waitingIn([stepId], ['retry'])),
  ]),
  operationPath(kind, 'single', 'cancelled while no worker ran', () => cancelledIn(lastOf(kind), leave)),
  operationPath(kind, 'single', 'retried while no worker ran', () => waitingIn([lastOf(kind)], ['retry'], leave)),
  operationPath(kind, 'ha', 'cancelled in the Web UI', () => cancelledIn(lastOf(kind), cancelInWebUi)),
  operationPath(kind, 'single', 'overtaken', () => ({ behave: failOnce(lastOf(kind), 'STALE_GENERATION') })),
]);

/** Undo that fails too: only what can be undone has such a path. */
export const UNDO_PATHS: readonly HistoryPath[] = OPERATION_KINDS.flatMap((kind) =>
  undoableStepsOf(kind).map((stepId) =>
    operationPath(kind, 'single', `undo of ${stepId} waits`, () =>
      waitingIn([lastOf(kind), stepId], ['cancel', 'retry']),
    ),
  ),
);

export const ENTITY_PATHS: readonly HistoryPath[] = [
  {
    name: 'entity, from provision to delete',
    record: (engine) =>
      engine.withWorker(
        () => undefined,
        async (run) => {
          const entity = entityOf(engine, run);
          await entity.submit(run.input);
          await entity.submit(entity.another('delete'));
          await entity.handle.result();
          return entity.handle;
        },
      ),
  },
  {
    name: 'entity, an operation was terminated',
    record: (engine) =>
      engine.withWorker(failOnce(lastOf('provision'), 'CLOUD_FULL'), async (run) => {
        const entity = entityOf(engine, run);
        await entity.submit(run.input);
        await eventually(() => isWaiting(run));
        await engine.temporal.client.workflow.getHandle(run.input.operationId).terminate();
        await entity.submit(entity.another('delete'));
        await entity.handle.result();
        return entity.handle;
      }),
  },
];

/** It has one activity, which is tried once. */
export const CHECK_PATHS: readonly HistoryPath[] = [
  checkPath('success', () => undefined),
  checkPath('failure', () => {
    throw new Error('the cloud does not answer');
  }),
];

/** On a server that suggests it after very few events. */
export const CONTINUED_PATHS: readonly HistoryPath[] = [
  {
    name: 'entity, continued as new',
    record: (engine) =>
      engine.withWorker(
        () => undefined,
        async (run) => {
          const entity = entityOf(engine, run);
          await entity.submit(run.input);
          await entity.finished(run.input);
          const { client } = engine.temporal;
          const first = await eventually(async () => {
            for await (const { runId, workflowId, status } of client.workflow.list()) {
              if (workflowId === entity.handle.workflowId && status.name === 'CONTINUED_AS_NEW') return runId;
            }
            return undefined;
          });
          await entity.handle.terminate();
          return client.workflow.getHandle(entity.handle.workflowId, first);
        },
      ),
  },
];

function checkPath(title: string, behave: Behaviour): HistoryPath {
  return {
    name: `check of a host, ${title}`,
    record: (engine) =>
      engine.withWorker(behave, async ({ taskQueue }) => {
        const handle = await engine.temporal.client.workflow.start(checkHost, {
          workflowId: `check, ${title}`,
          taskQueue,
          args: ['host_test'],
        });
        await handle.result().catch((error: unknown) => {
          if (!(error instanceof WorkflowFailedError)) throw error;
        });
        return handle;
      }),
  };
}

function operationPath(kind: OperationKind, topology: Topology, title: string, course: () => Course): HistoryPath {
  return {
    name: `${kind}, ${topology}, ${title}`,
    record(engine) {
      const { behave, meanwhile } = course();
      return engine.withWorker(behave, async (run) => {
        const input: OperationInput = { ...run.input, kind, topology };
        const handle = await engine.temporal.client.workflow.start(RUNBOOKS[kind].workflow, {
          workflowId: input.operationId,
          taskQueue: run.taskQueue,
          args: [input],
        });
        await meanwhile?.(handle, run);
        await handle.result();
        return handle;
      });
    },
  };
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
const leave: Tell = async (handle, decision) => {
  await handle.signal(decideOperation, decision);
  return true;
};

const cancelInWebUi: Tell = async (handle) => {
  await handle.cancel();
  return true;
};

/** The step's first activity works until it is cancelled; where nothing can be cancelled any more, it ends by itself. */
function cancelledIn(stepId: string, tell = ask): Course {
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
function waitingIn(stepIds: readonly string[], decisions: readonly Decision[], tell = ask): Course {
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

function failOnce(stepId: string, type: string): Behaviour {
  return ({ args: [at], times }) => {
    if (isStepRef(at) && at.stepId === stepId && times === 1)
      throw ApplicationFailure.nonRetryable('for the test', type);
  };
}

const isWaiting = ({ records }: ScriptedRun): boolean =>
  records.findLast(({ operation }) => operation)?.operation?.state === 'waiting';

function stepsOf(kind: OperationKind): string[] {
  return listSteps(RUNBOOKS[kind].runbook({ topology: 'single' })).map(({ id }) => id);
}

function undoableStepsOf(kind: OperationKind): string[] {
  return listSteps(RUNBOOKS[kind].runbook({ topology: 'single' })).flatMap(({ id, undo }) => (undo ? [id] : []));
}

function lastOf(kind: OperationKind): string {
  const last = stepsOf(kind).at(-1);
  if (last === undefined) throw new Error(`${kind} has no steps`);
  return last;
}
