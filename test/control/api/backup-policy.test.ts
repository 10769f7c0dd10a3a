import { backupPolicyDetailSchema } from '../../../domain/schemas/backup-policies';
import { previewSchema } from '../../../domain/schemas/previews';
import type { TestAnswer, TestApi } from '../../support/api';
import { startTestApi } from '../../support/api';
import { deleteCluster, operationOf, readyCluster } from '../../support/api-backups';
import { finish, knownSite } from '../../support/inventory';

/** The policy of a cluster's backups as a resource of the API. */

let api: TestApi;
let serial = 0;
let name: string;

beforeAll(async () => {
  api = await startTestApi();
  await api.inventory.sites.record([
    knownSite('primary', 'docker'),
    knownSite('secondary', 'docker', 'static'),
    knownSite('offsite', 'docker', 'static'),
    knownSite('elsewhere', 'static'),
  ]);
});
afterAll(() => api.stop());
beforeEach(async () => {
  name = `shop-${++serial}`;
  await readyCluster(api, name);
});

const path = (cluster = name): string => `/v1/clusters/${cluster}/backup-policy`;
const show = (cluster = name): Promise<TestAnswer> => api.request('GET', path(cluster));
const change = (body: unknown, headers: Record<string, string> = {}): Promise<TestAnswer> =>
  api.request('PATCH', path(), { body, headers });
const policy = async (): Promise<unknown> => backupPolicyDetailSchema.parse((await show()).body);
const problemsOf = ({ body }: TestAnswer): [string, string][] =>
  (body['errors'] as { pointer: string; message: string }[]).map(({ pointer, message }) => [pointer, message]);

test('the policy is shown with its next runs, and the ETag of the cluster', async () => {
  const answer = await show();
  expect(answer.status).toBe(200);
  expect(answer.headers.get('ETag')).toBe('"1"');
  const { nextRuns, ...told } = backupPolicyDetailSchema.parse(answer.body);
  expect(told).toEqual({
    sites: ['primary', 'secondary'],
    schedule: { full: '17 1 * * 0', differential: '17 1 * * 1-6', incremental: '47 * * * *' },
    drill: '7 2 * * 3',
    dumps: { schedule: null, databases: 'all', sites: null },
    timeZone: 'UTC',
    retention: { unit: 'days', full: 14 },
    paused: false,
    hooks: { pre: null, post: null },
    notify: [],
  });
  for (const [type, ending] of [
    ['full', 'T01:17:00.000Z'],
    ['differential', 'T01:17:00.000Z'],
    ['incremental', ':47:00.000Z'],
  ] as const) {
    expect(nextRuns[type]).toHaveLength(3);
    for (const at of nextRuns[type]) expect(at.endsWith(ending)).toBe(true);
    expect([...nextRuns[type]].sort()).toEqual(nextRuns[type]);
    expect(Date.parse(nextRuns[type][0] ?? '')).toBeGreaterThan(Date.now());
  }
});

test('it is shown while Temporal is away', async () => {
  api.engine.away = true;
  expect((await show()).status).toBe(200);
  api.engine.away = false;
});

test('a change is an operation, and the policy is the new one from then on; what was left out stays', async () => {
  const answer = await change({ schedule: { full: '0 3 1 * *', differential: null }, timeZone: 'Europe/Paris' });
  expect(answer.status).toBe(202);
  expect(answer.headers.get('Location')).toBe(`/v1/operations/${String(answer.body['id'])}`);
  expect(answer.body).toMatchObject({ kind: 'configure-backups', state: 'pending', generation: 2, cancelable: true });
  expect((answer.body['steps'] as { title: string }[]).map(({ title }) => title)).toEqual([
    'give its sites the new accounts',
    'tell the hosts',
    'prepare the stores',
    'schedule its backups',
    'delete what it has on sites that it leaves',
  ]);
  expect(api.engine.started.map(({ operationId }) => operationId)).toContain(answer.body['id']);
  expect(await policy()).toMatchObject({
    sites: ['primary', 'secondary'],
    schedule: { full: '0 3 1 * *', differential: null, incremental: '47 * * * *' },
    timeZone: 'Europe/Paris',
    retention: { unit: 'days', full: 14 },
    nextRuns: { differential: [] },
  });
  expect((await show()).headers.get('ETag')).toBe('"2"');
});

