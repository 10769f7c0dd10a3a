import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { createTemporalEngine } from '../../../api/http/engine-temporal';
import type { RestoreWindow } from '../../../domain/backups';
import { TASK_QUEUE } from '../../../domain/names';
import { restoreWindowSchema } from '../../../domain/schemas/restore-window';
import { bundleWorkflows } from '../../../workers/bundle';
import { FAILURE_CONVERTER } from '../../../workers/worker';
import { startTestApi } from '../../support/api';
import type { TestApi } from '../../support/api';
import type { BackedUpCluster } from '../../support/backups';
import { openBackedUpCluster } from '../../support/backups';
import { eventually } from '../../support/eventually';
import { startTemporal } from '../../support/temporal';

/** The look at what can be restored, on its way through Temporal to a worker and back. */

jest.setTimeout(120_000);

const LAST_LOOK = { earliest: '2026-11-21T06:00:00.000Z', latest: '2026-11-21T07:00:00.000Z' };
const NOW = { earliest: '2026-11-21T06:00:00.000Z', latest: '2026-11-21T08:00:00.000Z', lastTransaction: '749' };

let api: TestApi;
let temporal: TestWorkflowEnvironment;
let code: string;
let source: BackedUpCluster;

beforeAll(async () => {
  [temporal, code] = await Promise.all([startTemporal(), bundleWorkflows()]);
  api = await startTestApi(undefined, (codec) => createTemporalEngine(temporal.address, codec));
  const { database: scratch, inventory, project } = api;
  source = await openBackedUpCluster({ scratch, inventory, project, close: () => Promise.resolve() });
  await api.inventory.timelines.setWindow(source.timeline.id, LAST_LOOK);
});
afterAll(async () => {
  await api.stop();
  await temporal.teardown();
});

const look = async (): Promise<unknown> =>
  restoreWindowSchema.parse((await api.request('GET', `/v1/clusters/${source.cluster.name}/restores/window`)).body);

/** A worker that looks so is there while `act` runs. */
async function withWorker(
  lookAtWindow: (clusterId: string) => Promise<RestoreWindow | null>,
  act: () => Promise<void>,
): Promise<void> {
  const worker = await Worker.create({
    connection: temporal.nativeConnection,
    taskQueue: TASK_QUEUE,
    workflowBundle: { code },
    dataConverter: { failureConverterPath: FAILURE_CONVERTER, payloadCodecs: [api.codec] },
    activities: { lookAtWindow },
  });
  await worker.runUntil(act());
}

test('a worker looks at the cluster that was asked for, and its answer is of now', async () => {
  const asked: string[] = [];
  const answer = (clusterId: string): Promise<RestoreWindow> => {
    asked.push(clusterId);
    return Promise.resolve(NOW);
  };
  await withWorker(answer, async () => {
    expect(await look()).toEqual({
      ...NOW,
      firstLsn: null,
      lastLsn: null,
      gaps: [],
      asOf: 'now',
      timelineId: source.timeline.id,
    });
  });
  expect(asked).toEqual([source.cluster.id]);
});

test('that nothing can be restored is an answer too', async () => {
  await withWorker(
    () => Promise.resolve(null),
    async () => {
      expect(await look()).toMatchObject({ earliest: null, latest: null, asOf: 'now' });
    },
  );
});

test('when the host does not answer, the last look is told, after one try', async () => {
  let tries = 0;
  const fail = (): Promise<null> => {
    tries++;
    return Promise.reject(ApplicationFailure.retryable('no route to host', 'HOST_UNREACHABLE'));
  };
  await withWorker(fail, async () => {
    expect(await look()).toEqual({
      ...LAST_LOOK,
      firstLsn: null,
      lastLsn: null,
      lastTransaction: null,
      gaps: [],
      asOf: 'last look',
      timelineId: source.timeline.id,
    });
  });
  expect(tries).toBe(1);
});

test('when no worker is there, the last look is told', async () => {
  expect(await look()).toMatchObject({ ...LAST_LOOK, asOf: 'last look' });
  // Nothing is left for the next worker to do.
  const running = `ExecutionStatus = 'Running'`;
  await eventually(async () => (await temporal.client.workflow.count(running)).count === 0);
});
