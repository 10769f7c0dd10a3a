import { WithStartWorkflowOperation, WorkflowNotFoundError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { entityWorkflowId } from '../../domain/names';
import type { OperationInput } from '../../domain/operations';
import { clusterWorkflow, submitOperation } from '../../workflows/cluster';
import type { ScriptedRun, ScriptedTemporal } from '../support/scripted-worker';
import { startScriptedTemporal } from '../support/scripted-worker';
import { eventually } from '../support/temporal';

/** The entity of a cluster: one operation after the other, each once. */

jest.setTimeout(60_000);

let engine: ScriptedTemporal;
beforeAll(async () => {
  engine = await startScriptedTemporal();
});
afterAll(() => engine?.stop());

const submit = async ({ taskQueue }: ScriptedRun, operation: OperationInput): Promise<void> => {
  const startWorkflowOperation = new WithStartWorkflowOperation(clusterWorkflow, {
    workflowId: entityWorkflowId(operation.clusterId),
    taskQueue,
    workflowIdConflictPolicy: 'USE_EXISTING',
    args: [{ clusterId: operation.clusterId }],
  });
  await engine.temporal.client.workflow.executeUpdateWithStart(submitOperation, {
    startWorkflowOperation,
    updateId: operation.operationId,
    args: [operation],
  });
};
/** A submission is taken before its workflow begins: right after it there may be none yet. */
const finished = ({ operationId }: OperationInput): Promise<unknown> =>
  eventually(() =>
    engine.temporal.client.workflow
      .getHandle(operationId)
      .result()
      .catch((error: unknown) => {
        if (error instanceof WorkflowNotFoundError) return undefined;
        throw error;
      }),
  );
const entity = ({ input }: ScriptedRun) => engine.temporal.client.workflow.getHandle(entityWorkflowId(input.clusterId));
const deletion = ({ input }: ScriptedRun): OperationInput => ({
  ...input,
  operationId: `${input.operationId}delete`,
  kind: 'delete',
  generation: 2,
});

test('operations of a cluster run one after the other, and the entity ends with its cluster', async () => {
  await engine.withWorker(
    () => undefined,
    async (run) => {
      await submit(run, run.input);
      await submit(run, deletion(run));
      await entity(run).result();
      expect(run.calls.lastIndexOf('declareReady')).toBeLessThan(run.calls.indexOf('declareDeleting'));
      expect(run.calls.at(-1)).toBe('forgetCluster');
    },
  );
});

test('an operation that is submitted twice runs once', async () => {
  await engine.withWorker(
    () => undefined,
    async (run) => {
      await Promise.all([submit(run, run.input), submit(run, run.input)]);
      await finished(run.input);
      await submit(run, run.input);
      await submit(run, deletion(run));
      await entity(run).result();
      expect(run.calls.filter((call) => call === 'declareReady')).toHaveLength(1);
    },
  );
});

test('an operation that an operator terminated is recorded as failed, and the cluster takes the next one', async () => {
  await engine.withWorker(
    ({ name }) => {
      if (name === 'createNetwork') throw ApplicationFailure.nonRetryable('no room', 'CLOUD_FULL');
    },
    async (run) => {
      await submit(run, run.input);
      await eventually(() => (run.records.at(-1)?.operation?.state === 'waiting' ? true : undefined));
      await engine.temporal.client.workflow.getHandle(run.input.operationId).terminate('by an operator');
      await eventually(() => (run.records.at(-1)?.operation?.state === 'failed' ? true : undefined));
      await submit(run, deletion(run));
      await entity(run).result();
      expect(run.calls.at(-1)).toBe('forgetCluster');
    },
  );
});

test('a terminated entity starts anew with the next operation and waits for nothing', async () => {
  await engine.withWorker(
    () => undefined,
    async (run) => {
      await submit(run, run.input);
      await finished(run.input);
      await entity(run).terminate('by an operator');
      await submit(run, deletion(run));
      await entity(run).result();
      expect(run.calls.at(-1)).toBe('forgetCluster');
    },
  );
});

test('operators read in the Web UI what an operation is about and how far it is', async () => {
  await engine.withWorker(
    ({ name }) => {
      if (name === 'createNetwork') throw ApplicationFailure.nonRetryable('no room', 'CLOUD_FULL');
    },
    async (run) => {
      await submit(run, run.input);
      await eventually(() => (run.records.at(-1)?.operation?.state === 'waiting' ? true : undefined));
      const handle = engine.temporal.client.workflow.getHandle(run.input.operationId);
      const description = await handle.describe();
      expect(await description.staticSummary()).toBe('provision orders: sandbox, PostgreSQL 18');
      expect(description.searchAttributes).toMatchObject({
        HoldfastCluster: ['orders'],
        HoldfastOperationKind: ['provision'],
      });
      const metadata = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
      expect(metadata.currentDetails).toContain('❌ create the private network');
      const { events } = await handle.fetchHistory();
      const scheduled = events?.find(
        (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'createNetwork',
      );
      expect(Buffer.from(scheduled?.userMetadata?.summary?.data ?? []).toString()).toContain(
        'create the private network',
      );
      await submit(run, run.input);
      await handle.terminate();
    },
  );
});
