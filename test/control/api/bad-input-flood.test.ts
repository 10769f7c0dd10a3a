import { connect } from 'node:net';
import { startTestApi, type TestApi } from '../../support/api';
import { eventually } from '../../support/eventually';
import { type BadRequest, problemIn, type RawAnswer, sendRaw } from '../../support/refusals';

/** Too much at once, and what is no HTTP at all. */

let api: TestApi;
afterEach(() => api.stop());

const AT_ONCE = 200;

async function flood(make: (i: number) => BadRequest): Promise<RawAnswer[]> {
  const token = await api.token();
  return Promise.all(Array.from({ length: AT_ONCE }, (_, i) => sendRaw(api.url, { token, ...make(i) })));
}
const order = (name: string): BadRequest => ({ method: 'POST', path: '/v1/clusters', body: { name, plan: 'sandbox' } });
const statuses = (answers: readonly RawAnswer[]): number[] => [...new Set(answers.map(({ status }) => status))].sort();
const rows = async (): Promise<number> =>
  Number((await api.database.query<{ count: string }>('select count(*) from operations'))[0]?.count);

test('200 orders at once: all accepted, each started once', async () => {
  api = await startTestApi();
  const answers = await flood((i) => order(`flood-${i}`));
  expect(statuses(answers)).toEqual([202]);
  expect(await rows()).toBe(AT_ONCE);
  const started = (): Set<string> => new Set(api.engine.started.map(({ operationId }) => operationId));
  await eventually(() => started().size === AT_ONCE, { limitMs: 20_000 });
});

test('200 orders of one name at once: one is accepted', async () => {
  api = await startTestApi();
  const answers = await flood(() => order('one'));
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
  for (const answer of answers.filter(({ status }) => status !== 202))
    expect(problemIn(answer).code).toBe('NAME_TAKEN');
  expect(await rows()).toBe(1);
});

test('200 requests of all kinds at once, good and bad: each gets its own answer', async () => {
  api = await startTestApi();
  const kinds: [BadRequest, number][] = [
    [{ method: 'GET', path: '/v1/clusters' }, 200],
    [{ method: 'POST', path: '/v1/clusters', bytes: '{' }, 400],
    [order('-'), 400],
    [{ method: 'GET', path: '/v1/clusters/nobody' }, 404],
    [{ method: 'PUT', path: '/v1/clusters' }, 405],
    [{ method: 'POST', path: '/v1/clusters', bytes: 'a=b', headers: { 'Content-Type': 'text/plain' } }, 415],
    [{ method: 'GET', path: '/v1/clusters', token: null }, 401],
    [{ method: 'GET', path: '/v1/operations?cursor=x' }, 400],
  ];
  const kind = (i: number): [BadRequest, number] => kinds[i % kinds.length] ?? [order('-'), 400];
  const answers = await flood((i) => kind(i)[0]);
  expect(answers.map(({ status }) => status)).toEqual(answers.map((_, i) => kind(i)[1]));
  for (const answer of answers.filter(({ status }) => status >= 400)) problemIn(answer);
  expect(await rows()).toBe(0);
});

test('200 at once where 50 a minute are allowed: 50 are served, the others told when to come back', async () => {
  api = await startTestApi({ general: 50, polling: 50, refused: 50 });
  const answers = await flood((i) => order(`flood-${i}`));
  const refused = answers.filter(({ status }) => status !== 202);
  expect(answers.length - refused.length).toBe(50);
  for (const answer of refused) {
    const { code, detail } = problemIn(answer);
    expect([code, detail]).toEqual(['TOO_MANY_REQUESTS', expect.stringMatching(/retry after \d+ s/)]);
    expect(detail).toContain(`retry after ${answer.headers['retry-after']} s`);
  }
  expect(await rows()).toBe(50);
  expect((await api.request('GET', '/healthz', { token: null })).status).toBe(200);
});

const HEAD = 'POST /v1/clusters HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
const NO_HTTP: [what: string, bytes: string, reason: string][] = [
  ['nonsense', 'nonsense\r\n\r\n', 'it is not HTTP'],
  ['the first bytes of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'it is not HTTP'],
  ['a NUL in the path', 'GET /v1/clusters/\0 HTTP/1.1\r\nHost: x\r\n\r\n', 'it is not HTTP'],
  ['a newline in a header', `${HEAD}X: a\nb\r\n\r\n`, 'it is not HTTP'],
  ['a negative length', `${HEAD}Content-Length: -1\r\n\r\n{}`, 'it is not HTTP'],
  ['two lengths', `${HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 'it is not HTTP'],
  ['headers over 16 KiB', `${HEAD}X: ${'y'.repeat(20_000)}\r\n\r\n`, 'its headers are larger than 16 KiB'],
  [
    'a path over 16 KiB',
    `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    'its headers are larger than 16 KiB',
  ],
];
test.each(NO_HTTP)('%s: a problem, and the connection is closed', async (_what, bytes, reason) => {
  api = await startTestApi();
  const answer = await rawConnection(api.url, bytes);
  expect(problemIn(answer)).toMatchObject({
    code: 'MALFORMED_REQUEST',
    detail: expect.stringContaining(reason) as string,
  });
  expect((await api.request('GET', '/healthz', { token: null })).status).toBe(200);
});

test.each([
  ['no Host', 'GET /v1/clusters HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['an expectation that nobody knows', `${HEAD}Expect: miracles\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`],
  [
    'an upgrade that nobody offers',
    'GET /v1/clusters HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUpgrade: websocket\r\n\r\n',
  ],
])('%s: answered as any other request', async (_what, bytes) => {
  api = await startTestApi();
  expect(problemIn(await rawConnection(api.url, bytes)).code).toBe('UNAUTHENTICATED');
});

/** Sends the bytes and reads until the server closes. */
function rawConnection(url: string, bytes: string): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes, 'latin1'));
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no end of the answer: ${text}`)));
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.once('error', reject);
    socket.once('close', () => {
      const [head = '', ...body] = text.split('\r\n\r\n');
      const [first = '', ...lines] = head.split('\r\n');
      const headers = lines.map((line): [string, string] => {
        const [name = '', ...value] = line.split(': ');
        return [name.toLowerCase(), value.join(': ')];
      });
      const status = Number(first.split(' ')[1]);
      resolve({ status, headers: Object.fromEntries(headers), text: body.join('\r\n\r\n') });
    });
  });
}
