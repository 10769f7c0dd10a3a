import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { OperationInput } from '../../../domain/operations';
import { housekeeping } from '../../../workflows/housekeeping';
import { watch } from '../../../workflows/watch';
import type { Behaviour, ScriptedRun, ScriptedTemporal } from '../scripted-worker';
import type { HistoryPath } from './paths';

/** The ways of what Schedules start. */
export const SCHEDULED_PATHS: readonly HistoryPath[] = [
  duePath('taken', (run) => givesOperation(run)),
  duePath('not taken', () => () => undefined),
  duePath('another one runs', () => ({ name }) => {
    if (name === 'openBackup') throw ApplicationFailure.nonRetryable('operation op_1 works on it', 'CLUSTER_BUSY');
  }),
  {
    name: 'scheduled backup, started elsewhere',
    record: (engine) =>
      startDue(engine, (run) => {
        const gives = givesOperation(run);
        return async (call) => {
          const { taskQueue, input } = run();
          const { operationId } = input;
          const operation = { ...input, kind: 'backup' };
          if (call.name === 'openBackup')
            await engine.temporal.client.workflow.start('backup', {
              workflowId: operationId,
              taskQueue,
              args: [operation],
            });
          return gives(call);
        };
      }),
  },
  drillPath(
    'held',
    (run) =>
      ({ name }) =>
        name === 'openDrill' ? { operation: { ...run().input, kind: 'drill' } } : undefined,
  ),
  drillPath('not held', () => () => undefined),
  dumpPath(
    'taken',
    (run) =>
      ({ name }) =>
        name === 'openDump' ? { operation: { ...run().input, kind: 'dump' } } : undefined,
  ),
  dumpPath('not taken', () => () => undefined),
  dumpPath('another one runs', () => ({ name }) => {
    if (name === 'openDump') throw ApplicationFailure.nonRetryable('operation op_1 works on it', 'CLUSTER_BUSY');
  }),
  fleetPath('housekeeping', housekeeping),
  // It ends only where its activity is scripted to.
  fleetPath('watch', watch),
];

/** Of what has no argument, and belongs to no cluster. */
function fleetPath(name: string, workflow: typeof housekeeping | typeof watch): HistoryPath {
  const record: HistoryPath['record'] = (engine) =>
    engine.withWorker(
      () => undefined,
      async ({ taskQueue }) => {
        const handle = await engine.temporal.client.workflow.start(workflow, { workflowId: name, taskQueue });
        await handle.result();
        return handle;
      },
    );
  return { name, record };
}

function duePath(title: string, behave: (run: () => ScriptedRun) => Behaviour): HistoryPath {
  return { name: `scheduled backup, ${title}`, record: (engine) => startDue(engine, behave) };
}

type BehaveIn = (run: () => ScriptedRun) => Behaviour;

function drillPath(title: string, behave: BehaveIn): HistoryPath {
  const record: HistoryPath['record'] = (engine) =>
    startScheduled(engine, behave, 'drillDue', ({ clusterId }) => ({ clusterId }));
  return { name: `scheduled drill, ${title}`, record };
}

function dumpPath(title: string, behave: BehaveIn): HistoryPath {
  const record: HistoryPath['record'] = (engine) =>
    startScheduled(engine, behave, 'dumpDue', ({ clusterId }) => ({ clusterId }));
  return { name: `scheduled dump, ${title}`, record };
}

function startDue(engine: ScriptedTemporal, behave: BehaveIn): Promise<WorkflowHandle> {
  return startScheduled(engine, behave, 'backupDue', ({ clusterId }) => ({ clusterId, type: 'full' }));
}

/** @param behave is given the run, which begins after it. */
function startScheduled(
  engine: ScriptedTemporal,
  behave: (run: () => ScriptedRun) => Behaviour,
  workflow: 'backupDue' | 'drillDue' | 'dumpDue',
  argsOf: (input: OperationInput) => object,
): Promise<WorkflowHandle> {
  let begun: ScriptedRun | undefined;
  const run = (): ScriptedRun => {
    if (!begun) throw new Error('it has not begun');
    return begun;
  };
  return engine.withWorker(behave(run), async (scripted) => {
    begun = scripted;
    const handle = await engine.temporal.client.workflow.start(workflow, {
      workflowId: `${workflow} ${scripted.input.operationId}`,
      taskQueue: scripted.taskQueue,
      args: [argsOf(scripted.input)],
    });
    await handle.result();
    return handle;
  });
}

function givesOperation(run: () => ScriptedRun): Behaviour {
  return ({ name }) => (name === 'openBackup' ? { operation: { ...run().input, kind: 'backup' } } : undefined);
}
