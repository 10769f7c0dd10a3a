import { Worker } from '@temporalio/worker';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { createStorageActivities } from '../../../activities/storage/activities';
import { openStorage } from '../../../activities/storage/open';
import { createTemporalEngine } from '../../../api/http/engine-temporal';
import { TASK_QUEUE } from '../../../domain/names';
import { siteReportSchema } from '../../../domain/schemas/sites';
import type { Site } from '../../../domain/sites';
import { bundleWorkflows } from '../../../workers/bundle';
import { FAILURE_CONVERTER } from '../../../workers/worker';
import { startTestApi } from '../../support/api';
import type { TestApi } from '../../support/api';
import { commandIn } from '../../support/command';
import { startTemporal } from '../../support/temporal';
import { startStores } from '../../system/support/stores';
import type { TestStores } from '../../system/support/stores';

/** What the API and the command tell of object stores: real ones, asked by a worker. */

jest.setTimeout(120_000);

let api: TestApi;
let temporal: TestWorkflowEnvironment;
let stores: TestStores;
let code: string;

beforeAll(async () => {
  [temporal, stores, code] = await Promise.all([
    startTemporal(),
    startStores(['primary', 'offsite']),
    bundleWorkflows(),
  ]);
  api = await startTestApi(undefined, (codec) => createTemporalEngine(temporal.address, codec));
});
afterAll(async () => {
  await api.stop();
  await temporal.teardown();
  await stores.end();
});

/** The inventory knows these sites, and a worker its own, while `act` runs. */
async function withSites(sites: readonly Site[], act: () => Promise<void>): Promise<void> {
  await api.inventory.sites.record(sites);
  const storage = openStorage(stores.sites);
  const worker = await Worker.create({
    connection: temporal.nativeConnection,
    taskQueue: TASK_QUEUE,
    workflowBundle: { code },
    dataConverter: { failureConverterPath: FAILURE_CONVERTER, payloadCodecs: [api.codec] },
    activities: { ...createStorageActivities({ storage }) },
  });
  try {
    await worker.runUntil(act());
  } finally {
    storage.close();
  }
}
const known = (): Site[] => stores.sites.map(({ keys: _, ...site }) => site);

test('without sites there are none, and no worker is asked', async () => {
  const { status, body } = await api.request('GET', '/v1/sites');
  expect({ status, body }).toEqual({ status: 200, body: { items: [] } });
});

test('each site is told with what came of writing to it; its keys are not', async () => {
  await withSites(known(), async () => {
    await stores.stop('offsite');
    const { status, body } = await api.request('GET', '/v1/sites');
    expect(status).toBe(200);
    const items = siteReportSchema.array().parse(body['items']);
    expect(items).toMatchObject([
      { name: 'primary', bucket: 'holdfast', clouds: ['docker'], ok: true, remedy: null },
      { name: 'offsite', ok: false, message: expect.stringMatching(/^Nothing answers at https:/) as string },
    ]);
    for (const { keys } of stores.sites) {
      expect(JSON.stringify(body)).not.toContain(keys.secretKey);
      expect(JSON.stringify(body)).not.toContain(keys.accessKey);
    }
    const told = await command(['site', 'list']);
    expect(told.code).toBe(1);
    expect(told.stdout).toMatch(/primary .*ok/);
    expect(told.stdout).toMatch(/offsite .*FAIL/);
    expect(told.stderr).toMatch(/offsite: Nothing answers at .* Start the store/);
    const doctor = await command(['doctor']);
    expect(doctor.stdout).toMatch(/site offsite.*Nothing answers at/s);
    await stores.start('offsite');
    expect((await command(['site', 'list'])).code).toBe(0);
  });
});

test('a site that the worker does not know is told as such', async () => {
  const [first] = known();
  if (!first) throw new Error('there are two');
  await withSites([{ ...first, name: 'third' }], async () => {
    const { body } = await api.request('GET', '/v1/sites');
    expect(body['items']).toMatchObject([
      { name: 'third', ok: false, message: 'The worker that was asked does not know this site.' },
    ]);
  });
});

test('when no worker answers, the API says so', async () => {
  await api.inventory.sites.record(known());
  const { status, body } = await api.request('GET', '/v1/sites');
  expect({ status, code: body['code'] }).toEqual({ status: 503, code: 'UNAVAILABLE' });
});

test('it needs the scope clusters:read', async () => {
  const { status } = await api.request('GET', '/v1/sites', { token: await api.token(['hosts:read']) });
  expect(status).toBe(403);
});

async function command(args: string[]): Promise<{ stdout: string; stderr: string; code: number | null }> {
  const { run } = commandIn(process.cwd(), { HOLDFAST_URL: api.url, HOLDFAST_TOKEN: await api.token() });
  return run(args);
}
