import { readdirSync } from 'node:fs';
import path from 'node:path';
import { hashToken } from '../../../api/http/auth';
import { startTestApi, type TestAnswer, type TestApi } from '../../support/api';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test('a token works until it expires or is revoked', async () => {
  const expired = await api.token(undefined, undefined, new Date(Date.now() - 1000).toISOString());
  expect((await api.request('GET', '/v1/clusters', { token: expired })).status).toBe(401);
  const made = await api.request('POST', '/v1/tokens', {
    body: { name: 'ci', scopes: ['clusters:read'], expiresInDays: 365 },
  });
  expect(made.status).toBe(201);
  const text = String(made.body['token']);
  expect(text).toMatch(/^hft_[0-9a-z]{26}_[\w-]{43}$/);
  expect((await api.request('GET', '/v1/clusters', { token: text })).status).toBe(200);
  const listed = await api.request('GET', '/v1/tokens');
  expect(JSON.stringify(listed.body)).not.toMatch(new RegExp(`${text.slice(-43)}|${hashToken(text)}`));
  expect((await api.request('DELETE', String(made.headers.get('Location')))).status).toBe(204);
  expect((await api.request('GET', '/v1/clusters', { token: text })).status).toBe(401);
  const rows = await api.database.query('select * from tokens');
  expect(JSON.stringify(rows)).not.toContain(text.slice(-43));
});

test('a client that keeps its connection knows for how long it may: longer than load balancers keep idle ones', async () => {
  const { headers } = await api.request('GET', '/v1/clusters');
  expect(headers.get('Keep-Alive')).toBe('timeout=75');
});

test('each route refuses a token that lacks its scope, before it looks at the request', async () => {
  for (const { method, path: pattern, scope } of api.routes) {
    if (scope === null) continue;
    const others = (['clusters:read', 'clusters:write', 'credentials:read', 'tokens:write'] as const).filter(
      (other) => other !== scope,
    );
    const answer = await api.request(method.toUpperCase(), pattern.replaceAll(/\{\w+\}/g, 'x'), {
      token: await api.token(others),
    });
    expect([pattern, answer.status, answer.body['detail']]).toEqual([
      pattern,
      403,
      `This token lacks the scope ${scope}.`,
    ]);
  }
});

test('a token makes none that may do more than itself, and none for longer than a year', async () => {
  const token = await api.token(['tokens:write', 'clusters:read']);
  const more = await api.request('POST', '/v1/tokens', {
    token,
    body: { name: 'x', scopes: ['clusters:read', 'credentials:read'] },
  });
  expect(more.body).toMatchObject({ code: 'FORBIDDEN', detail: 'This token lacks the scope credentials:read.' });
  const long = await api.request('POST', '/v1/tokens', {
    body: { name: 'x', scopes: ['clusters:read'], expiresInDays: 366 },
  });
  expect(long.body).toMatchObject({ status: 400, errors: [{ pointer: '/expiresInDays' }] });
  const foreign = await api.inventory.projects.ensure('strangers');
  const stranger = await api.token(undefined, foreign.id);
  const mine = (await api.request('GET', '/v1/tokens')).body['items'] as { id: string }[];
  expect((await api.request('DELETE', `/v1/tokens/${mine[0]?.id}`, { token: stranger })).status).toBe(404);
});

