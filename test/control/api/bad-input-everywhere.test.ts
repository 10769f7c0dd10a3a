import { startTestApi, type TestApi } from '../../support/api';
import { newId } from '../../support/inventory';
import { type DescribedOperation, exampleBody, operationFor, pathOf, type Schema } from '../../support/openapi';
import { ownThings } from '../../support/own-things';
import { type BadRequest, examine, type Examiner, problemIn, type RawAnswer } from '../../support/refusals';

jest.setTimeout(120_000);

/** Bad input that every operation has to stand, whichever the OpenAPI document has: new ones are taken in by themselves. */

let api: TestApi;
let examiner: Examiner;
/** Those that want a token: the rest takes no input but the form of the codec's login, which has tests of its own. */
let operations: readonly DescribedOperation[];
/** Real ids of this project's own things, by the name that paths have for them. */
let things: Readonly<Record<string, string>>;
beforeAll(async () => {
  api = await startTestApi({ general: 1e6, polling: 1e6, refused: 1e6 });
  examiner = await examine(api);
  operations = examiner.operations.filter(({ needsToken }) => needsToken);
  expect(operations.length).toBeGreaterThan(20);
  things = await ownThings(api, operations);
});
afterAll(async () => {
  await examiner.stop();
  await api.stop();
});

const requestOf = (operation: DescribedOperation, change: Partial<BadRequest> = {}): BadRequest => {
  const body = exampleBody(operation);
  return { method: operation.method, path: pathOf(operation), ...(body && { body }), ...change };
};
const fieldsOf = ({ body }: DescribedOperation): [name: string, schema: Schema][] =>
  Object.entries(body?.properties ?? {});
const typesOf = ({ type = [] }: Schema): readonly string[] => (typeof type === 'string' ? [type] : type);

const VALUES: [type: string, value: unknown][] = [
  ['string', 'x'],
  ['number', 1.5],
  ['boolean', true],
  ['null', null],
  ['array', []],
  ['object', {}],
];
function wrongValues(schema: Schema): unknown[] {
  const types = typesOf(schema);
  return VALUES.filter(([type]) => !types.includes(type)).map(([, value]) => value);
}

test('a value of the wrong type, in every field and entry of a list', async () => {
  let count = 0;
  for (const operation of operations) {
    for (const [field, schema] of fieldsOf(operation)) {
      const wrong: [value: unknown, at: string][] = [
        ...wrongValues(schema).map((value): [unknown, string] => [value, `/${field}`]),
        ...(schema.items ? wrongValues(schema.items).map((value): [unknown, string] => [[value], `/${field}/0`]) : []),
      ];
      for (const [value, at] of wrong) {
        const body = { ...exampleBody(operation), [field]: value };
        await examiner.refused(requestOf(operation, { body }), { code: 'VALIDATION_FAILED', at: [`body ${at}`] });
        count++;
      }
    }
  }
  expect(count).toBeGreaterThan(50);
});

test('a field that is missing', async () => {
  for (const operation of operations) {
    for (const field of operation.body?.required ?? []) {
      const body = { ...exampleBody(operation), [field]: undefined };
      await examiner.refused(requestOf(operation, { body }), { code: 'VALIDATION_FAILED', at: [`body /${field}`] });
    }
  }
});

test('an unknown field in the body and in the query, and a body where there is none', async () => {
  for (const operation of operations) {
    const body = { ...exampleBody(operation), frobnicate: 1 };
    const at = ['body /frobnicate'];
    await examiner.refused(requestOf(operation, { body }), { code: 'VALIDATION_FAILED', at });
    const path = `${pathOf(operation)}?frobnicate=1`;
    const query = { code: 'VALIDATION_FAILED', at: ['query /frobnicate'] } as const;
    await examiner.refused(requestOf(operation, { path }), query);
    await examiner.refused(requestOf(operation, { path: path.replace('frobnicate', '__proto__') }), {
      ...query,
      at: ['query /__proto__'],
    });
  }
});

