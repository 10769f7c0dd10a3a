import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import { OPERATION_KINDS } from '../../../domain/operations';
import type { OperationInput, OperationKind } from '../../../domain/operations';
import type { Topology } from '../../../domain/plans';
import { TOPOLOGIES } from '../../../domain/plans';
import type { NodeName } from '../../../domain/topology';
import { checkHost } from '../../../workflows/check-host';
import { checkSites } from '../../../workflows/check-sites';
import { lookAtWindow } from '../../../workflows/look-at-window';
import { RUNBOOKS } from '../../../workflows/runbooks';
import type { Runbook, RunbookStep } from '../../../workflows/runbook';
import { isList, listSteps } from '../../../workflows/runbook';
import { entityOf } from '../entity';
import { eventually } from '../eventually';
import type { Behaviour, ScriptedRun, ScriptedTemporal } from '../scripted-worker';
import type { Decision } from '../../../workflows/operation';
import type { Course } from './courses';
import { approve, cancelInWebUi, cancelledIn, failOnce, isWaiting, leave, waitingIn } from './courses';

/**
 * The ways that workflows can go, derived from the runbooks: each has a recorded history, which the code of today must be
 * able to go on with.
 */
export interface HistoryPath {
  readonly name: string;
  /** Goes this way on a real server. Returns the workflow whose history is the recording. */
  record(engine: ScriptedTemporal): Promise<WorkflowHandle>;
}

export const OPERATION_PATHS: readonly HistoryPath[] = OPERATION_KINDS.flatMap((kind) => [
  ...TOPOLOGIES.map((topology) => operationPath(kind, topology, 'success', () => ({ behave: () => undefined }))),
  ...ownStepsOf(kind).flatMap((step) => [
    operationPath(kind, 'single', `cancelled in ${step.id}`, () => cancelledIn(step.id)),
    failurePath(kind, step),
  ]),
  operationPath(kind, 'single', 'cancelled while no worker ran', () => cancelledIn(lastToCancel(kind), leave)),
  ...(waits(kind)
    ? [operationPath(kind, 'single', 'retried while no worker ran', () => waitingIn([lastOf(kind)], ['retry'], leave))]
    : []),
  operationPath(kind, 'ha', 'cancelled in the Web UI', () => cancelledIn(lastToCancel(kind), cancelInWebUi)),
  operationPath(kind, 'single', 'overtaken', () => ({ behave: failOnce(lastOf(kind), 'STALE_GENERATION') })),
]);

/** What replaces a gateway is another runbook than what replaces a data node. */
export const GATEWAY_PATHS: readonly HistoryPath[] = [
  gatewayPath('success', () => ({ behave: () => undefined })),
  gatewayPath('retried after waiting in open-the-gateway', () => waitingIn(['open-the-gateway'], ['retry'])),
];

/** What becomes of an operation that waits for approval. */
export const APPROVAL_PATHS: readonly HistoryPath[] = [
  approvalPath('cancelled while it waits for approval', undefined, (handle) => decideAs('cancel', handle)),
  approvalPath(
    'a host has come back',
    () => 'pg-1 is back',
    () => Promise.resolve(),
  ),
  approvalPath('approved while no worker ran', undefined, (handle) => decideAs('approve', handle)),
];

