import type { TestApi } from '../../support/api';
import { operationOf, readyCluster } from '../../support/api-backups';
import { finish, refOf } from '../../support/inventory';
import type { TestCommand } from '../../support/command';
import { startTestUser, type TestUser } from '../../support/test-user';

/** A switchover by the command. */

let user: TestUser;
let api: TestApi;
let run: TestCommand['run'];

beforeAll(async () => {
  user = await startTestUser();
  ({ api, run } = user);
  await readyCluster(api, 'orders', { plan: 'ha-s' });
});
afterAll(() => user?.stop());

test('a switchover is shown beforehand, ordered, and tells from which node to which', async () => {
  const preview = await run(['switchover', 'orders', '--to', 'pg-2', '--preview']);
  expect([preview.code, preview.stdout]).toEqual([0, expect.stringContaining('becomes pg-2')]);
  expect(preview.stdout).toContain('pause the pooled clients, switch over, resume');

  const wrong = await run(['switchover', 'orders', '--to', 'gw-1']);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('must be a data node of orders')]);
  expect(wrong.stderr).toContain('--to');

  const ordered = await run(['switchover', 'orders', '--to', 'pg-2', '-o', 'json']);
  expect(ordered.code).toBe(0);
  const operation = await operationOf(api, (JSON.parse(ordered.stdout) as { id: string }).id);
  await api.inventory.operations.recordSwitchover(refOf(operation), { from: 'pg-1', to: 'pg-2' });
  await finish(api.inventory, operation);
  const shown = await run(['ops', 'show', operation.id]);
  expect(shown.stdout).toMatch(/switchover +from pg-1 to pg-2/);
});
