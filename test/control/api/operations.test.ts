import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureFirstToken } from '../../../api/http/first-token';
import { appendNotice } from '../../../activities/inventory/events';
import type { OperationId } from '../../../domain/ids';
import type { OperationChange, StepChange } from '../../../domain/operations';
import { stepTitles } from '../../../workflows/runbooks';
import { readEvents, startTestApi, type TestApi } from '../../support/api';
import { eventually } from '../../support/eventually';

let api: TestApi;
let token: string;
beforeAll(async () => {
  api = await startTestApi();
  token = await api.token();
});
afterAll(() => api.stop());

async function order(name: string): Promise<{ id: OperationId; steps: { id: string }[] }> {
  const { body } = await api.request('POST', '/v1/clusters', { body: { name, plan: 'sandbox' } });
  return body as unknown as { id: OperationId; steps: { id: string }[] };
}

const now = (): string => new Date().toISOString();
let seq = 0;
const record = (
  operationId: OperationId,
  steps: Omit<StepChange, 'at'>[],
  operation?: Omit<OperationChange, 'at'>,
): Promise<void> =>
  api.inventory.operations.record({
    operationId,
    seq: ++seq,
    steps: steps.map((step) => ({ ...step, at: now() })),
    ...(operation ? { operation: { ...operation, at: now() } } : {}),
  });

const eventsUrl = (id: string): string => `${api.url}/v1/operations/${id}/events`;

test('events come as they happen, resume after Last-Event-ID without loss or repetition, and end with the operation', async () => {
  const { id, steps } = await order('streamed');
  const first = steps[0]?.id ?? '';
  const whole = readEvents(eventsUrl(id), token);
  await record(id, [{ stepId: first, state: 'running' }], { state: 'running' });
  const [one, two] = await readEvents(eventsUrl(id), token, 0, 2);
  const rest = readEvents(eventsUrl(id), token, two?.id);
  await record(id, [{ stepId: first, state: 'succeeded' }]);
  await record(id, [], { state: 'succeeded' });
  const all = await whole;
  expect([...[one, two], ...(await rest)]).toEqual(all);
  const ids = all.map((event) => event.id);
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  expect(all.at(-1)).toMatchObject({ event: 'operation', data: { body: { state: 'succeeded' } } });
  const after = { headers: { 'Last-Event-ID': String(ids.at(-1)) } };
  expect((await api.request('GET', `/v1/operations/${id}/events`, after)).status).toBe(204);
  // Whoever asks again is told what came since, and that this is all.
  const notice = { event: 'failure', told: ['pager'], message: 'A backup is overdue.' } as const;
  await api.inventory.database.transaction((sql) => appendNotice(sql, id, notice));
  const later = await readEvents(eventsUrl(id), token, ids.at(-1));
  expect(later.map(({ event, data }) => [event, data['body']])).toEqual([['notice', notice]]);
  expect((await readEvents(eventsUrl(id), token)).map((event) => event.id)).toEqual([...ids, later[0]?.id]);
});

test('an operation that was written while the engine was away is started by the sweep, once it is back', async () => {
  api.engine.away = true;
  const { id } = await order('patient');
  expect((await api.request('GET', `/v1/operations/${id}`)).body).toMatchObject({ state: 'pending' });
  expect(api.engine.started.some((input) => input.operationId === id)).toBe(false);
  api.engine.away = false;
  await eventually(() => api.engine.started.some((input) => input.operationId === id));
  expect(api.engine.started.find((input) => input.operationId === id)).toMatchObject({
    clusterName: 'patient',
    projectName: 'default',
    generation: 1,
  });
});

test('cancel and retry reach the engine when they make sense, and are refused with the reason when not', async () => {
  const { id } = await order('steered');
  const decide = (what: string) => api.request('POST', `/v1/operations/${id}/${what}`);
  await record(id, [], { state: 'running' });
  expect((await decide('retry')).body).toMatchObject({ status: 409, code: 'NOT_WAITING' });
  await record(id, [], { state: 'waiting', reason: 'needs attention: disk full' });
  expect((await decide('retry')).status).toBe(202);
  expect((await decide('cancel')).status).toBe(202);
  expect(api.engine.decisions).toEqual([
    [id, 'retry'],
    [id, 'cancel'],
  ]);
  await record(id, [], { state: 'running', pointOfNoReturnPassed: true });
  expect((await decide('cancel')).body).toMatchObject({ status: 409, code: 'POINT_OF_NO_RETURN' });
  await record(id, [], { state: 'succeeded' });
  expect((await decide('cancel')).body).toMatchObject({ status: 409, code: 'OPERATION_FINISHED' });
  expect(api.engine.decisions).toHaveLength(2);
});