test('who opens the API in a browser is led to its reference', async () => {
  const { status, headers } = await fetch(api.url, { redirect: 'manual' });
  expect([status, headers.get('Location')]).toEqual([302, '/v1/docs']);
  expect((await fetch(api.url)).status).toBe(200);
  const written = await fetch(api.url, { method: 'POST' });
  expect([written.status, written.headers.get('Allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
});

test('bad JSON says where', async () => {
  const post = (text: string): Promise<TestAnswer> => api.request('POST', '/v1/clusters', { text });
  expect((await post('{"name": shop}')).body).toMatchObject({
    status: 400,
    code: 'INVALID_JSON',
    detail: expect.stringContaining('line 1, column 10') as string,
  });
  expect((await post('{"name": "shop",}')).body['detail']).toBe(
    'The body is not valid JSON: at line 1, column 17 the name of a field in double quotes was expected; the comma before it is one too many. Send a JSON object.',
  );
});

test('unknown paths, broken escapes, wrong methods and unknown query fields are problems too', async () => {
  expect((await api.request('GET', '/v2/nothing')).body).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  expect((await api.request('GET', '/v1/clusters/%zz')).body).toMatchObject({ status: 400, errors: [{ in: 'path' }] });
  const put = await api.request('PUT', '/v1/clusters');
  expect([put.status, put.headers.get('Allow')]).toEqual([405, 'POST, GET, HEAD, OPTIONS']);
  expect((await api.request('GET', '/v1/clusters?limt=5')).body).toMatchObject({
    status: 400,
    errors: [{ in: 'query', pointer: '/limt' }],
  });
  expect((await api.request('GET', '/v1/clusters?limit=5&limit=6')).body).toMatchObject({
    errors: [{ in: 'query', pointer: '/limit' }],
  });
  expect(
    (await api.request('PATCH', '/v1/clusters/x', { body: { deletionProtection: true }, headers: { 'If-Match': '3' } }))
      .body,
  ).toMatchObject({
    errors: [{ in: 'header', pointer: '/If-Match' }],
  });
});

test('every problem carries the request id of its header, and the log has it without the token', async () => {
  const token = await api.token();
  const answer = await api.request('GET', '/v1/operations/op_none', { token });
  const requestId = answer.headers.get('X-Request-Id') ?? '';
  expect(answer.body).toMatchObject({ requestId, instance: '/v1/operations/op_none' });
  const line = api.logLines.find((text) => text.includes(requestId));
  expect(JSON.parse(line ?? '{}')).toMatchObject({ method: 'GET', route: '/v1/operations/{operation}', status: 404 });
  expect(api.logLines.join('')).not.toContain(token.slice(-43));
});

test('an unexpected error is 500 without its details, which are in the log', async () => {
  const { plan } = await api.database
    .query<{ plan: string }>(`select 'x' as plan`)
    .then(([row]) => row ?? { plan: '' });
  expect(plan).toBe('x');
  await api.request('POST', '/v1/clusters', { body: { name: 'broken', plan: 'sandbox' } });
  await api.database.query(`update clusters set spec = '{"secret-detail": 1}' where name = 'broken'`);
  const answer = await api.request('GET', '/v1/clusters/broken');
  expect(answer.body).toMatchObject({ status: 500, code: 'INTERNAL', retryable: true });
  expect(JSON.stringify(answer.body)).not.toContain('plan');
  expect(
    api.logLines.some((line) => line.includes('unexpected error') && line.includes(String(answer.body['requestId']))),
  ).toBe(true);
  await api.database.query(`update clusters set deleted_at = now() where name = 'broken'`);
});

test('more requests than allowed: 429 with Retry-After; polling has a bucket of its own', async () => {
  const small = await startTestApi({ general: 3, polling: 5, refused: 2 });
  const statuses = async (url: string, count: number, token?: null): Promise<number[]> => {
    const all: number[] = [];
    for (let i = 0; i < count; i++) all.push((await small.request('GET', url, token === null ? { token } : {})).status);
    return all;
  };
  expect(await statuses('/v1/plans', 4)).toEqual([200, 200, 200, 429]);
  const answer = await small.request('GET', '/v1/plans');
  expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(0);
  expect(answer.body).toMatchObject({ code: 'TOO_MANY_REQUESTS', retryable: true });
  expect(await statuses('/v1/operations/op_x', 6)).toEqual([404, 404, 404, 404, 404, 429]);
  expect(await statuses('/v1/plans', 3, null)).toEqual([401, 401, 429]);
  await small.stop();
});

test('health, readiness and metrics need no token; readiness follows its parts', async () => {
  expect((await api.request('GET', '/healthz', { token: null })).body).toEqual({ status: 'ok', version: '0.0.0-test' });
  expect((await api.request('GET', '/readyz', { token: null })).body).toMatchObject({ status: 'ready' });
  api.engine.away = true;
  const answer = await api.request('GET', '/readyz', { token: null });
  expect([answer.status, answer.body['checks']]).toEqual([
    503,
    [
      { name: 'inventory', ok: true },
      { name: 'temporal', ok: false },
      { name: 'worker', ok: false },
    ],
  ]);
  api.engine.away = false;
  const metrics = await api.request('GET', '/metrics', { token: null });
  expect(metrics.body['text']).toContain(
    'holdfast_http_request_seconds_count{method="GET",route="/v1/clusters",status="200"}',
  );
});

test('the OpenAPI document has every route with every answer, and no dangling reference', async () => {
  const { body } = await api.request('GET', '/v1/openapi.json', { token: null });
  const paths = body['paths'] as Record<string, Record<string, { operationId: string; responses: object }>>;
  expect(body['openapi']).toBe('3.1.0');
  for (const { method, path: pattern, operationId, answers } of api.routes) {
    const operation = paths[pattern]?.[method];
    expect(operation?.operationId).toBe(operationId);
    expect(Object.keys(operation?.responses ?? {})).toEqual(
      expect.arrayContaining([...Object.keys(answers), '400', '401', '500']),
    );
  }
  const ids = Object.values(paths).flatMap((item) =>
    Object.values(item).flatMap(({ operationId }) => operationId ?? []),
  );
  expect(new Set(ids).size).toBe(ids.length);
  const text = JSON.stringify(body);
  for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    expect(Object.keys((body['components'] as { schemas: object }).schemas)).toContain(name);
  }
});

test('the document has the page, scripts and error pages that it links to, and none comes from elsewhere', async () => {
  const docs = await api.request('GET', '/v1/docs', { token: null });
  expect(docs.headers.get('Content-Security-Policy')).toContain("script-src 'self'");
  const links = [...String(docs.body['text']).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link);
  expect(links.length).toBe(3);
  for (const link of links) {
    expect(link).toMatch(/^\/v1\/docs\//);
    expect((await api.request('GET', link, { token: null })).status).toBe(200);
  }
  const codes = readdirSync(path.join(__dirname, '../../../docs/errors')).map((file) => file.replace('.md', ''));
  for (const code of codes)
    expect((await api.request('GET', `/v1/errors/${code}`, { token: null })).body['text']).toContain(`# ${code}`);
  expect((await api.request('GET', '/v1/errors/..%2f..%2fREADME', { token: null })).status).toBe(404);
});

test('plans and versions say what can be ordered', async () => {
  const plans = await api.request('GET', '/v1/plans');
  expect(plans.body['items']).toContainEqual(expect.objectContaining({ name: 'ha-s', nodes: { data: 3, gateway: 2 } }));
  const versions = await api.request('GET', '/v1/versions');
  expect(versions.body).toMatchObject({
    items: [
      { major: '15', minor: '15.20', default: false },
      { major: '17', minor: '17.12', default: false },
      { major: '18', minor: '18.6', default: true },
    ],
    image: { debian: '13.2', tools: { patroni: '4.1.5' } },
  });
});
