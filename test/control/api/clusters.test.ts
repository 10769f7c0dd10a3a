import { startTestApi, type TestApi } from '../../support/api';
import { finish } from '../../support/inventory';
import type { OperationId } from '../../../domain/ids';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const order = (name: string, more: object = {}): { body: object } => ({ body: { name, plan: 'ha-s', ...more } });

async function clusterCount(): Promise<number> {
  const [row] = await api.database.query<{ count: string }>('select count(*) from clusters');
  return Number(row?.count);
}

async function end(operationId: unknown): Promise<void> {
  const operation = await api.inventory.operations.get(operationId as OperationId);
  if (operation === null) throw new Error('no such operation');
  await finish(api.inventory, operation);
}

test('an order answers 202 with the operation, its Location and all its steps, and the engine is told', async () => {
  const answer = await api.request('POST', '/v1/clusters', order('first'));
  expect(answer.status).toBe(202);
  expect(answer.headers.get('Location')).toBe(`/v1/operations/${String(answer.body['id'])}`);
  expect(answer.headers.get('Retry-After')).toBe('2');
  expect(answer.body).toMatchObject({ kind: 'provision', state: 'pending', clusterName: 'first', generation: 1 });
  expect((answer.body['steps'] as unknown[]).length).toBeGreaterThan(5);
  expect(api.engine.started.map((input) => input.operationId)).toContain(answer.body['id']);

  const cluster = await api.request('GET', '/v1/clusters/first');
  expect(cluster.headers.get('ETag')).toBe('"1"');
  expect(cluster.body).toMatchObject({
    spec: { plan: 'ha-s', version: '18', storageBytes: 10 * 1024 ** 3, database: 'app', owner: 'app', allowedIps: [] },
    status: { state: 'creating', endpoint: null },
    operation: answer.headers.get('Location'),
  });
});

test('everything that is wrong is told at once', async () => {
  const answer = await api.request('POST', '/v1/clusters?preview=maybe', {
    body: { name: '-', plan: 'x', foo: 1, bar: 2 },
  });
  const places = (answer.body['errors'] as { in: string; pointer: string }[]).map(
    (error) => `${error.in} ${error.pointer}`,
  );
  expect(places.sort()).toEqual(['body /bar', 'body /foo', 'body /name', 'body /plan', 'query /preview']);
  const detail = String(answer.body['detail']);
  for (const place of [
    'name: must be 1 to 40 ',
    'plan: must be one of sandbox, ',
    '?preview: must be one of true, false',
  ])
    expect(detail).toContain(place);
  expect(detail).toMatch(/foo: is not known: there are name, plan, version[^]*\. Nothing was done\.$/);
});

test('networks become canonical and the whole internet is allowed when written exactly so', async () => {
  const allowedIps = ['203.0.113.7/24', '203.0.113.0/24', '2001:DB8:0::1/32', '198.51.100.4', '0.0.0.0/0'];
  await api.request('POST', '/v1/clusters', order('open', { allowedIps }));
  const cluster = await api.request('GET', '/v1/clusters/open');
  expect(cluster.body).toMatchObject({
    spec: { allowedIps: ['203.0.113.0/24', '2001:db8::/32', '198.51.100.4/32', '0.0.0.0/0'] },
  });
});

test('of two creates with one name one wins and the other gets 409 with a link to the one', async () => {
  const answers = await Promise.all([1, 2, 3].map(() => api.request('POST', '/v1/clusters', order('twin'))));
  expect(answers.map((answer) => answer.status).sort()).toEqual([202, 409, 409]);
  const winner = answers.find((answer) => answer.status === 202)?.body;
  expect(answers.find((answer) => answer.status === 409)?.body).toMatchObject({
    code: 'NAME_TAKEN',
    retryable: false,
    cluster: `/v1/clusters/${String(winner?.['clusterId'])}`,
  });
});

test('a preview says steps, price and checks, and writes nothing', async () => {
  const before = await clusterCount();
  const good = await api.request('POST', '/v1/clusters?preview=true', order('maybe'));
  expect(good.status).toBe(200);
  expect(good.body).toMatchObject({ kind: 'provision', impact: 'none', price: { euroCentsPerMonth: 3900 } });
  expect((good.body['checks'] as { status: string }[]).every((check) => check.status === 'passed')).toBe(true);
  const taken = await api.request('POST', '/v1/clusters?preview=true', order('first'));
  expect(taken.body['checks']).toContainEqual(
    expect.objectContaining({ id: 'name-free', status: 'failed', fix: 'choose another name' }),
  );
  expect(await clusterCount()).toBe(before);
  const real = await api.request('POST', '/v1/clusters', order('surely'));
  const titles = (steps: unknown): string[] => (steps as { title: string }[]).map((step) => step.title);
  expect(titles(real.body['steps'])).toEqual(titles(good.body['steps']));
});