test('an approval reaches the engine, which knows whether it is wanted; it is in the audit log', async () => {
  const { id } = await order('approved');
  await record(id, [], { state: 'waiting', reason: 'approval: all is lost' });
  const approve = () => api.request('POST', `/v1/operations/${id}/approve`, { headers: { 'Idempotency-Key': 'yes' } });
  const [first, again] = [await approve(), await approve()];
  expect([first.status, again.status, again.headers.get('Idempotency-Replayed')]).toEqual([202, 202, 'true']);
  expect(api.engine.decisions.filter(([operation]) => operation === id)).toEqual([[id, 'approve']]);
  const entries = await api.database.query(
    `select count(*)::int as entries from audit_log where action = 'approve' and subject = $1`,
    [id],
  );
  expect(entries).toEqual([{ entries: 1 }]);
  const reader = await api.token(['clusters:read']);
  const refused = await api.request('POST', `/v1/operations/${id}/approve`, { token: reader });
  expect([refused.status, refused.body['code']]).toEqual([403, 'FORBIDDEN']);
  await record(id, [], { state: 'succeeded' });
  const late = await api.request('POST', `/v1/operations/${id}/approve`);
  expect(late.body).toMatchObject({ status: 409, code: 'OPERATION_FINISHED' });
});

test('operations are listed newest first, by cluster and by state', async () => {
  const all = (await api.request('GET', '/v1/operations')).body['items'] as { id: string }[];
  expect(all.map(({ id }) => id)).toEqual(
    all
      .map(({ id }) => id)
      .sort()
      .reverse(),
  );
  const steered = await api.request('GET', '/v1/operations?cluster=steered&state=succeeded');
  expect(steered.body['items']).toMatchObject([{ clusterName: 'steered', state: 'succeeded' }]);
  expect((await api.request('GET', '/v1/operations?state=done')).body).toMatchObject({
    errors: [{ in: 'query', pointer: '/state' }],
  });
});

test('lists have all of an operation but its steps and its evidence, and tell which of them it is at', async () => {
  const { id, steps } = await order('listed');
  const [first = '', second = ''] = steps.map((step) => step.id);
  const title = (stepId: string): string | null =>
    stepTitles('provision', 'single').find((step) => step.id === stepId)?.title ?? null;
  const moments: [Parameters<typeof record>[1], Parameters<typeof record>[2], string | null][] = [
    [[], { state: 'running' }, null],
    [[{ stepId: second, state: 'running' }], undefined, title(second)],
    [[{ stepId: first, state: 'running' }], undefined, title(first)],
    [[{ stepId: first, state: 'failed', error: 'disk full' }], undefined, title(second)],
    [[{ stepId: second, state: 'succeeded' }], { state: 'waiting', reason: 'needs attention' }, title(first)],
    [[{ stepId: second, state: 'undoing' }], { state: 'cancelling' }, title(second)],
    [[{ stepId: second, state: 'undone' }], { state: 'cancelled' }, null],
  ];
  for (const [changed, operation, currentStep] of moments) {
    await record(id, changed, operation);
    const { body } = await api.request('GET', `/v1/operations/${id}`);
    const { steps: left, restored, switchover, node, replacement, recovery, ...summary } = body;
    expect([summary['currentStep'], left]).toEqual([currentStep, expect.any(Array)]);
    expect([restored, switchover, node, replacement, recovery]).toEqual([null, null, null, null, null]);
    for (const path of ['/v1/operations?cluster=listed', '/v1/clusters/listed/operations'])
      expect((await api.request('GET', path)).body['items']).toEqual([summary]);
  }
});

test('the first token is kept in a file of its owner alone while it works, and replaced when it does not', async () => {
  const home = mkdtempSync(path.join(tmpdir(), 'holdfast-home-'));
  const file = path.join(home, 'token');
  const { inventory } = api;
  const first = await ensureFirstToken({ inventory, home });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8').trim()).toBe(first);
  expect((await api.request('GET', '/v1/tokens', { token: first })).status).toBe(200);
  expect(await ensureFirstToken({ inventory, home })).toBe(first);
  await api.database.query(`update tokens set revoked_at = now() where name = 'first'`);
  const second = await ensureFirstToken({ inventory, home });
  expect(second).not.toBe(first);
  expect((await api.request('GET', '/v1/clusters', { token: second })).status).toBe(200);
  rmSync(home, { recursive: true });
});

test('wherever an operation is answered, it links to its workflow in the Temporal Web UI', async () => {
  const { id } = await order('linked');
  const links = { temporal: `http://temporal.test/namespaces/default/workflows/${id}` };
  const answers = [
    await api.request('GET', `/v1/operations/${id}`),
    await api.request('POST', `/v1/operations/${id}/cancel`),
  ];
  for (const { body } of answers) expect(body).toMatchObject({ id, links });
  for (const path of ['/v1/operations?cluster=linked', '/v1/clusters/linked/operations'])
    expect((await api.request('GET', path)).body['items']).toMatchObject([{ id, links }]);
});