test('scripts and whom to tell are changed one by one, and null takes a script away', async () => {
  const ended = async (body: object): Promise<void> =>
    finish(api.inventory, await operationOf(api, (await change(body)).body['id']));
  await ended({ hooks: { pre: { script: 'true\n' } }, notify: [{ event: 'failure', to: 'dba' }] });
  await ended({ hooks: { post: { script: '#!/bin/bash\nfalse\n', timeoutSeconds: 5 } } });
  const pre = { script: 'true\n', timeoutSeconds: 60 };
  const post = { script: '#!/bin/bash\nfalse\n', timeoutSeconds: 5 };
  expect(await policy()).toMatchObject({ hooks: { pre, post }, notify: [{ event: 'failure', to: 'dba' }] });
  await ended({ hooks: { pre: null }, notify: [] });
  expect(await policy()).toMatchObject({ hooks: { pre: null, post }, notify: [] });
  const tooLong = await change({ hooks: { pre: { script: 'x'.repeat(16 * 1024 + 1) } } });
  expect([tooLong.status, tooLong.body['errors']]).toEqual([
    400,
    [expect.objectContaining({ pointer: '/hooks/pre/script' })],
  ]);
});

test('a paused policy has no next runs until it is resumed', async () => {
  await finish(api.inventory, await operationOf(api, (await change({ paused: true })).body['id']));
  const none = { full: [], differential: [], incremental: [] };
  expect(await policy()).toMatchObject({ paused: true, nextRuns: none });
  expect((await change({ paused: false })).status).toBe(202);
  expect(await policy()).toMatchObject({
    paused: false,
    nextRuns: { full: [expect.any(String), expect.any(String), expect.any(String)] },
  });
});

test('dumps are taken by schedule once somebody asks for them: of what, when and where', async () => {
  const dumps = { schedule: '30 4 * * *', databases: ['app', 'sales'], sites: ['secondary'] };
  const { body: looked } = await api.request('PATCH', `${path()}?preview=true`, { body: { dumps } });
  const { changes, impact } = previewSchema.parse(looked);
  expect([impact, changes[0]?.detail]).toEqual([
    'none',
    expect.stringContaining('a dump of databases app, sales on secondary 30 4 * * *'),
  ]);
  const first = await change({ dumps });
  expect(first.status).toBe(202);
  await finish(api.inventory, await operationOf(api, first.body['id']));
  const { nextRuns, ...told } = backupPolicyDetailSchema.parse((await show()).body);
  expect(told.dumps).toEqual(dumps);
  expect(nextRuns.dump.map((at) => at.slice(11))).toEqual(['04:30:00.000Z', '04:30:00.000Z', '04:30:00.000Z']);
  // What is left out stays; a site that is left gets no dumps, and without any of those that were named all get them.
  const second = await change({ dumps: { databases: 'all' }, sites: ['primary', 'offsite'] });
  await finish(api.inventory, await operationOf(api, second.body['id']));
  expect(await policy()).toMatchObject({ dumps: { schedule: '30 4 * * *', databases: 'all', sites: null } });
  expect((await change({ dumps: { schedule: null } })).status).toBe(202);
  expect(await policy()).toMatchObject({ dumps: { schedule: null }, nextRuns: { dump: [] } });
});

test('dumps go where backups go, also in an order', async () => {
  const wrong = await change({ dumps: { sites: ['primary', 'elsewhere'] } });
  expect(problemsOf(wrong)).toEqual([
    ['/dumps/sites/1', 'names elsewhere, which is no site of these backups: there are primary, secondary'],
  ]);
  const order = { name: 'ordered', plan: 'sandbox', backups: { sites: ['primary'], dumps: { sites: ['secondary'] } } };
  const refused = await api.request('POST', '/v1/clusters', { body: order });
  expect(problemsOf(refused)).toEqual([
    ['/backups/dumps/sites/0', 'names secondary, which is no site of these backups: there are primary'],
  ]);
});

test('a site can be added at the end', async () => {
  expect((await change({ sites: ['primary', 'secondary', 'offsite'] })).status).toBe(202);
  expect(await policy()).toMatchObject({ sites: ['primary', 'secondary', 'offsite'] });
});

test('a site can be left, also for another one, and the preview says what is lost with it', async () => {
  const body = { sites: ['secondary', 'offsite'] };
  const { body: answer } = await api.request('PATCH', `${path()}?preview=true`, { body });
  const { impact, loss, changes } = previewSchema.parse(answer);
  expect([impact, loss]).toEqual(['data loss', 'the backups and dumps on primary']);
  expect(changes).toContainEqual(expect.objectContaining({ action: 'delete', what: 'the backups on primary' }));
  expect((await change(body)).status).toBe(202);
  expect(await policy()).toMatchObject(body);
});

