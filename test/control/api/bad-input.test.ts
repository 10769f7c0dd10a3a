import { gzipSync } from 'node:zlib';
import type { ErrorCode } from '../../../domain/errors';
import type { OperationId } from '../../../domain/ids';
import { startTestApi, type TestApi } from '../../support/api';
import { readyCluster, recordSites } from '../../support/api-backups';
import { finish } from '../../support/inventory';
import { type BadRequest, examine, type Examiner } from '../../support/refusals';

/**
 * What a bad client sends, one line each. Of every refusal `refused` holds what is said there: a documented problem, the
 * field that is at fault, nothing written, nothing started, and the process answers on.
 */

let api: TestApi;
let examiner: Examiner;
beforeAll(async () => {
  api = await startTestApi({ general: 1e6, polling: 1e6, refused: 1e6 });
  await recordSites(api);
  examiner = await examine(api);
});
afterAll(async () => {
  await examiner.stop();
  await api.stop();
});

const post = (path: string, body: unknown): BadRequest => ({ method: 'POST', path, body });
const order = (change: object): BadRequest => post('/v1/clusters', { name: 'fresh', plan: 'ha-s', ...change });
const token = (change: object): BadRequest => post('/v1/tokens', { name: 'ci', scopes: ['clusters:read'], ...change });

async function ordered(name: string, more: object = {}): Promise<{ id: OperationId; clusterId: string }> {
  const { status, body } = await api.request('POST', '/v1/clusters', { body: { name, plan: 'sandbox', ...more } });
  expect(status).toBe(202);
  return body as unknown as { id: OperationId; clusterId: string };
}
async function provisioned(name: string, more: object = {}): Promise<void> {
  const operation = await api.inventory.operations.get((await ordered(name, more)).id);
  if (operation === null) throw new Error('no operation');
  await finish(api.inventory, operation);
}