test('the same key and body give the same operation once; another body 422', async () => {
  const headers = { 'Idempotency-Key': 'b1f0-once' };
  const answers = await Promise.all(
    [1, 2, 3].map(() => api.request('POST', '/v1/clusters', { ...order('once'), headers })),
  );
  expect(answers.map((answer) => answer.status)).toEqual([202, 202, 202]);
  expect(new Set(answers.map((answer) => answer.body['id'])).size).toBe(1);
  expect(answers.filter((answer) => answer.headers.get('Idempotency-Replayed') === 'true')).toHaveLength(2);
  const reordered = await api.request('POST', '/v1/clusters', { text: '{"plan":"ha-s","name":"once"}', headers });
  expect(reordered.headers.get('Idempotency-Replayed')).toBe('true');
  const other = await api.request('POST', '/v1/clusters', { ...order('twice'), headers });
  expect([other.status, other.body['code']]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
  const bad = await api.request('POST', '/v1/clusters', { ...order('x'), headers: { 'Idempotency-Key': 'a b' } });
  expect(bad.body).toMatchObject({ errors: [{ in: 'header', pointer: '/Idempotency-Key' }] });
});

test('pages show each cluster once, newest first', async () => {
  const names: string[] = [];
  let cursor: unknown = null;
  do {
    const page = await api.request(
      'GET',
      `/v1/clusters?limit=2${typeof cursor === 'string' ? `&cursor=${cursor}` : ''}`,
    );
    names.push(...(page.body['items'] as { name: string }[]).map((cluster) => cluster.name));
    cursor = page.body['nextCursor'];
  } while (cursor !== null);
  expect(new Set(names).size).toBe(names.length);
  expect(names.at(-1)).toBe('first');
  expect(names).toHaveLength(await clusterCount());
});

test('deletion wants the name, no protection, no other operation and the right generation, in that order', async () => {
  const created = await api.request('POST', '/v1/clusters', order('goner', { deletionProtection: true }));
  const del = (query: string, headers = {}): ReturnType<TestApi['request']> =>
    api.request('DELETE', `/v1/clusters/goner${query}`, { headers });
  expect((await del('')).body['code']).toBe('CONFIRMATION_MISMATCH');
  expect((await del('?confirm=other')).body['code']).toBe('CONFIRMATION_MISMATCH');
  expect((await del('?confirm=goner')).body['code']).toBe('DELETION_PROTECTED');
  const preview = await del('?preview=true');
  const failed = (preview.body['checks'] as { id: string; status: string }[]).filter(
    (check) => check.status === 'failed',
  );
  expect(failed.map((check) => check.id)).toEqual(['deletion-unprotected', 'not-busy']);

  const open = await api.request('PATCH', '/v1/clusters/goner', {
    body: { deletionProtection: false },
    headers: { 'If-Match': '"1"' },
  });
  expect([open.status, open.headers.get('ETag')]).toEqual([200, '"2"']);
  const stale = await api.request('PATCH', '/v1/clusters/goner', {
    body: { deletionProtection: true },
    headers: { 'If-Match': '"1"' },
  });
  expect([stale.status, stale.body['code']]).toEqual([412, 'PRECONDITION_FAILED']);

  const busy = await del('?confirm=goner');
  expect(busy.body).toMatchObject({
    status: 409,
    code: 'CLUSTER_BUSY',
    retryable: true,
    operation: created.headers.get('Location'),
  });
  await end(created.body['id']);
  expect((await del('?confirm=goner', { 'If-Match': '"1"' })).status).toBe(412);

  const headers = { 'Idempotency-Key': 'delete-goner' };
  const accepted = await api.request('DELETE', '/v1/clusters/goner', { body: { confirm: 'goner' }, headers });
  expect(accepted.body).toMatchObject({ kind: 'delete', generation: 3 });
  expect(api.engine.started.at(-1)).toMatchObject({ operationId: accepted.body['id'], generation: 3, kind: 'delete' });
  const repeated = await api.request('DELETE', '/v1/clusters/goner', { body: { confirm: 'goner' }, headers });
  expect([repeated.body['id'], repeated.headers.get('Idempotency-Replayed')]).toEqual([accepted.body['id'], 'true']);
});

test('another project sees nothing of it, and may have a cluster of the same name', async () => {
  await api.request('POST', '/v1/clusters', order('mine'));
  const { id } = await api.inventory.projects.ensure('strangers');
  const token = await api.token(undefined, id);
  expect((await api.request('GET', '/v1/clusters', { token })).body['items']).toEqual([]);
  expect((await api.request('POST', '/v1/clusters', { ...order('mine'), token })).status).toBe(202);
});

test('credentials come once there is an endpoint, with verify-full URIs, without the CA key, and the look is in the audit log', async () => {
  const created = await api.request('POST', '/v1/clusters', order('shop'));
  const early = await api.request('GET', '/v1/clusters/shop/credentials');
  expect([early.status, early.body['code']]).toEqual([409, 'CLUSTER_NOT_READY']);
  const operation = await api.inventory.operations.get(created.body['id'] as OperationId);
  if (operation === null) throw new Error('no operation');
  api.secrets
    .set('role/app', 'p@ss/w:rd')
    .set('ca', JSON.stringify({ certificatePem: 'CERT', privateKeyPem: 'SECRET-KEY' }));
  await api.inventory.clusters.setStatus(
    {
      clusterId: operation.clusterId,
      operationId: operation.id,
      lane: 'cluster',
      generation: operation.generation,
      stepId: 'x',
    },
    {
      state: 'ready',
      endpoint: { addresses: [{ host: '10.1.2.3', primaryPort: 5432, replicaPort: 5433, pooledPort: 6432 }] },
    },
  );
  const { body } = await api.request('GET', '/v1/clusters/shop/credentials');
  expect(body).toMatchObject({
    username: 'app',
    password: 'p@ss/w:rd',
    caCertificate: 'CERT',
    uris: { pooled: 'postgresql://app:p%40ss%2Fw%3Ard@10.1.2.3:6432/app?sslmode=verify-full' },
  });
  expect(JSON.stringify(body)).not.toContain('SECRET-KEY');
  expect(api.logLines.join('')).not.toContain('p@ss');
  const audit = await api.database.query<{ actor: string }>(
    `select actor from audit_log where action = 'read credentials' and subject = $1`,
    [operation.clusterId],
  );
  expect(audit).toEqual([{ actor: 'tester' }]);
});
