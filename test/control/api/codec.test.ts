import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload } from '@temporalio/common';
import express from 'express';
import pino from 'pino';
import { z } from 'zod';
import { createInventory } from '../../../activities/inventory/open';
import { createHistoryKeys } from '../../../activities/secrets/history-keys';
import { hashToken } from '../../../api/http/auth';
import { codecRouter } from '../../../api/http/codec';
import { logRequests } from '../../../api/http/log';
import { problemHandler } from '../../../api/http/problem';
import { createRateLimit } from '../../../api/http/rate-limit';
import { startTestApi, type TestApi } from '../../support/api';
import { freePort } from '../../support/free-port';
import { keyringOf } from '../../support/keyring';
import { SCOPES } from '../../../domain/tokens';

/** The codec endpoint as Temporal's Web UI and command use it. */

const WEB_UI = 'http://temporal.test';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ general: 1e6, polling: 1e6, refused: 1e6 });
});
afterAll(() => api.stop());

/** As JSON of a protobuf message has bytes. */
const toJson = ({ metadata, data }: Payload) => ({
  metadata: Object.fromEntries(
    Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
  ),
  data: Buffer.from(data ?? []).toString('base64'),
});
const plain = toJson(defaultPayloadConverter.toPayload({ cluster: 'orders' }));
const encrypted = async () =>
  toJson((await api.codec.encode([defaultPayloadConverter.toPayload({ cluster: 'orders' })]))[0] ?? {});

async function decode(headers: Record<string, string>, payloads: unknown = [plain]) {
  const answer = await fetch(`${api.url}/v1/codec/decode`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Namespace': 'default', ...headers },
    body: JSON.stringify({ payloads }),
  });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
}
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

async function signIn(token: string, origin = WEB_UI, url = api.url) {
  const answer = await fetch(`${url}/v1/codec/login`, {
    method: 'POST',
    headers: { Origin: origin },
    body: new URLSearchParams({ token }),
  });
  return {
    status: answer.status,
    text: await answer.text(),
    cookie: answer.headers.get('Set-Cookie'),
    retryAfter: answer.headers.get('Retry-After'),
  };
}
const cookieOf = async (token: string) => (await signIn(token)).cookie?.split(';')[0] ?? '';

test('decodes for a token with the scope, and encodes', async () => {
  const headers = bearer(await api.token(['histories:read']));
  expect(await decode(headers, [await encrypted(), plain])).toMatchObject({
    status: 200,
    body: { payloads: [plain, plain] },
  });
  const answer = await fetch(`${api.url}/v1/codec/encode`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ payloads: [plain] }),
  });
  const { payloads } = (await answer.json()) as { payloads: unknown[] };
  expect(JSON.stringify(payloads)).not.toContain(plain.data);
  expect((await decode(headers, payloads)).body).toEqual({ payloads: [plain] });
});

test('decodes what it can: payloads of a stranger stay as they are', async () => {
  const broken = { ...(await encrypted()), data: 'AAAA' };
  const { body } = await decode(bearer(await api.token(['histories:read'])), [broken, await encrypted()]);
  expect(body).toEqual({ payloads: [broken, plain] });
});

describe('refuses', () => {
  test('whoever has no token, a wrong one, or one without the scope, all in the form of a problem', async () => {
    const without = await api.token(SCOPES.filter((scope) => scope !== 'histories:read'));
    for (const [headers, status, code] of [
      [{}, 401, 'UNAUTHENTICATED'],
      [{ Cookie: 'holdfast_codec=x' }, 401, 'UNAUTHENTICATED'],
      [bearer('hft_wrong'), 401, 'UNAUTHENTICATED'],
      [bearer(without), 403, 'FORBIDDEN'],
    ] as const) {
      const answer = await decode(headers, [await encrypted()]);
      expect(answer).toMatchObject({ status, body: { code } });
      expect(answer.headers.get('Content-Type')).toContain('application/problem+json');
      expect(JSON.stringify(answer.body)).not.toContain('orders');
    }
  });

  const post = async (body: string, type = 'application/json') => {
    const headers = { 'Content-Type': type, ...bearer(await api.token(['histories:read'])) };
    const answer = await fetch(`${api.url}/v1/codec/decode`, { method: 'POST', headers, body });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };

  test.each([
    [{ payloads: 'x' }, '/payloads', 'must be a list'],
    [{ payloads: [{}, { data: 'ä' }] }, '/payloads/1/data', 'must be text in base64'],
    [{ payloads: [{ metadata: { encoding: 7 } }] }, '/payloads/0/metadata/encoding', 'must be text in base64'],
    [{ payloads: [{ metadata: 'x' }] }, '/payloads/0/metadata', 'must be a JSON object'],
    [{ payload: [] }, '/payload', 'is not known: there are payloads'],
    [[], '', 'must be a JSON object'],
    ['x', '', 'must be a JSON object'],
  ])('bodies that are not payloads, with where they are wrong: %j', async (body, pointer, message) => {
    expect(await post(JSON.stringify(body))).toMatchObject({
      status: 400,
      body: { code: 'VALIDATION_FAILED', errors: [{ in: 'body', pointer, message }] },
    });
  });

  test('a missing body', async () => {
    const errors = [{ in: 'body', pointer: '', message: 'is missing' }];
    expect(await post('')).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', errors } });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded'])('what is sent as %s', async (type) => {
    expect(await post('{"payloads":[]}', type)).toMatchObject({
      status: 415,
      body: { code: 'UNSUPPORTED_MEDIA_TYPE' },
    });
  });

  test('bodies over 8 MiB, with that limit', async () => {
    const bodyOf = (bytes: number): string => '{"payloads":[]}'.padEnd(bytes);
    expect((await post(bodyOf(8 * 1024 ** 2))).status).toBe(200);
    expect(await post(bodyOf(8 * 1024 ** 2 + 1))).toMatchObject({
      status: 413,
      body: { code: 'BODY_TOO_LARGE', detail: 'The body is larger than 8388608 bytes.' },
    });
  });

  test('a form with more fields than a form has, as any other without a token', async () => {
    const body = 'a&'.repeat(2000);
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    expect((await fetch(`${api.url}/v1/codec/login`, { method: 'POST', headers, body })).status).toBe(401);
  });

  test('other methods', async () => {
    expect((await fetch(`${api.url}/v1/codec/decode`)).status).toBe(405);
  });
});

