import type { OperationId } from '../../../domain/ids';
import { startTestApi, type TestAnswer, type TestApi } from '../../support/api';

/** Requests that come twice with one Idempotency-Key, and what the audit log says of them. */

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const send = (method: string, path: string, key: string, body?: unknown): Promise<TestAnswer> =>
  api.request(method, path, { ...(body === undefined ? {} : { body }), headers: { 'Idempotency-Key': key } });
const replayed = ({ headers }: TestAnswer): string | null => headers.get('Idempotency-Replayed');
const audit = (subject: unknown): Promise<{ actor: string; action: string; details: Record<string, string> }[]> =>
  api.database.query('select actor, action, details from audit_log where subject = $1 order by seq', [subject]);

async function order(name: string): Promise<{ id: OperationId; clusterId: string }> {
  const { body } = await send('POST', '/v1/clusters', `order-${name}`, { name, plan: 'sandbox' });
  return body as unknown as { id: OperationId; clusterId: string };
}
const setState = (operationId: OperationId, seq: number, state: 'waiting' | 'running' | 'failed'): Promise<void> =>
  api.inventory.operations.record({ operationId, seq, steps: [], operation: { state, at: new Date().toISOString() } });

test('every route that changes something takes an Idempotency-Key and may answer that it was used before', () => {
  const looksOnly = ['checkHost', 'downloadDump'];
  const changing = api.routes.filter(({ method, operationId }) => method !== 'get' && !looksOnly.includes(operationId));
  expect(changing.length).toBeGreaterThan(6);
  for (const route of changing) {
    expect([route.operationId, route.headers]).toEqual([
      route.operationId,
      expect.arrayContaining(['Idempotency-Key']) as unknown,
    ]);
    expect(route.errors).toContain('IDEMPOTENCY_KEY_REUSED');
  }
});

test('PATCH: the same request changes once and gives its answer again; another one with the key is refused', async () => {
  const { clusterId } = await order('patched');
  const first = await send('PATCH', '/v1/clusters/patched', 'p1', { deletionProtection: true });
  expect([first.status, replayed(first), first.body['generation']]).toEqual([200, null, 2]);
  await send('PATCH', '/v1/clusters/patched', 'p2', { deletionProtection: false });
  const again = await send('PATCH', '/v1/clusters/patched', 'p1', { deletionProtection: true });
  expect([again.status, replayed(again), again.headers.get('ETag')]).toEqual([200, 'true', '"2"']);
  expect(again.body).toEqual(first.body);
  expect((await api.request('GET', '/v1/clusters/patched')).body).toMatchObject({
    generation: 3,
    spec: { deletionProtection: false },
  });
  for (const [method, path, body] of [
    ['PATCH', '/v1/clusters/patched', { deletionProtection: false }],
    ['POST', '/v1/clusters', { name: 'other', plan: 'sandbox' }],
  ] as const)
    expect((await send(method, path, 'p1', body)).body).toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
  expect(
    (await send('PATCH', '/v1/clusters/patched', 'order-patched', { deletionProtection: true })).body,
  ).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  expect(
    (await audit(clusterId)).map(({ actor, action, details }) => [actor, action, details['deletionProtection']]),
  ).toEqual([
    ['tester', 'provision', undefined],
    ['tester', 'update cluster', 'true'],
    ['tester', 'update cluster', 'false'],
  ]);
});

test('of many equal requests at once, one changes', async () => {
  await order('crowded');
  const answers = await Promise.all(
    Array.from({ length: 15 }, () => send('PATCH', '/v1/clusters/crowded', 'c1', { deletionProtection: true })),
  );
  expect(new Set(answers.map(({ status, body }) => `${status} ${String(body['generation'])}`))).toEqual(
    new Set(['200 2']),
  );
  expect(answers.filter((answer) => replayed(answer) === null)).toHaveLength(1);
});

test('a request that was refused leaves the key free and nothing in the audit log', async () => {
  const { clusterId } = await order('refused');
  const patch = (etag: string): Promise<TestAnswer> =>
    api.request('PATCH', '/v1/clusters/refused', {
      body: { deletionProtection: true },
      headers: { 'Idempotency-Key': 'r1', 'If-Match': etag },
    });
  expect((await patch('"7"')).status).toBe(412);
  expect(await audit(clusterId)).toHaveLength(1);
  expect((await patch('"1"')).status).toBe(200);
});

test('cancel and retry: told to the engine once a key, audited, and repeated also when the operation has ended', async () => {
  const { id } = await order('decided');
  await setState(id, 1, 'waiting');
  const told = (): unknown[] => api.engine.decisions.filter(([operation]) => operation === id).map(([, what]) => what);
  for (const [what, key] of [
    ['retry', 'd1'],
    ['cancel', 'd2'],
  ] as const) {
    const first = await send('POST', `/v1/operations/${id}/${what}`, key);
    expect([first.status, replayed(first)]).toEqual([202, null]);
  }
  await setState(id, 2, 'failed');
  const again = await send('POST', `/v1/operations/${id}/retry`, 'd1');
  expect([again.status, replayed(again), again.body['id'], again.body['state']]).toEqual([202, 'true', id, 'failed']);
  expect((await send('POST', `/v1/operations/${id}/cancel`, 'd1')).body).toMatchObject({ status: 422 });
  expect(told()).toEqual(['retry', 'cancel']);
  expect((await audit(id)).map(({ actor, action }) => [actor, action])).toEqual([
    ['tester', 'retry'],
    ['tester', 'cancel'],
  ]);
});

test('tokens: made and revoked once; the text is told once and stored nowhere', async () => {
  const asked = { name: 'ci', scopes: ['clusters:read'] };
  const first = await send('POST', '/v1/tokens', 't1', asked);
  const again = await send('POST', '/v1/tokens', 't1', asked);
  const { token: text, ...rest } = first.body;
  expect(first.status).toBe(201);
  expect([again.status, replayed(again), again.headers.get('Location')]).toEqual([
    201,
    'true',
    first.headers.get('Location'),
  ]);
  expect(again.body).toEqual({ ...rest, token: null });
  const stored = await api.database.query('select * from idempotency_keys, audit_log');
  expect(JSON.stringify(stored)).not.toContain(String(text).slice(-43));
  expect((await send('POST', '/v1/tokens', 't1', { ...asked, name: 'x' })).status).toBe(422);

  const location = String(first.headers.get('Location'));
  expect((await send('DELETE', location, 't2')).status).toBe(204);
  const revoked = await send('DELETE', location, 't2');
  expect([revoked.status, replayed(revoked)]).toEqual([204, 'true']);
  expect((await send('DELETE', '/v1/tokens/tok_x', 't2')).status).toBe(422);
  expect((await audit(first.body['id'])).map(({ action }) => action)).toEqual(['create token', 'revoke token']);
});