test('invalid JSON, a wrong content type and a body over the limit that the document tells', async () => {
  for (const operation of operations) {
    await examiner.refused(requestOf(operation, { bytes: '{"a": ' }), { code: 'INVALID_JSON' });
    const headers = { 'Content-Type': 'text/xml' };
    await examiner.refused(requestOf(operation, { bytes: '<a/>', headers }), { code: 'UNSUPPORTED_MEDIA_TYPE' });
    const limit = operation.bodyLimitBytes ?? NaN;
    expect([operation.operationId, limit]).toEqual([
      operation.operationId,
      /codec/.test(operation.pattern) ? 8 * 1024 ** 2 : 1024 ** 2,
    ]);
    const bytes = JSON.stringify({ a: 'x'.repeat(limit) });
    await examiner.refused(requestOf(operation, { bytes }), { code: 'BODY_TOO_LARGE' });
  }
});

test('no token, whatever else is wrong', async () => {
  for (const operation of operations) {
    await examiner.refused(requestOf(operation, { token: null }), { code: 'UNAUTHENTICATED' });
    await examiner.refused(requestOf(operation, { token: null, bytes: '{' }), { code: 'UNAUTHENTICATED' });
  }
});

test('a wrong method: 405 with those that there are', async () => {
  for (const pattern of new Set(examiner.operations.map((operation) => operation.pattern))) {
    const path = pathOf({ pattern });
    const known = examiner.operations.filter((operation) => operation.pattern === pattern).map(({ method }) => method);
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY']) {
      if (operationFor(examiner.operations, method, path)) continue;
      await examiner.refused({ method, path }, { code: 'METHOD_NOT_ALLOWED' });
      const allowed = (await examiner.send({ method, path })).headers['allow']?.split(', ');
      expect(allowed).toEqual(expect.arrayContaining(known));
      expect(allowed).not.toContain(method);
    }
  }
});

const NASTY = [
  ...[
    `'`,
    `"`,
    '`id`',
    '\n',
    '\r\nX: y',
    '\0',
    'a\0',
    'a'.repeat(64),
    'a'.repeat(100),
    'a'.repeat(5000),
    '-rf',
    '--help',
  ],
  ...[
    'ä',
    'ѕhop',
    '😀',
    '\u202e',
    '\ufeff',
    '\ud800',
    '.',
    '..',
    '../../etc/passwd',
    '..\\..\\x',
    '/etc/passwd',
    '%00',
  ],
  ...[
    '%2e%2e%2f',
    '%',
    `x'; drop table clusters; --`,
    '$(id)',
    '{{7*7}}',
    '__proto__',
    'constructor',
    ' ',
    '*',
    '1e999',
  ],
];

/** Refused as it has to be, or taken: never an error of ours. */
async function isRefused(request: BadRequest): Promise<boolean> {
  const answer = await examiner.send(request);
  if (answer.status >= 500) throw new Error(`${answer.status} to ${JSON.stringify(request).slice(0, 300)}`);
  if (answer.status < 400) return false;
  problemIn(answer);
  return true;
}

/** What is refused of them changes nothing. @returns those that were taken. */
async function stand(requests: readonly BadRequest[]): Promise<BadRequest[]> {
  const [refused, taken]: [BadRequest[], BadRequest[]] = [[], []];
  let before = await examiner.world();
  for (const request of requests) ((await isRefused(request)) ? refused : taken).push(request);
  if (taken.length > 0) {
    before = await examiner.world();
    for (const request of refused) expect([request, await isRefused(request)]).toEqual([request, true]);
  }
  expect(await examiner.world()).toEqual(before);
  return taken;
}

const IN_PATHS = NASTY.filter((text) => text.isWellFormed());
const RAW = ['..', '%2e%2e', '..;', '%c0%ae%c0%ae', '%zz', '%', '%ff', '%ED%A0%80', '//', '%0d%0aX:y'];

test('quotes, newlines, NUL, unicode and path tricks in every part of a path', async () => {
  for (const operation of operations) {
    for (const [, name = ''] of operation.pattern.matchAll(/\{(\w+)\}/g)) {
      const paths = [
        ...IN_PATHS.map((text) => pathOf(operation, { [name]: text })),
        ...RAW.map((raw) => operation.pattern.replaceAll(/\{\w+\}/g, raw)),
      ];
      expect(await stand(paths.map((path) => requestOf(operation, { path })))).toEqual([]);
    }
  }
});

test('the same in every field of a query', async () => {
  for (const operation of operations) {
    for (const { name } of operation.parameters.filter((parameter) => parameter.in === 'query')) {
      const queries = [`${name}=a&${name}=b`, ...IN_PATHS.map((text) => `${name}=${encodeURIComponent(text)}`)];
      await stand(queries.map((query) => requestOf(operation, { path: `${pathOf(operation)}?${query}` })));
    }
  }
});

