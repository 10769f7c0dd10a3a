import type { Condition } from '../../../domain/clusters';
import type { ClusterId } from '../../../domain/ids';
import { maintenanceSchema } from '../../../domain/schemas/maintenance';
import type { TestAnswer, TestApi } from '../../support/api';
import { readyCluster } from '../../support/api-backups';
import type { TestCommand } from '../../support/command';
import { startTestUser, type TestUser } from '../../support/test-user';

/** Maintenance as it is asked for and told; what it keeps the autopilot from: test/control/watch/guard.test.ts. */

let user: TestUser;
let api: TestApi;
let run: TestCommand['run'];
let id: ClusterId;

beforeAll(async () => {
  user = await startTestUser();
  ({ api, run } = user);
  ({ id } = await readyCluster(api, 'orders', { plan: 'ha-s' }));
});
afterAll(() => user?.stop());

const begin = (minutes: unknown, more: object = {}): Promise<TestAnswer> =>
  api.request('POST', '/v1/clusters/orders/maintenance', { body: { minutes }, ...more });
const end = (): Promise<TestAnswer> => api.request('DELETE', '/v1/clusters/orders/maintenance');
const told = async (): Promise<Condition | undefined> =>
  (await api.inventory.clusters.get(id))?.status.conditions.find(({ type }) => type === 'Maintenance');

test('it says until when and by whom; said again it counts from then, and the begin stays', async () => {
  const first = maintenanceSchema.parse((await begin(60)).body);
  expect(Date.parse(first.until) - Date.parse(first.since)).toBe(3_600_000);
  expect(await told()).toMatchObject({ status: true, since: first.since });
  expect((await told())?.message).toContain(`Until ${first.until}, by ${first.by}`);
  const again = maintenanceSchema.parse((await begin(5)).body);
  expect(again.since).toBe(first.since);
  expect(Date.parse(again.until)).toBeLessThan(Date.parse(first.until));
  expect((await end()).status).toBe(204);
  expect(await told()).toBeUndefined();
  expect((await end()).status).toBe(204);
});

test('it ends when its time is over by the clock of the inventory', async () => {
  await begin(1);
  expect(await told()).toBeDefined();
  await api.database.query(
    `update clusters set maintenance_since = now() - interval '2 minutes', maintenance_until = now() - interval '1 second' where id = $1`,
    [id],
  );
  expect(await told()).toBeUndefined();
});

test('another condition that is written while it lasts does not keep it', async () => {
  await begin(1);
  await api.inventory.archiving.tell(id, {
    type: 'Archiving',
    status: true,
    reason: 'Archiving',
    message: 'all is well',
  });
  expect(await told()).toBeDefined();
  await end();
  expect(await told()).toBeUndefined();
  const conditions = (await api.inventory.clusters.get(id))?.status.conditions ?? [];
  expect(conditions.map(({ type }) => type)).toContain('Archiving');
});

test.each([0, 1441, 1.5, '60', null])('%p minutes are refused', async (minutes) => {
  expect((await begin(minutes)).body['code']).toBe('VALIDATION_FAILED');
});

test('the same key gives the same answer, and the audit log has who began and ended it', async () => {
  const headers = { 'Idempotency-Key': 'maintain-1' };
  const first = await begin(10, { headers });
  expect((await begin(10, { headers })).body).toEqual(first.body);
  await end();
  const audited = await api.database.query<{ action: string }>(
    `select action from audit_log where subject = $1 and action like '%maintenance' order by seq desc limit 2`,
    [id],
  );
  expect(audited.map(({ action }) => action)).toEqual(['end maintenance', 'begin maintenance']);
});

test('the command begins and ends it', async () => {
  const begun = await run(['maintenance', 'start', 'orders', '--minutes', '30']);
  expect([begun.code, begun.stdout]).toEqual([0, expect.stringMatching(/leaves the hosts of orders alone until 20/)]);
  expect((await run(['cluster', 'show', 'orders'])).stdout).toMatch(/Maintenance +yes: Until 20/);
  expect((await run(['maintenance', 'stop', 'orders'])).code).toBe(0);
  expect(await told()).toBeUndefined();
  const wrong = await run(['maintenance', 'start', 'orders', '--minutes', '2000']);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--minutes')]);
});
