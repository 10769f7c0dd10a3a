import type { TestApi } from '../../support/api';
import { operationOf, readyCluster, recordSites, succeedBackup } from '../../support/api-backups';
import type { TestCommand } from '../../support/command';
import { eventually } from '../../support/eventually';
import { finish, refOf } from '../../support/inventory';
import { startTestUser, type TestUser } from '../../support/test-user';

/** Drills by the API and the command. */

const WINDOW = { earliest: '2026-11-21T06:30:09.000Z', latest: '2026-11-21T07:02:00.000Z' };

let user: TestUser;
let api: TestApi;
let run: TestCommand['run'];
let start: TestCommand['start'];

beforeAll(async () => {
  user = await startTestUser();
  ({ api, run, start } = user);
  await recordSites(api);
  await readyCluster(api, 'empty');
  const shop = await readyCluster(api, 'shop');
  const { body } = await api.request('POST', '/v1/clusters/shop/backups', { body: { type: 'full' } });
  await succeedBackup(api, String(body['id']), shop.timeline);
});
afterAll(() => user?.stop());

test('without a backup there is nothing to prove', async () => {
  api.engine.window = null;
  const refused = await api.request('POST', '/v1/clusters/empty/drills');
  expect(refused).toMatchObject({ status: 422, body: { code: 'RESTORE_TARGET_OUTSIDE' } });
  await readyCluster(api, 'bare', { backups: null });
  expect((await api.request('POST', '/v1/clusters/bare/drills')).body['code']).toBe('BACKUPS_NOT_CONFIGURED');
  expect((await api.request('POST', '/v1/clusters/nothing/drills')).status).toBe(404);
  expect((await api.request('POST', '/v1/clusters/shop/drills', { body: { time: 'now' } })).status).toBe(400);
});

test('a drill is looked at beforehand, ordered, refused while another one runs, and shown with its evidence', async () => {
  api.engine.window = WINDOW;
  const preview = await run(['drill', 'run', 'shop', '--preview']);
  expect(preview.stdout).toMatch(/^\+ hosts that are thrown away: plan sandbox, with the data of shop/m);
  expect(preview.stdout).toContain('look for damage in what came back');

  const ordered = start(['drill', 'run', 'shop', '--wait']);
  await eventually(() => ordered.stderr().includes('drill of shop: pending'));
  const listed = await api.request('GET', '/v1/clusters/shop/drills');
  const [first] = listed.body['items'] as { id: string; operationId: string; restoredClusterId: string }[];
  if (!first) throw new Error('no drill');
  const again = await run(['drill', 'run', 'shop']);
  expect(again.stderr).toContain(first.operationId);
  const blocked = await run(['drill', 'run', 'shop', '--preview']);
  expect(blocked.stdout).toContain(`FAIL drill ${first.id} of shop runs`);

  const operation = await operationOf(api, first.operationId);
  const ref = refOf(operation, 'choose-the-time-and-the-site-to-restore-from');
  const { drills } = api.inventory;
  await drills.choose(ref, { target: { kind: 'time', time: '2026-11-21T06:50:00.000Z' }, site: 'secondary' });
  const checks = [{ name: 'tables and indexes', passed: true, detail: 'no damage' }];
  await drills.recordFindings(ref, { databaseBytes: 30 * 1024 ** 2, setId: '20261121-063001F', checks });
  expect((await run(['cluster', 'list'])).stdout).not.toContain(operation.clusterName);
  expect((await run(['cluster', 'list', '--drills'])).stdout).toContain(operation.clusterName);
  await drills.prove(ref);
  await finish(api.inventory, operation);
  expect((await ordered.ended).code).toBe(0);
  const verdict = 'the time 2026-11-21T06:50:00.000Z; tables and indexes: no damage';
  expect(ordered.stderr()).toContain(`shop can be restored, as this drill has shown: ${verdict}\n`);
  expect(ordered.stderr()).toContain(`Next: holdfast drill show shop ${first.id}\n`);

  const list = await run(['drill', 'list', 'shop']);
  expect(list.stdout).toMatch(/^DRILL +STATE +RESTORED TO +FROM +DATABASE +STARTED +TOOK +BY$/m);
  expect(list.stdout).toMatch(
    new RegExp(`^${first.id} +succeeded +the time 2026-11-21T06:50:00.000Z +secondary +30MiB`, 'm'),
  );
  const shown = await run(['drill', 'show', 'shop', first.id]);
  expect(shown.stdout).toMatch(/^backup +20261121-063001F$/m);
  expect(shown.stdout).toMatch(/^tables and indexes +good: no damage$/m);
  const cluster = await run(['cluster', 'show', 'shop']);
  expect(cluster.stdout).toMatch(/^last proven restore +20\S+Z: the time 2026-11-21T06:50:00.000Z in \d+ s$/m);
  const missing = await run(['drill', 'show', 'empty', first.id]);
  expect([missing.code, missing.stderr]).toEqual([expect.any(Number), expect.stringContaining(first.id)]);
});

test('the policy has a time for drills like those of backups', async () => {
  const shown = await run(['backup', 'policy', 'empty']);
  expect(shown.stdout).toMatch(/^drill +7 2 \* \* 3; next 20/m);
  const { body } = await api.request('GET', '/v1/clusters/empty/backup-policy');
  expect((body['nextRuns'] as { drill: string[] }).drill).toHaveLength(3);
  const changed = await run(['backup', 'policy', 'empty', '--drill', 'none']);
  expect(changed.code).toBe(0);
  expect((await run(['backup', 'policy', 'empty'])).stdout).toMatch(/^drill +never$/m);
  const bad = await api.request('PATCH', '/v1/clusters/shop/backup-policy', { body: { drill: 'weekly' } });
  expect(bad).toMatchObject({ status: 400, body: { errors: [{ pointer: '/drill' }] } });
});