test('the same in every text of a body', async () => {
  for (const operation of operations) {
    for (const [field, schema] of fieldsOf(operation)) {
      const isList = schema.items !== undefined;
      if (![...typesOf(schema), ...typesOf(schema.items ?? {})].includes('string')) continue;
      const bodies = NASTY.map((text) => ({ ...exampleBody(operation), [field]: isList ? [text] : text }));
      await stand(bodies.map((body) => requestOf(operation, { body })));
    }
  }
});

const OF_PAGES = [
  ['/operations', 'op'],
  ['/restores', 'op'],
  ['/restore-points', 'op'],
  ['/backups', 'bkp'],
  ['/drills', 'drl'],
  ['/dumps', 'dmp'],
] as const;
test('a cursor that was made up, cut or of another list, and one with the place of another project', async () => {
  for (const name of ['one', 'two', 'three'])
    await api.request('POST', '/v1/clusters', { body: { name: `page-${name}`, plan: 'sandbox' } });
  const pages = operations.filter(({ parameters }) => parameters.some(({ name }) => name === 'cursor'));
  expect(pages.length).toBeGreaterThan(2);
  const encode = (id: string): string => Buffer.from(id).toString('base64url');
  for (const operation of pages) {
    const path = pathOf(operation, { cluster: 'page-one' });
    const own = OF_PAGES.find(([end]) => operation.pattern.endsWith(end))?.[1] ?? 'clu';
    const good = encode(newId(own));
    expect((await examiner.send({ method: 'GET', path: `${path}?cursor=${good}` })).status).toBe(200);
    const wrong = [
      'abc',
      `${good}=`,
      good.slice(0, -2),
      `${good}AA`,
      encode(newId('tok')),
      encode(`${own}_`),
      encode("clu_' or 1=1 --"),
      '%00',
    ];
    for (const cursor of wrong) {
      const request = { method: 'GET', path: `${path}?cursor=${cursor}` };
      await examiner.refused(request, { code: 'VALIDATION_FAILED', at: ['query /cursor'] });
    }
  }
  const { id } = await api.inventory.projects.ensure('lookers');
  const path = `/v1/clusters?cursor=${encode(`clu_${'z'.repeat(26)}`)}`;
  const answer = await examiner.send({ method: 'GET', path, token: await api.token(undefined, id) });
  expect(JSON.parse(answer.text)).toEqual({ items: [], nextCursor: null });
});

/** Makes one of everything that can be made, by the examples of the document. */
test("another project's ids: the very bytes that an id gets that never was", async () => {
  const { id: strangers } = await api.inventory.projects.ensure('strangers');
  const token = await api.token(undefined, strangers);
  const bytes = ({ status, headers, text }: RawAnswer, id: string): unknown => {
    const requestId = headers['x-request-id'] ?? '-';
    const rest = { ...headers, date: '', ratelimit: '', 'x-request-id': '' };
    return [status, rest, text.replaceAll(id, 'ID').replaceAll(requestId, 'REQUEST')];
  };
  const withIds = operations.filter(({ pattern }) => pattern.includes('{'));
  expect(withIds.length).toBeGreaterThan(8);
  for (const operation of withIds) {
    const [, name = ''] = operation.pattern.match(/\{(\w+)\}/) ?? [];
    const real = things[name];
    if (real === undefined) throw new Error(`nothing was made that {${name}} of ${operation.pattern} could name`);
    const never = real.slice(0, -16) + newId('op').slice(-16);
    const path = (id: string): string => pathOf(operation, { ...things, [name]: id });
    const ask = (id: string): BadRequest => requestOf(operation, { path: path(id), token });
    expect(bytes(await examiner.send(ask(real)), real)).toEqual(bytes(await examiner.send(ask(never)), never));
    await examiner.refused(ask(real), { code: 'NOT_FOUND' });
    // Its owner sees it: it is not refused for another reason.
    const owned = await examiner.send({ method: 'GET', path: path(real) });
    expect([operation.pattern, owned.status]).not.toEqual([operation.pattern, 404]);
  }
  for (const path of [
    '/v1/clusters/mine',
    '/v1/operations?cluster=mine',
    `/v1/operations?cluster=${things['cluster']}`,
  ])
    await examiner.refused({ method: 'GET', path, token }, { code: 'NOT_FOUND' });
});