describe('a browser', () => {
  test('that signed in is known by a cookie for this endpoint alone, which is not the token', async () => {
    const token = await api.token(['histories:read']);
    const { status, cookie, text } = await signIn(token);
    expect(status).toBe(200);
    expect(cookie).toMatch(/^holdfast_codec=\S+; Path=\/v1\/codec; HttpOnly; SameSite=Strict$/);
    for (const said of [cookie ?? '', text]) {
      expect(said).not.toContain(token);
      expect(said).not.toContain(hashToken(token));
    }
    const answer = await decode({ Cookie: cookie?.split(';')[0] ?? '' }, [await encrypted()]);
    expect(answer).toMatchObject({ status: 200, body: { payloads: [plain] } });
    const elsewhere = await fetch(`${api.url}/v1/clusters`, { headers: { Cookie: cookie?.split(';')[0] ?? '' } });
    expect(elsewhere.status).toBe(401);
  });

  test('is out as soon as its token is revoked', async () => {
    const token = await api.token(['histories:read']);
    const Cookie = await cookieOf(token);
    expect((await decode({ Cookie })).status).toBe(200);
    const id = `tok_${token.split('_')[1]}`;
    expect((await api.request('DELETE', `/v1/tokens/${id}`)).status).toBe(204);
    expect((await decode({ Cookie })).status).toBe(401);
  });

  test('is out with a cookie that was changed', async () => {
    const Cookie = await cookieOf(await api.token(['histories:read']));
    expect((await decode({ Cookie })).status).toBe(200);
    expect((await decode({ Cookie: Cookie.replace(/.{4}$/, 'AAAA') })).status).toBe(401);
  });

  test.each([
    ['a wrong token', () => Promise.resolve('hft_x'), 401],
    ['a token without the scope', () => api.token(['clusters:read']), 403],
  ] as const)('gets no cookie for %s, and is told why', async (_what, token, status) => {
    const answer = await signIn(await token());
    expect(answer).toMatchObject({ status, cookie: null });
    expect(answer.text).toContain('role="alert"');
  });

  test('is told to come again while the inventory is away, which is not counted as a wrong token', async () => {
    const token = await api.token(['histories:read']);
    const inventory = createInventory(`postgres://127.0.0.1:${await freePort()}/nobody`);
    const keys = createHistoryKeys(inventory.database, keyringOf(randomBytes(32)));
    const router = codecRouter([], { keys, inventory, temporalUiUrl: WEB_UI, refused: createRateLimit(1) });
    const log = pino({ level: 'silent' });
    const server = express().use(logRequests(log), router, problemHandler(log)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = z.object({ port: z.number() }).parse(server.address());
    try {
      for (let i = 0; i < 3; i++) {
        const answer = await signIn(token, WEB_UI, `http://127.0.0.1:${port}`);
        expect(answer).toMatchObject({ status: 503, cookie: null, retryAfter: '2' });
        expect(answer.text).toMatch(/role="alert">The inventory is not reachable at the moment/);
      }
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await inventory.close();
    }
  });

  test('may read answers on pages of the Web UI only', async () => {
    const preflight = (origin: string) =>
      fetch(`${api.url}/v1/codec/decode`, {
        method: 'OPTIONS',
        headers: {
          Origin: origin,
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'content-type,x-namespace',
        },
      });
    const own = await preflight(WEB_UI);
    expect(own.status).toBe(204);
    expect(own.headers.get('Access-Control-Allow-Origin')).toBe(WEB_UI);
    expect(own.headers.get('Access-Control-Allow-Credentials')).toBe('true');
    expect(own.headers.get('Access-Control-Allow-Headers')?.toLowerCase()).toContain('x-namespace');
    for (const origin of ['http://evil.test', 'null', `${WEB_UI}.evil.test`, 'https://temporal.test']) {
      expect((await preflight(origin)).headers.get('Access-Control-Allow-Origin')).toBeNull();
      expect((await decode({ Origin: origin })).headers.get('Access-Control-Allow-Origin')).toBeNull();
    }
    // A refusal can be read too: the Web UI shows it.
    expect((await decode({ Origin: WEB_UI })).headers.get('Access-Control-Allow-Origin')).toBe(WEB_UI);
  });
});

test('nobody’s token is in the log', async () => {
  const token = await api.token(['histories:read']);
  await signIn(token);
  await decode(bearer(token));
  expect(api.logLines.join('')).toContain('/v1/codec/decode');
  expect(api.logLines.join('')).not.toContain(token);
});