const deep = 500_000;
const BODIES: [what: string, bytes: string | Buffer, code: ErrorCode, ...at: string[]][] = [
  ['invalid JSON: a word without quotes', '{"name": shop}', 'INVALID_JSON'],
  ['invalid JSON: cut off', '{"name": "shop"', 'INVALID_JSON'],
  ['invalid JSON: a comma too many', '{"name": "shop",}', 'INVALID_JSON'],
  ['invalid JSON: two values', '{} {}', 'INVALID_JSON'],
  ['invalid JSON: a control character in a text', '{"name": "a\nb"}', 'INVALID_JSON'],
  ['invalid JSON: bytes that are no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), 'INVALID_JSON'],
  ['invalid JSON: NUL bytes', Buffer.alloc(100), 'INVALID_JSON'],
  ['invalid JSON: half a million brackets', '['.repeat(deep), 'INVALID_JSON'],
  ['invalid JSON: objects in objects without end', '{"a":'.repeat(deep / 5), 'INVALID_JSON'],
  ['JSON nested very deeply', `${'['.repeat(deep)}${']'.repeat(deep)}`, 'VALIDATION_FAILED', 'body '],
  ['a text instead of an object', '"shop"', 'VALIDATION_FAILED', 'body '],
  ['a list instead of an object', '[]', 'VALIDATION_FAILED', 'body '],
  ['null instead of an object', 'null', 'VALIDATION_FAILED', 'body '],
  ['an empty body', '', 'VALIDATION_FAILED', 'body '],
  ['a body over 1 MiB', JSON.stringify({ name: 'x'.repeat(1024 ** 2) }), 'BODY_TOO_LARGE'],
];
test.each(BODIES)('%s', (_what, bytes, code, ...at) =>
  examiner.refused({ method: 'POST', path: '/v1/clusters', bytes }, { code, ...(at.length > 0 && { at }) }),
);

const CONTENT: [what: string, headers: Record<string, string>, bytes: string | Buffer, code: ErrorCode][] = [
  [
    'a form instead of JSON',
    { 'Content-Type': 'application/x-www-form-urlencoded' },
    'name=a',
    'UNSUPPORTED_MEDIA_TYPE',
  ],
  ['JSON that calls itself text', { 'Content-Type': 'text/plain' }, '{}', 'UNSUPPORTED_MEDIA_TYPE'],
  ['an empty content type', { 'Content-Type': '' }, '{}', 'UNSUPPORTED_MEDIA_TYPE'],
  ['an unknown charset', { 'Content-Type': 'application/json; charset=klingon' }, '{}', 'UNSUPPORTED_MEDIA_TYPE'],
  ['an unknown compression', { 'Content-Encoding': 'lzw' }, '{}', 'UNSUPPORTED_MEDIA_TYPE'],
  ['a body that is not compressed as it says', { 'Content-Encoding': 'gzip' }, '{}', 'INVALID_JSON'],
  ['a compressed body over 1 MiB', { 'Content-Encoding': 'gzip' }, gzipSync(Buffer.alloc(1e7, 32)), 'BODY_TOO_LARGE'],
];
test.each(CONTENT)('wrong content: %s', (_what, headers, bytes, code) =>
  examiner.refused({ method: 'POST', path: '/v1/clusters', headers, bytes }, { code }),
);

/** The longest that is allowed is 40, or 63 for what PostgreSQL calls an identifier: 64 is too much for each. */
const NAMES: [what: string, name: string][] = [
  ['single quotes', "o'reilly"],
  ['double quotes', 'o"reilly'],
  ['backquotes', 'a`id`'],
  ['a newline', 'a\nb'],
  ['a newline at its end', 'shop\n'],
  ['a carriage return', 'a\rb'],
  ['a NUL', 'a\0b'],
  ['64 characters', 'a'.repeat(64)],
  ['a thousand characters', 'a'.repeat(1000)],
  ['a leading dash', '-rf'],
  ['a leading digit', '1shop'],
  ['letters outside of ASCII', 'schön'],
  ['letters that look like ASCII', 'ѕhop'],
  ['full-width letters', 'ｓｈｏｐ'],
  ['an emoji', 'shop😀'],
  ['half a surrogate pair', 'a\ud800b'],
  ['a right-to-left mark', 'a\u202eb'],
  ['a zero-width space', 'a\u200bb'],
  ['a path upwards', '../../etc/passwd'],
  ['a path', 'a/b'],
  ['dots', '..'],
  ['a space', 'a b'],
  ['capitals', 'Shop'],
  ['a command', '$(id)'],
  ['SQL', "x'; drop table clusters; --"],
  ['nothing', ''],
];
describe.each(['name', 'database', 'owner'])('%s of a cluster', (field) => {
  test.each(NAMES)('with %s', (_what, name) =>
    examiner.refused(order({ [field]: name }), { code: 'VALIDATION_FAILED', at: [`body /${field}`] }),
  );
});
test.each([
  ['a NUL', 'a\0b'],
  ['half a surrogate pair', 'a\ud800b'],
  ['more than 100 characters', 'a'.repeat(101)],
  ['spaces only', '   '],
])('a name of a token, which may be any text, with %s', (_what, name) =>
  examiner.refused(token({ name }), { code: 'VALIDATION_FAILED', at: ['body /name'] }),
);

const FIELDS: [what: string, change: object, ...at: string[]][] = [
  ['an unknown field', { storageGb: 5 }, '/storageGb'],
  ['an unknown field with a name that JavaScript knows', { constructor: 1 }, '/constructor'],
  ['wrong type: a number for a text', { version: 18 }, '/version'],
  ['wrong type: a text for a flag', { deletionProtection: 'yes' }, '/deletionProtection'],
  ['wrong type: null', { name: null }, '/name'],
  ['wrong type: a list for a text', { plan: ['ha-s'] }, '/plan'],
  ['wrong type: a text for a list', { allowedIps: '10.0.0.0/8' }, '/allowedIps'],
  ['no name', { name: undefined }, '/name'],
  ['a name that ends with a hyphen', { name: 'shop-' }, '/name'],
  ['an unknown plan', { plan: 'ha-xxl' }, '/plan'],
  ['a plan named like a field of every object', { plan: '__proto__' }, '/plan'],
  ['an unknown version', { version: '16' }, '/version'],
  ['an unknown cloud', { cloud: 'moon' }, '/cloud'],
  ['storage under the minimum', { storage: '1GiB' }, '/storage'],
  ['storage over the maximum', { storage: '2TiB' }, '/storage'],
  ['storage in decimal units', { storage: '20GB' }, '/storage'],
  ['storage that no number holds', { storage: '999999TiB' }, '/storage'],
  ['negative storage', { storage: '-20GiB' }, '/storage'],
  ['storage beyond all numbers', { storage: `${'9'.repeat(400)}GiB` }, '/storage'],
  ['a CIDR with too many bits', { allowedIps: ['10.0.0.0/8', '10.0.0.0/33'] }, '/allowedIps/1'],
  ['a CIDR that is a word', { allowedIps: ['all'] }, '/allowedIps/0'],
  ['a CIDR in three parts', { allowedIps: ['10.0.0/8'] }, '/allowedIps/0'],
  ['a CIDR with a zone', { allowedIps: ['fe80::1%eth0/64'] }, '/allowedIps/0'],
  ['a CIDR and another line', { allowedIps: ['10.0.0.0/8\n0.0.0.0/0'] }, '/allowedIps/0'],
  ['the whole internet in disguise', { allowedIps: ['1.2.3.4/0'] }, '/allowedIps/0'],
  ['more CIDRs than a hundred', { allowedIps: Array(101).fill('10.0.0.0/8') }, '/allowedIps'],
  ['a reserved database name', { database: 'postgres' }, '/database'],
  ['an owner named like a role of the system', { owner: 'pg_monitor' }, '/owner'],
  ['backups that are a flag', { backups: false }, '/backups'],
  ['an unknown field of backups', { backups: { site: 'primary' } }, '/backups/site'],
  ['a site of backups twice', { backups: { sites: ['primary', 'primary'] } }, '/backups/sites/1'],
  ['a site of backups that is not there', { backups: { sites: ['primary', 'moon'] } }, '/backups/sites/1'],
  ['a site of backups out of reach', { backups: { sites: ['offsite'] } }, '/backups/sites/0'],
  ['a schedule that is no cron', { backups: { schedule: { full: 'weekly' } } }, '/backups/schedule/full'],
  ['a schedule that never comes', { backups: { schedule: { full: '0 0 31 2 *' } } }, '/backups/schedule/full'],
  ['a time zone of another planet', { backups: { timeZone: 'Mars/Olympus' } }, '/backups/timeZone'],
  ['retention of nothing', { backups: { retention: { unit: 'count', full: 0 } } }, '/backups/retention/full'],
  ['three at once, all of them told', { name: '-', plan: 'x', foo: 1 }, '/name', '/plan', '/foo'],
];
test.each(FIELDS)('%s', (_what, change, ...at) =>
  examiner.refused(order(change), { code: 'VALIDATION_FAILED', at: at.map((pointer) => `body ${pointer}`) }),
);

const TOKENS: [what: string, make: () => string | null | Promise<string>][] = [
  ['no token', () => null],
  ['no token at all', () => 'x'],
  ['a wrong token', () => `hft_${'0'.repeat(26)}_${'A'.repeat(43)}`],
  ['a token with something after it', async () => `${await api.token()} x`],
  [
    'a token whose last character is another',
    async () => (await api.token()).replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
  ],
  ['an expired token', () => api.token(undefined, undefined, new Date(Date.now() - 1000).toISOString())],
  ['a revoked token', revokedToken],
];
async function revokedToken(): Promise<string> {
  const { body } = await api.request('POST', '/v1/tokens', { body: { name: 'gone', scopes: ['clusters:write'] } });
  expect((await api.request('DELETE', `/v1/tokens/${String(body['id'])}`)).status).toBe(204);
  return String(body['token']);
}
test.each(TOKENS)('%s: 401 with WWW-Authenticate', async (_what, make) => {
  const request = { ...order({}), token: await make() };
  await examiner.refused(request, { code: 'UNAUTHENTICATED' });
  expect((await examiner.send(request)).headers['www-authenticate']).toMatch(/^Bearer realm="holdfast"/);
});

test('a duplicate name', async () => {
  const { clusterId } = await ordered('taken');
  const problem = await examiner.refused(order({ name: 'taken' }), { code: 'NAME_TAKEN' });
  expect(problem.cluster).toBe(`/v1/clusters/${clusterId}`);
});

test('an If-Match of an older generation', async () => {
  await provisioned('moved');
  const patch = (generation: number): BadRequest => ({
    method: 'PATCH',
    path: '/v1/clusters/moved',
    body: { deletionProtection: generation === 1 },
    headers: { 'If-Match': `"${generation}"` },
  });
  expect((await examiner.send(patch(1))).status).toBe(200);
  await examiner.refused(patch(1), { code: 'PRECONDITION_FAILED' });
  await examiner.refused({ ...patch(1), method: 'DELETE', body: { confirm: 'moved' } }, { code: 'DELETION_PROTECTED' });
  expect((await examiner.send(patch(2))).status).toBe(200);
  await examiner.refused(
    { ...patch(2), method: 'DELETE', body: { confirm: 'moved' } },
    { code: 'PRECONDITION_FAILED' },
  );
  for (const wrong of ['3', 'W/"3"', '"3", "4"', '"x"', '"-1"', `"${'9'.repeat(30)}"`]) {
    const headers = { 'If-Match': wrong };
    await examiner.refused({ ...patch(3), headers }, { code: 'VALIDATION_FAILED', at: ['header /If-Match'] });
  }
});

test('an Idempotency-Key with another body, and keys that are none', async () => {
  const headers = { 'Idempotency-Key': 'once-and-only' };
  expect((await examiner.send({ ...order({ name: 'keyed' }), headers })).status).toBe(202);
  await examiner.refused({ ...order({ name: 'other' }), headers }, { code: 'IDEMPOTENCY_KEY_REUSED' });
  await examiner.refused({ ...token({}), headers }, { code: 'IDEMPOTENCY_KEY_REUSED' });
  for (const key of ['a b', 'ä', 'x'.repeat(256), '']) {
    const wrong = { ...order({ name: 'other' }), headers: { 'Idempotency-Key': key } };
    await examiner.refused(wrong, { code: 'VALIDATION_FAILED', at: ['header /Idempotency-Key'] });
  }
});

test('cancel and retry of an operation that has ended', async () => {
  await provisioned('done');
  const { body } = await api.request('GET', '/v1/operations?cluster=done');
  const [{ id } = { id: '' }] = body['items'] as { id: string }[];
  for (const decision of ['cancel', 'retry'])
    await examiner.refused(
      { method: 'POST', path: `/v1/operations/${id}/${decision}` },
      { code: 'OPERATION_FINISHED' },
    );
});

test('delete of a protected cluster, or without its name', async () => {
  await provisioned('guarded', { deletionProtection: true });
  const remove = (body: object): BadRequest => ({ method: 'DELETE', path: '/v1/clusters/guarded', body });
  await examiner.refused(remove({ confirm: 'guarded' }), { code: 'DELETION_PROTECTED' });
  await examiner.refused(remove({}), { code: 'CONFIRMATION_MISMATCH' });
  await examiner.refused(remove({ confirm: 'GUARDED' }), { code: 'CONFIRMATION_MISMATCH' });
  await examiner.refused(remove({ confirm: ['guarded'] }), { code: 'VALIDATION_FAILED', at: ['body /confirm'] });
});

test('delete of a cluster on which an operation works', async () => {
  await ordered('working');
  const remove = { method: 'DELETE', path: '/v1/clusters/working?confirm=working' };
  await examiner.refused(remove, { code: 'CLUSTER_BUSY' });
});

describe('backups and restores', () => {
  beforeAll(async () => {
    await readyCluster(api, 'kept');
    api.engine.window = { earliest: '2026-11-21T06:00:00.000Z', latest: '2026-11-21T07:00:00.000Z' };
  });
  const take = (body: object): BadRequest => post('/v1/clusters/kept/backups', body);
  const restore = (body: object): BadRequest => post('/v1/clusters/kept/restores', { name: 'anew', ...body });

  test.each<[what: string, body: object, at: string]>([
    ['an unknown type', { type: 'half' }, '/type'],
    ['a description of two lines', { description: 'a\nb' }, '/description'],
    ['a description of 201 characters', { description: 'x'.repeat(201) }, '/description'],
    ['half a surrogate pair', { description: '\ud800' }, '/description'],
  ])('a backup with %s', (_what, body, at) =>
    examiner.refused(take(body), { code: 'VALIDATION_FAILED', at: [`body ${at}`] }),
  );

  test.each<[what: string, body: object, at: string]>([
    ['a time without an offset', { target: { time: '2026-11-21T06:30:00' } }, '/target/time'],
    ['a time that is none', { target: { time: '2026-02-30T06:30:00Z' } }, '/target/time'],
    ['a position that is none', { target: { lsn: '0-1' } }, '/target/lsn'],
    ['a transaction that is none', { target: { transaction: '-1' } }, '/target/transaction'],
    ['a point with a quote', { target: { point: "x'; drop table clusters; --" } }, '/target/point'],
    ['no target in the target', { target: {} }, '/target'],
    ['two targets', { target: { lsn: '0/1', transaction: '7' } }, '/target'],
    ['an unknown target', { target: { yesterday: true } }, '/target/yesterday'],
    ['another major', { version: '15' }, '/version'],
    ['a site without its backups', { site: 'offsite' }, '/site'],
    ['storage beyond the plan', { storage: '999TiB' }, '/storage'],
    ['credentials of another kind', { credentials: 'lose' }, '/credentials'],
  ])('a restore with %s', (_what, body, at) =>
    examiner.refused(restore(body), {
      code: 'VALIDATION_FAILED',
      at: at === '/target/yesterday' ? ['body /target/yesterday', 'body /target'] : [`body ${at}`],
    }),
  );

  test.each<[what: string, target: object]>([
    ['in the future', { time: '2999-01-01T00:00:00Z' }],
    ['before the first backup', { time: '2026-11-21T05:59:59Z' }],
    ['before there were years', { time: '0000-01-01T00:00:00+23:59' }],
  ])('a restore to a time %s', (_what, target) =>
    examiner.refused(restore({ target }), { code: 'RESTORE_TARGET_OUTSIDE' }),
  );

  test('a restore of a backup that is not there, and under a name that is taken', async () => {
    for (const backup of ['bkp_01m7xfpycdf6dnev2ndz8p0wht', 'newest', "bkp_' or 1=1 --"])
      await examiner.refused(restore({ target: { backup } }), { code: 'NOT_FOUND' });
    await examiner.refused(restore({ name: 'kept' }), { code: 'NAME_TAKEN' });
  });

  test('what a cluster without backups does not have', async () => {
    await readyCluster(api, 'bare', { backups: null });
    for (const request of [
      post('/v1/clusters/bare/backups', {}),
      post('/v1/clusters/bare/restores', { name: 'anew' }),
      { method: 'GET', path: '/v1/clusters/bare/restores/window' },
    ])
      await examiner.refused(request, { code: 'BACKUPS_NOT_CONFIGURED' });
  });
});
