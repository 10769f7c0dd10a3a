import { join } from 'node:path';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { bundleWorkflows } from '../../workers/bundle';
import { startTemporal } from '../support/temporal';

/** One tenant's workflow never sees what another's left in a module: older SDKs leaked that, and so might newer ones. */

let temporal: TestWorkflowEnvironment;
beforeAll(async () => {
  temporal = await startTemporal();
});
afterAll(() => temporal?.teardown());

test('workflows that run at the same time share no state of a module', async () => {
  const code = await bundleWorkflows({ workflows: join(__dirname, '..', 'support', 'workflows', 'counting.ts') });
  const taskQueue = 'counting';
  const worker = await Worker.create({ connection: temporal.nativeConnection, taskQueue, workflowBundle: { code } });
  const run = (i: number): Promise<unknown> =>
    temporal.client.workflow.execute('counting', { workflowId: `counting-${i}`, taskQueue });
  expect(await worker.runUntil(Promise.all([1, 2, 3, 4].map(run)))).toEqual([1, 1, 1, 1]);
});