/** Undo that fails too: only what can be undone has such a path. */
export const UNDO_PATHS: readonly HistoryPath[] = OPERATION_KINDS.flatMap((kind) =>
  ownStepsOf(kind)
    .filter(({ undo }) => undo)
    .map(({ id, mayFail }) =>
      operationPath(kind, 'single', `undo of ${id} waits`, () => {
        // One that may fail is undone at once.
        if (mayFail) return waitingIn([id, id], ['retry']);
        if (kind === 'drill') return waitingIn(['look-for-damage-in-what-came-back', id], ['retry']);
        return kind === 'restore-database'
          ? waitingIn([lastToCancel(kind), id], ['retry'])
          : waitingIn([lastToCancel(kind), id], ['cancel', 'retry']);
      }),
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
    name: 'entity, a backup beside a provision, and a deletion that overtakes it',
    record: deleteDuringBackup,
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
  {
    name: 'look at what can be restored',
    record: (engine) =>
      engine.withWorker(
        () => undefined,
        async ({ taskQueue, input: { clusterId } }) => {
          const handle = await engine.temporal.client.workflow.start(lookAtWindow, {
            workflowId: 'look at what can be restored',
            taskQueue,
            args: [clusterId, null, null],
          });
          await handle.result();
          return handle;
        },
      ),
  },
  {
    name: 'check of the sites',
    record: (engine) =>
      engine.withWorker(
        () => undefined,
        async ({ taskQueue }) => {
          const handle = await engine.temporal.client.workflow.start(checkSites, {
            workflowId: 'check of the sites',
            taskQueue,
          });
          await handle.result();
          return handle;
        },
      ),
  },
];

/** On a server that suggests it after very few events. */
export const CONTINUED_PATHS: readonly HistoryPath[] = [
  continuedPath('continued as new', 'provision'),
  continuedPath('continued as new with a backup', 'backup'),
];

/** The backup begins before the provision ends, and ends when the cluster is forgotten. */
async function deleteDuringBackup(engine: ScriptedTemporal): Promise<WorkflowHandle> {
  let [began, deleted] = [false, false];
  const behave: Behaviour = async ({ name }) => {
    if (name === 'declareReady') await eventually(() => began);
    if (name === 'forgetCluster') deleted = true;
    if (name !== 'takeBackup') return;
    began = true;
    await eventually(() => deleted);
    throw ApplicationFailure.nonRetryable('for the test', 'STALE_GENERATION');
  };
  return engine.withWorker(behave, async (run) => {
    const entity = entityOf(engine, run);
    const backup = entity.another('backup');
    await entity.submit(run.input);
    await entity.submit(backup);
    await entity.submit(entity.another('delete'));
    await entity.handle.result();
    await entity.finished(backup);
    return entity.handle;
  });
}

function continuedPath(title: string, kind: OperationKind): HistoryPath {
  return {
    name: `entity, ${title}`,
    record: (engine) =>
      engine.withWorker(
        () => undefined,
        async (run) => {
          const entity = entityOf(engine, run);
          const operation = { ...run.input, kind };
          await entity.submit(operation);
          await entity.finished(operation);
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
  };
}

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

function gatewayPath(title: string, course: () => Course): HistoryPath {
  const path = operationPath('replace-node', 'ha', title, course, 'gw-1');
  return { ...path, name: `replace-node of a gateway, ${title}` };
}

const decideAs = async (decision: Decision, handle: WorkflowHandle): Promise<void> =>
  void (await leave(handle, decision));

function approvalPath(
  title: string,
  needless: (() => string) | undefined,
  decide: (handle: WorkflowHandle) => Promise<void>,
): HistoryPath {
  return {
    name: `recover, single, ${title}`,
    record: (engine) =>
      engine.withWorker(
        ({ name }) => (name === 'waitForReturn' ? needless?.() : undefined),
        async (run) => {
          const handle = await start(engine, run, { ...run.input, kind: 'recover' });
          await eventually(() => run.calls.includes('waitForReturn'));
          await decide(handle);
          await handle.result();
          return handle;
        },
      ),
  };
}

const start = (engine: ScriptedTemporal, { taskQueue }: ScriptedRun, input: OperationInput): Promise<WorkflowHandle> =>
  engine.temporal.client.workflow.start(RUNBOOKS[input.kind].workflow, {
    workflowId: input.operationId,
    taskQueue,
    args: [input],
  });

function operationPath(
  kind: OperationKind,
  topology: Topology,
  title: string,
  course: () => Course,
  node?: NodeName,
): HistoryPath {
  return {
    name: `${kind}, ${topology}, ${title}`,
    record(engine) {
      const { behave, meanwhile } = course();
      return engine.withWorker(behave, async (run) => {
        const input: OperationInput = { ...run.input, kind, topology, ...(node && { node }) };
        const handle = await start(engine, run, input);
        await Promise.all([meanwhile?.(handle, run), kind === 'recover' && approve(handle, run)]);
        await handle.result();
        return handle;
      });
    },
  };
}

/** What becomes of an operation whose step fails for good: it waits for a retry, or ends where the step may fail. */
function failurePath(kind: OperationKind, { id, mayFail, givesUp }: RunbookStep): HistoryPath {
  // What undoes the step must not fail as well.
  if (givesUp) return operationPath(kind, 'single', `failed in ${id}`, () => waitingIn([id], []));
  return mayFail
    ? operationPath(kind, 'single', `failed in ${id}`, () => ({ behave: failOnce(id, 'CLOUD_FULL') }))
    : operationPath(kind, 'single', `retried after waiting in ${id}`, () => waitingIn([id], ['retry']));
}

function stepsOf(kind: OperationKind): RunbookStep[] {
  return listSteps(RUNBOOKS[kind].runbook({ topology: 'single' }));
}

/** But those that what makes a cluster, or takes it away, has in common with others, whose paths are the same. */
function ownStepsOf(kind: OperationKind): RunbookStep[] {
  if (!['restore', 'recover', 'drill', 'restore-database'].includes(kind)) return stepsOf(kind);
  const others: OperationKind[] = [
    'provision',
    'delete',
    ...(kind === 'restore-database' || kind === 'recover' ? (['restore'] as const) : []),
  ];
  const known = others.flatMap(stepsOf).map(({ id }) => id);
  return stepsOf(kind).filter(({ id }) => !known.includes(id));
}

function waits(kind: OperationKind): boolean {
  return stepsOf(kind).some(({ mayFail, givesUp }) => !mayFail && !givesUp);
}

function lastOf(kind: OperationKind): string {
  const last = stepsOf(kind).at(-1);
  if (last === undefined) throw new Error(`${kind} has no steps`);
  return last.id;
}

/** The last step that a cancel still ends; the last of all where it ends none. */
function lastToCancel(kind: OperationKind): string {
  const lines = linesOf(RUNBOOKS[kind].runbook({ topology: 'single' }));
  const end = lines.findIndex((line) => !isList(line) && line.kind === 'pointOfNoReturn');
  return listSteps(end < 0 ? lines : lines.slice(0, end)).at(-1)?.id ?? lastOf(kind);
}

const linesOf = (runbook: Runbook): Runbook[] => (isList(runbook) ? runbook.flatMap(linesOf) : [runbook]);
