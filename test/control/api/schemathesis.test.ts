import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError } from '../../../domain/errors';
import { isId } from '../../../domain/ids';
import { isFinal, type OperationState, type OperationSummary } from '../../../domain/operations';
import { startTestApi, type TestApi } from '../../support/api';
import { makeReady, readyCluster, recordSites } from '../../support/api-backups';
import { newSubmission, refOf } from '../../support/inventory';
import { type DescribedOperation, readOperations } from '../../support/openapi';
import { runSchemathesis, type Verdict } from '../../support/schemathesis';

jest.setTimeout(300_000);

const SEED = Number(process.env['HOLDFAST_TEST_SEED'] ?? 1);
const SECONDS = 75;

let api: TestApi;
let token: string;
let operations: DescribedOperation[];
const stopped = new AbortController();
let played: Promise<void>;
beforeAll(async () => {
  api = await startTestApi({ general: 1e9, polling: 1e9, refused: 1e9 });
  token = await api.token();
  await keepToken(token);
  operations = await readOperations(api);
  api.secrets.set('ca', JSON.stringify({ certificatePem: 'CERT', privateKeyPem: 'KEY' }));
  await recordSites(api);
  api.engine.window = { earliest: '2026-11-20T00:00:00.000Z', latest: '2036-11-20T00:00:00.000Z' };
  await makeExample();
  played = playWorker();
});
afterAll(async () => {
  stopped.abort();
  await played;
  await api.stop();
});

/** The cluster and the backup that the document has as its examples. */
async function makeExample(): Promise<void> {
  const { id, timeline } = await readyCluster(api, 'shop');
  const cluster = await api.inventory.clusters.get(id);
  const shown = operations.find(({ operationId }) => operationId === 'showBackup');
  const example = String(shown?.parameters.find(({ name }) => name === 'backup')?.schema.example);
  if (cluster === null || !isId('bkp', example)) throw new Error('no example');
  const backup = { id: example, timelineId: timeline.id, type: 'full', description: null, version: '18' } as const;
  await api.inventory.operations.submit(null, { ...newSubmission(cluster, 'backup'), backup });
}

/** It may revoke every token but the one that it asks with: after that, all answers would be 401. */
async function keepToken(text: string): Promise<void> {
  await api.database.query(`create function keep() returns trigger language plpgsql as $$
    begin
      if old.id = 'tok_${text.split('_')[1]}' and new.revoked_at is not null then return null; end if;
      return new;
    end $$`);
  await api.database.query('create trigger keep before update on tokens for each row execute function keep()');
}

/** Operations run, wait and end, as if a worker were there: their states are what many answers depend on. */
async function playWorker(): Promise<void> {
  for (; !stopped.signal.aborted; await sleep(100)) {
    const all = await api.inventory.operations.list(api.project, { limit: 100 });
    for (const operation of all) if (!isFinal(operation.state)) await play(operation);
  }
}
const NEXT: Partial<Record<OperationState, OperationState>> = {
  pending: 'running',
  running: 'waiting',
  waiting: 'succeeded',
};
/** A deletion overtakes backups. */
const unlessStale = (error: unknown): void => {
  if (!(error instanceof HoldfastError) || error.code !== 'STALE_GENERATION') throw error;
};
let seq = 0;
async function play(operation: OperationSummary): Promise<void> {
  const state = NEXT[operation.state] ?? 'failed';
  const ref = refOf(operation);
  if (state === 'succeeded' && (operation.kind === 'provision' || operation.kind === 'restore')) {
    await makeReady(api, operation);
  }
  if (state === 'succeeded' && operation.kind === 'backup') await api.inventory.backups.succeed(ref).catch(unlessStale);
  if (state === 'succeeded' && operation.kind === 'delete') await api.inventory.clusters.markDeleted(ref);
  const change = { state, at: new Date().toISOString() };
  await api.inventory.operations.record({ operationId: operation.id, seq: ++seq, steps: [], operation: change });
}

/** Status of all answers so far, by method and route, as the log has them. */
function answers(): { route: string; status: number }[] {
  return api.logLines.flatMap((line) => {
    const { method, route, status } = JSON.parse(line) as Record<string, unknown>;
    return typeof status === 'number' ? [{ route: `${String(method)} ${String(route)}`, status }] : [];
  });
}

test(`Schemathesis finds nothing in ${SECONDS} s, seed ${SEED}`, async () => {
  const { code, report } = await runSchemathesis({ url: api.url, token, operations, seconds: SECONDS, seed: SEED });
  if (code !== 0) throw new Error(`exit code ${code}:\n${report}`);
  console.log(report.slice(report.indexOf('Test cases:')));
  expect(report).toContain(`Seed: ${SEED}`);
  // It came through to the operations themselves: neither limits nor a lost token kept it out.
  const seen = answers();
  expect(seen.length).toBeGreaterThan(5 * operations.length);
  expect(seen.filter(({ status }) => status === 429 || status >= 500)).toEqual([]);
  const reached = new Set(seen.filter(({ status }) => status < 300).map(({ route }) => route));
  // Nothing is restored in place here: what is kept then is read in restore-in-place.test.ts.
  const expected = operations.filter(
    ({ method, needsToken, operationId }) => method === 'GET' && needsToken && operationId !== 'showKeptData',
  );
  for (const { pattern } of expected) expect(reached).toContain(`GET ${pattern}`);
  expect((await api.request('GET', '/v1/clusters', { token })).status).toBe(200);
});

/** The API with some answers broken on purpose, for the check that such things are found. */
async function broken(faults: Readonly<Record<string, number | 'never'>>): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const fault = faults[request.url?.split('?')[0] ?? ''];
    if (fault === 'never') return;
    void fetch(`${api.url}${request.url ?? ''}`, { headers: { Authorization: request.headers.authorization ?? '' } })
      .then(async (answer) => {
        const type = answer.headers.get('Content-Type') ?? '';
        response.writeHead(fault ?? answer.status, { 'Content-Type': type }).end(await answer.text());
      })
      .catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

test.each([
  ['an error of the server', 500, 'Server error'],
  ['a status that is not documented', 418, 'Undocumented status code'],
  ['no answer at all', 'never', 'timed out'],
] as const)('it would find %s', async (_what, fault, words) => {
  const { url, server } = await broken({ '/v1/plans': fault });
  const only = ['listPlans'];
  const common = { url, token, operations, seconds: 20, seed: SEED, phases: 'examples,coverage', only };
  const { code, report }: Verdict = await runSchemathesis(common);
  server.closeAllConnections();
  server.close();
  expect([code, report]).toEqual([1, expect.stringMatching(new RegExp(words, 'i'))]);
});
