import { backupPolicyDetailSchema } from '../../../domain/schemas/backup-policies';
import { operationSchema } from '../../../domain/schemas/operations';
import { previewSchema } from '../../../domain/schemas/previews';
import type { TestAnswer, TestApi } from '../../support/api';
import { startTestApi } from '../../support/api';
import { operationOf, readyCluster, recordSites } from '../../support/api-backups';
import { finish, knownSite, newId, refOf } from '../../support/inventory';

/** The first policy of a cluster that was made without backups: the call that changes a policy gives it one. */

let api: TestApi;
let serial = 0;
let name: string;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());
beforeEach(async () => {
  await recordSites(api);
  name = `bare-${++serial}`;
  await readyCluster(api, name, { backups: null });
});

const path = (): string => `/v1/clusters/${name}/backup-policy`;
const show = (): Promise<TestAnswer> => api.request('GET', path());
const begin = (body: unknown, headers: Record<string, string> = {}): Promise<TestAnswer> =>
  api.request('PATCH', path(), { body, headers });
const codeOf = ({ status, body }: TestAnswer): unknown[] => [status, body['code']];
const problemsOf = ({ body }: TestAnswer): [string, string][] =>
  (body['errors'] as { pointer: string; message: string }[]).map(({ pointer, message }) => [pointer, message]);

test('it has no policy to show, and the answer says how it gets one', async () => {
  const answer = await show();
  expect(codeOf(answer)).toEqual([409, 'BACKUPS_NOT_CONFIGURED']);
  expect(answer.body['detail']).toMatch(/A change of its policy gives it backups\.$/);
});

test('an empty change gives it those of an order that says nothing, by an operation of its own kind', async () => {
  const answer = await begin({});
  expect(answer.status).toBe(202);
  const { kind, state, cancelable, steps } = operationSchema.parse(answer.body);
  expect({ kind, state, cancelable }).toEqual({ kind: 'begin-backups', state: 'pending', cancelable: true });
  expect(steps.map(({ title }) => title)).toEqual([
    'open the archive',
    'tell the hosts',
    'prepare the stores',
    'have PostgreSQL archive',
    'schedule its backups and take the first one',
  ]);
  expect(api.engine.started.find(({ operationId }) => operationId === answer.body['id'])?.kind).toBe('begin-backups');
  const begun = backupPolicyDetailSchema.parse((await show()).body);
  await readyCluster(api, `ordered-${serial}`);
  const { body } = await api.request('GET', `/v1/clusters/ordered-${serial}/backup-policy`);
  expect(begun).toEqual(backupPolicyDetailSchema.parse(body));
  expect(begun.sites).toEqual(['primary', 'secondary']);
});

test('each field of the policy can be given; from then on a change is one of what is there', async () => {
  const body = {
    sites: ['secondary'],
    schedule: { full: '0 3 1 * *', differential: null },
    drill: null,
    dumps: { schedule: '30 4 * * *', databases: ['app'], sites: ['secondary'] },
    timeZone: 'Europe/Paris',
    retention: { unit: 'count', full: 3 },
    paused: true,
    hooks: { pre: { script: 'true\n', timeoutSeconds: 5 } },
    notify: [{ event: 'failure', to: 'dba' }],
  };
  await finish(api.inventory, await operationOf(api, (await begin(body)).body['id']));
  expect((await show()).body).toMatchObject({
    ...body,
    schedule: { full: '0 3 1 * *', differential: null, incremental: '47 * * * *' },
    hooks: { pre: { script: 'true\n', timeoutSeconds: 5 }, post: null },
  });
  expect((await begin({ paused: false })).body['kind']).toBe('configure-backups');
});

const REFUSED: readonly [string, object, string, RegExp][] = [
  ['names no site', { sites: [] }, '/sites', /./],
  ['names a site that there is not', { sites: ['primary', 'moon'] }, '/sites/1', /is not a site of this installation/],
  ['names a site out of reach', { sites: ['offsite'] }, '/sites/0', /cannot be reached by hosts of the cloud docker/],
  ['dumps where it does not back up', { dumps: { sites: ['offsite'] } }, '/dumps/sites/0', /are primary, secondary$/],
  ['has times that are none', { schedule: { full: 'weekly' } }, '/schedule/full', /five fields of cron/],
  ['has a field that is none', { often: true }, '/often', /./],
];

