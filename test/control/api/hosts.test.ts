import { networkInterfaces } from 'node:os';
import { hostReportSchema, hostSchema } from '../../../domain/schemas/hosts';
import { startTestApi } from '../../support/api';
import type { TestApi } from '../../support/api';

/** Machines and floating addresses as resources of the API. */

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());
afterEach(() => api.database.query('delete from hosts'));

const HOST = {
  name: 'rack1-a',
  address: '192.0.2.11',
  user: 'admin',
  hostKey: `SHA256:${'a'.repeat(43)}`,
  zone: 'rack1',
  memory: '8GiB',
  cpus: 4,
  storage: '200GiB',
};
const post = (change: object = {}) => api.request('POST', '/v1/hosts', { body: { ...HOST, ...change } });
const pointers = (body: Record<string, unknown>): unknown =>
  (body['errors'] as { pointer: string }[] | undefined)?.map(({ pointer }) => pointer);

test('a host is registered, found by name and by id, listed and forgotten', async () => {
  const made = await post();
  expect(made.status).toBe(201);
  const host = hostSchema.parse(made.body);
  expect(host).toMatchObject({ name: 'rack1-a', port: 22, memoryBytes: 8 * 1024 ** 3, cluster: null, nodes: [] });
  expect(made.headers.get('Location')).toBe(`/v1/hosts/${host.id}`);
  for (const ref of [host.id, host.name]) {
    expect((await api.request('GET', `/v1/hosts/${ref}`)).body).toEqual(host);
  }
  expect((await api.request('GET', '/v1/hosts')).body['items']).toEqual([host]);
  expect((await api.request('DELETE', `/v1/hosts/${host.name}`)).status).toBe(204);
  expect((await api.request('GET', `/v1/hosts/${host.id}`)).body).toMatchObject({ code: 'NOT_FOUND' });
});

test.each([
  ['the same name', { address: '192.0.2.12' }, /name rack1-a is registered already/],
  ['the same address and port', { name: 'other' }, /address 192\.0\.2\.11:22 is registered already/],
])('a host of %s is refused', async (_what, change, detail) => {
  await post();
  const { status, body } = await post(change);
  expect({ status, code: body['code'], detail: body['detail'] }).toEqual({
    status: 409,
    code: 'HOST_EXISTS',
    detail: expect.stringMatching(detail) as unknown,
  });
});

test('an address and port of another project is refused without telling whose it is', async () => {
  const { id } = await api.inventory.projects.ensure('another');
  const token = await api.token(undefined, id);
  await api.request('POST', '/v1/hosts', { token, body: { ...HOST, name: 'theirs' } });
  const { body } = await post();
  expect(body).toMatchObject({ code: 'HOST_EXISTS' });
  expect(JSON.stringify(body)).not.toMatch(/theirs|prj_|another/);
});

test("another project's hosts and addresses are not there", async () => {
  const { id } = await api.inventory.projects.ensure('another');
  const token = await api.token(undefined, id);
  const host = hostSchema.parse((await post()).body);
  const address = await api.request('POST', '/v1/floating-addresses', { body: { address: '192.0.2.100/24' } });
  const fip = String(address.body['id']);
  for (const [method, path] of [
    ['GET', `/v1/hosts/${host.id}`],
    ['GET', `/v1/hosts/${host.name}`],
    ['DELETE', `/v1/hosts/${host.id}?force=true`],
    ['POST', `/v1/hosts/${host.id}/check`],
    ['GET', `/v1/floating-addresses/${fip}`],
    ['DELETE', `/v1/floating-addresses/${fip}`],
  ] as const) {
    expect((await api.request(method, path, { token })).body).toMatchObject({ code: 'NOT_FOUND' });
  }
  expect((await api.request('GET', '/v1/hosts', { token })).body).toEqual({ items: [] });
  expect((await api.request('GET', '/v1/floating-addresses', { token })).body).toEqual({ items: [] });
});

test('the machine of the control plane is no host', async () => {
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const outward = own.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
  for (const address of ['127.0.0.1', 'localhost', outward]) {
    expect((await post({ address })).body).toMatchObject({ code: 'HOST_IS_CONTROL_PLANE' });
  }
});

test.each([
  ['/name', { name: 'Rack 1' }],
  ['/name', { name: 'key' }],
  ['/address', { address: '192.0.2.300' }],
  ['/address', { address: '192.0.2.1;reboot' }],
  ['/port', { port: 0 }],
  ['/user', { user: 'a b' }],
  ['/hostKey', { hostKey: 'MD5:aa' }],
  ['/zone', { zone: '../a' }],
  ['/memory', { memory: '8GB' }],
  ['/cpus', { cpus: 0 }],
  ['/storage', { storage: 200 }],
  ['/password', { password: 'x' }],
])('a wrong %s is told by its pointer, and nothing is written', async (pointer, change) => {
  const { status, body } = await post(change);
  expect([status, pointers(body)]).toEqual([400, [pointer]]);
  expect(await api.inventory.hosts.list(api.project)).toEqual([]);
});