const REFUSED: readonly [string, object, string, RegExp][] = [
  ['leaves no site', { sites: [] }, '/sites', /./],
  ['moves a site', { sites: ['secondary', 'primary'] }, '/sites', /must begin with primary, secondary/],
  [
    'puts a site before',
    { sites: ['offsite', 'primary', 'secondary'] },
    '/sites',
    /must begin with primary, secondary/,
  ],
  [
    'names a site that there is not',
    { sites: ['primary', 'secondary', 'moon'] },
    '/sites/2',
    /there are primary, secondary, offsite$/,
  ],
  [
    'names a site out of reach',
    { sites: ['primary', 'secondary', 'elsewhere'] },
    '/sites/2',
    /names elsewhere, which is no site that hosts of the cloud docker can reach/,
  ],
  ['has times that are none', { schedule: { full: 'weekly' } }, '/schedule/full', /five fields of cron/],
  ['has a zone that is none', { timeZone: 'Mars/Olympus' }, '/timeZone', /must be the name of a time zone/],
  ['keeps nothing', { retention: { unit: 'days', full: 0 } }, '/retention/full', /./],
];

test.each(REFUSED)('a change that %s is refused and tells why', async (_what, body, pointer, why) => {
  const answer = await change(body);
  expect(answer.status).toBe(400);
  expect(problemsOf(answer)).toEqual([[pointer, expect.stringMatching(why)]]);
  expect((await show()).headers.get('ETag')).toBe('"1"');
});

test('a preview says what would change and writes nothing', async () => {
  const body = { sites: ['primary', 'secondary', 'offsite'], retention: { unit: 'count', full: 3 } };
  const answer = await api.request('PATCH', `${path()}?preview=true`, { body });
  expect(answer.status).toBe(200);
  const preview = previewSchema.parse(answer.body);
  expect(preview).toMatchObject({ kind: 'configure-backups', impact: 'none' });
  expect(preview.changes.map(({ action, what }) => [action, what])).toEqual([
    ['change', `backups of ${name}`],
    ['create', 'an account on offsite'],
  ]);
  expect(preview.changes[0]?.detail).toContain('the last 3 full ones kept');
  expect(preview.checks.map(({ status }) => status)).toEqual(['passed', 'passed']);
  expect((await show()).headers.get('ETag')).toBe('"1"');
});

test('one that was read before is refused when the cluster has changed since', async () => {
  const stale = await change({ paused: true }, { 'If-Match': '"7"' });
  expect([stale.status, stale.body['code']]).toEqual([412, 'PRECONDITION_FAILED']);
  expect((await change({ paused: true }, { 'If-Match': '"1"' })).status).toBe(202);
});

test('a repeated key gives the same operation, with another body it is refused', async () => {
  const headers = { 'Idempotency-Key': `policy-${name}` };
  const first = await change({ paused: true }, headers);
  const again = await change({ paused: true }, headers);
  expect([again.status, again.body['id']]).toEqual([202, first.body['id']]);
  expect(again.headers.get('Idempotency-Replayed')).toBe('true');
  expect((await change({ paused: false }, headers)).body['code']).toBe('IDEMPOTENCY_KEY_REUSED');
});

test('while another operation works on the cluster it is refused, with that one; a backup is none of those', async () => {
  const backup = await api.request('POST', `/v1/clusters/${name}/backups`, { body: { type: 'full' } });
  expect(backup.status).toBe(202);
  const first = await change({ paused: true });
  expect(first.status).toBe(202);
  const second = await change({ paused: false });
  expect([second.status, second.body['code']]).toEqual([409, 'CLUSTER_BUSY']);
  expect(second.body['operation']).toBe(`/v1/operations/${String(first.body['id'])}`);
});

test('of two changes at the same moment one is taken, and the other learns that the cluster is busy', async () => {
  const answers = await Promise.all([change({ paused: true }), change({ timeZone: 'Europe/Paris' })]);
  expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
});

test('a cluster that has failed is not changed', async () => {
  await api.database.query(`update clusters set state = 'failed' where name = $1`, [name]);
  const answer = await change({ paused: true });
  expect([answer.status, answer.body['code']]).toEqual([409, 'CLUSTER_NOT_READY']);
});

test('one of a deleted cluster can be shown by its id, and changed no more', async () => {
  const { body } = await api.request('GET', `/v1/clusters/${name}`);
  await deleteCluster(api, name);
  expect((await show(String(body['id']))).status).toBe(200);
  const answer = await api.request('PATCH', path(String(body['id'])), { body: { paused: true } });
  expect([answer.status, answer.body['code']]).toEqual([404, 'NOT_FOUND']);
});
