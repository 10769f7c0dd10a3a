import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compiled } from '../../infra/local/project';
import { TASK_QUEUE } from '../../domain/names';
import { operationSchema } from '../../domain/schemas/operations';
import { createBackground } from '../support/background';
import type { Background } from '../support/background';
import { eventually } from '../support/eventually';
import { freePort } from '../support/free-port';
import type { TcpProxy } from '../support/tcp-proxy';
import { startTcpProxy } from '../support/tcp-proxy';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory } from './laboratory';

/**
 * The API is killed when an order has been written and nobody was told: neither the user, nor the engine. The next one
 * finds it (api/http/starter.ts) and has it done once; the user who asks again with the same key is told of it.
 */

jest.setTimeout(300_000);

let laboratory: Laboratory;
let subject: Subject;
let proxy: TcpProxy;
let port: number;
const apis: Background[] = [];

beforeAll(async () => {
  laboratory = await openLaboratory();
  subject = await laboratory.openLane('served', {}, { taskQueue: TASK_QUEUE });
  proxy = await startTcpProxy(new URL(laboratory.scratch.url).host);
  port = await freePort();
  await laboratory.inventory.images.record('docker', 'holdfast/test:1', {
    format: 1,
    builtAt: '2026-11-20T00:00:00.000Z',
    debian: '13.2',
    postgresql: { '15': '15.20', '17': '17.12', '18': '18.6' },
    tools: {},
  });
});
afterAll(async () => {
  for (const api of apis) await api.stop();
  await proxy?.close();
  await laboratory?.stop();
});

/** @param databaseHost where it is to look for the inventory. */
async function startApi(databaseHost: string): Promise<Background> {
  const database = new URL(laboratory.scratch.url);
  database.host = databaseHost;
  const api = createBackground({
    command: process.execPath,
    args: ['--enable-source-maps', compiled('api', 'http', 'main.js')],
    env: {
      HOLDFAST_HOME: subject.lane.settings.home,
      HOLDFAST_INSTALL_ID: 'simulated',
      HOLDFAST_PORT: String(port),
      DATABASE_URL: database.href,
      TEMPORAL_ADDRESS: laboratory.temporalAddress,
    },
    logFile: join(laboratory.folder, 'api.log'),
    graceMs: 10_000,
  });
  apis.push(api);
  api.start();
  await eventually(async () => (await fetch(url('/readyz')).catch(() => null))?.status === 200, { everyMs: 100 });
  return api;
}

const url = (path: string): string => `http://127.0.0.1:${port}${path}`;

function order(name: string): Promise<Response> {
  const token = readFileSync(join(subject.lane.settings.home, 'token'), 'utf8').trim();
  return fetch(url('/v1/clusters'), {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': `order-${name}`,
    },
    body: JSON.stringify({ name, plan: 'sandbox' }),
  });
}

const written = (name: string): Promise<{ id: string; cluster_id: string }[]> =>
  laboratory.scratch.query(
    'select o.id, o.cluster_id from operations o join clusters c on c.id = o.cluster_id where c.name = $1',
    [name],
  );

test('an order that was written when the API died is done, once, and told to whoever asks again', async () => {
  const first = await startApi(proxy.address);
  const cut = proxy.blockAnswersAfter('insert into operations', 'commit');
  const asked = order('orphan');
  asked.catch(() => undefined);
  await cut;
  await eventually(async () => (await written('orphan')).length > 0);
  await first.kill();
  proxy.unblock();
  await expect(asked).rejects.toThrow();
  await startApi(new URL(laboratory.scratch.url).host);

  const again = await order('orphan');
  expect(again.status).toBe(202);
  const { id } = operationSchema.parse(await again.json());
  const operations = await written('orphan');
  expect(operations.map((operation) => operation.id)).toEqual([id]);
  const clusterId = operations[0]?.cluster_id;
  await eventually(async () => {
    const rows = await laboratory.scratch.query<{ state: string }>('select state from operations where id = $1', [id]);
    return rows[0]?.state === 'succeeded';
  });
  const effects = subject.world.effects(`${clusterId}/network`);
  expect(effects).toContain('create host pg-1');
  expect(new Set(effects).size).toBe(effects.length);
});