test('a host that a cluster has is forgotten by force only', async () => {
  const { id } = hostSchema.parse((await post()).body);
  const needs = { role: 'data' as const, memoryBytes: 1, cpus: 1, storageBytes: 1 };
  const wanted = [{ token: 'clu_1/pg-1', needs }];
  await api.inventory.hosts.claim({ projectId: api.project, cluster: 'clu_1', tags: {}, wanted });
  expect((await api.request('GET', `/v1/hosts/${id}`)).body).toMatchObject({ cluster: 'clu_1', nodes: ['pg-1'] });
  const refused = await api.request('DELETE', `/v1/hosts/${id}`);
  expect([refused.status, refused.body['code']]).toEqual([409, 'HOST_IN_USE']);
  expect((await api.request('DELETE', `/v1/hosts/${id}?force=true`)).status).toBe(204);
  expect(await api.inventory.hosts.findClaim('clu_1/pg-1')).toBeNull();
});

test('a machine that is known by its id is not registered twice', async () => {
  const facts = { machineId: 'm', privateAddress: '192.0.2.11', controlAddress: '192.0.2.1', sshPort: 22 };
  const [one, two] = [await post(), await post({ name: 'two', address: '192.0.2.12' })].map(({ body }) =>
    hostSchema.parse(body),
  );
  if (!one || !two) throw new Error('two hosts');
  const { hosts } = api.inventory;
  const id = (text: string) => text as `host_${string}`; // It came from the API.
  await hosts.recordFacts(id(one.id), facts);
  await expect(hosts.recordFacts(id(two.id), facts)).rejects.toMatchObject({ code: 'HOST_EXISTS' });
});

test('a check is asked of a worker, and its report is shown as it is', async () => {
  const { id } = hostSchema.parse((await post()).body);
  api.engine.checks = [
    { id: 'ssh', ok: true, message: 'admin gets in and is root.', remedy: null },
    { id: 'clock', ok: false, message: 'Its clock is 9 s behind.', remedy: 'Set it.' },
  ];
  const { status, body } = await api.request('POST', `/v1/hosts/rack1-a/check`);
  expect([status, hostReportSchema.parse(body)]).toEqual([200, { ok: false, checks: api.engine.checks }]);
  expect(api.engine.checked).toEqual([id]);
});

test('the key that has to log in is shown', async () => {
  expect((await api.request('GET', '/v1/hosts/key')).body).toEqual({ publicKey: 'ssh-ed25519 AAAA holdfast control' });
});

test('a floating address is registered once, and stays while a cluster has it', async () => {
  const body = { address: '198.51.100.7/24' };
  const made = await api.request('POST', '/v1/floating-addresses', { body });
  expect(made.body).toMatchObject({ address: '198.51.100.7/24', cluster: null });
  expect((await api.request('POST', '/v1/floating-addresses', { body })).body).toMatchObject({
    code: 'ADDRESS_EXISTS',
  });
  await api.database.query(
    `update floating_addresses set network = 'n', cluster = 'clu_1', tags = '{}' where address = '198.51.100.7'`,
  );
  const path = `/v1/floating-addresses/${String(made.body['id'])}`;
  expect((await api.request('DELETE', path)).body).toMatchObject({ code: 'ADDRESS_IN_USE' });
  await api.inventory.floatingAddresses.release('n');
  expect((await api.request('DELETE', path)).status).toBe(204);
  for (const wrong of ['198.51.100.7', '198.51.100.7/33', 'x/24', '::1/64']) {
    const { status } = await api.request('POST', '/v1/floating-addresses', { body: { address: wrong } });
    expect([wrong, status]).toEqual([wrong, 400]);
  }
});

test.each([
  ['GET', '/v1/hosts', 'hosts:read'],
  ['POST', '/v1/hosts/x/check', 'hosts:write'],
  ['DELETE', '/v1/hosts/x', 'hosts:write'],
  ['GET', '/v1/floating-addresses', 'hosts:read'],
])('%s %s needs the scope %s', async (method, path, scope) => {
  const token = await api.token(['clusters:read', 'clusters:write', 'tokens:write']);
  expect((await api.request(method, path, { token })).body).toMatchObject({
    code: 'FORBIDDEN',
    detail: expect.stringContaining(scope) as unknown,
  });
});