test.each(REFUSED)('one that %s is refused and tells why', async (_what, body, pointer, why) => {
  const answer = await begin(body);
  expect(answer.status).toBe(400);
  expect(problemsOf(answer)).toEqual([[pointer, expect.stringMatching(why)]]);
  expect(codeOf(await show())).toEqual([409, 'BACKUPS_NOT_CONFIGURED']);
});

test('where no site can be reached it is refused, and says so of the sites', async () => {
  await api.inventory.sites.record([knownSite('elsewhere', 'static')]);
  const [[pointer, message] = []] = problemsOf(await begin({}));
  expect(pointer).toBe('/sites');
  expect(message).toMatch(/there is no site that hosts of the cloud docker can reach: .*sites file[^,]*$/);
});

test('a preview says what it would get, and writes nothing', async () => {
  const { status, body } = await api.request('PATCH', `${path()}?preview=true`, { body: { sites: ['primary'] } });
  expect(status).toBe(200);
  const { kind, impact, changes, steps } = previewSchema.parse(body);
  expect([kind, impact, steps.length]).toEqual(['begin-backups', 'none', 5]);
  expect(changes.map(({ action, what }) => [action, what])).toEqual([
    ['create', `backups of ${name}`],
    ['create', 'an account on primary'],
  ]);
  expect(changes[1]?.detail).toContain('the first backup begins at once');
  expect(codeOf(await show())).toEqual([409, 'BACKUPS_NOT_CONFIGURED']);
});

test('no backup and no dump is taken before it has ended, and nothing else is done to the cluster', async () => {
  const { body } = await begin({});
  const busy = `/v1/operations/${String(body['id'])}`;
  const post = (what: string, request: object): Promise<TestAnswer> =>
    api.request('POST', `/v1/clusters/${name}/${what}`, { body: request });
  const refused = async (): Promise<unknown[]> => [
    (await post('backups', {})).body['operation'],
    (await post('dumps', {})).body['operation'],
    (await post('restores', { name: 'again' })).body['code'],
    (await post('restore-points', { name: 'here' })).body['code'],
  ];
  const wanted = [busy, busy, 'RESTORE_TARGET_OUTSIDE', 'RESTORE_TARGET_OUTSIDE'];
  expect(await refused()).toEqual(wanted);
  // Its hosts may not know yet what to ask the stores with.
  const operation = await operationOf(api, body['id']);
  await api.inventory.timelines.open(refOf(operation), { id: newId('tl'), sites: ['primary'], version: '18' });
  expect(await refused()).toEqual(wanted);
  const { status, body: window } = await api.request('GET', `/v1/clusters/${name}/restores/window`);
  expect([status, window['earliest']]).toEqual([200, null]);
  expect((await begin({ paused: true })).body['operation']).toBe(busy);
});

test('one that was taken back leaves a cluster without backups, which can get them again', async () => {
  const operation = await operationOf(api, (await begin({ paused: true })).body['id']);
  expect((await show()).status).toBe(200);
  await api.inventory.policyChanges.putBack(refOf(operation));
  await finish(api.inventory, operation);
  expect(codeOf(await show())).toEqual([409, 'BACKUPS_NOT_CONFIGURED']);
  expect((await begin({})).body['kind']).toBe('begin-backups');
});

test('of two at the same moment one is taken; a repeated key gives the same operation', async () => {
  const headers = { 'Idempotency-Key': `begin-${name}` };
  const answers = await Promise.all([begin({}, headers), begin({ paused: true })]);
  expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
  const taken = answers.find(({ status }) => status === 202);
  if (taken === answers[0]) expect((await begin({}, headers)).body['id']).toBe(taken?.body['id']);
});

test('a cluster that is not ready, or was changed since it was read, gets none', async () => {
  expect(codeOf(await begin({}, { 'If-Match': '"7"' }))).toEqual([412, 'PRECONDITION_FAILED']);
  await api.database.query(`update clusters set state = 'failed' where name = $1`, [name]);
  expect(codeOf(await begin({}))).toEqual([409, 'CLUSTER_NOT_READY']);
});
