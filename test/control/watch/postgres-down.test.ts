import type { Condition } from '../../../domain/clusters';
import { eventually } from '../../support/eventually';
import {
  begin,
  change,
  endGuards,
  heard,
  looksOf,
  noticedBy,
  openGuarded,
  silence,
  toldOf,
} from '../../support/guarded-fleet';
import { finish, newSubmission } from '../../support/inventory';

/** What is told of a data node whose host answers, and whose PostgreSQL does not come back. */

const GRACE_MS = 30_000;

let guarded: Awaited<ReturnType<typeof openGuarded>>;
beforeAll(async () => {
  guarded = await openGuarded();
});
afterAll(() => guarded.close());
beforeEach(() => begin(guarded));
afterEach(() => endGuards(guarded));

const told = (): Promise<Condition | undefined> => toldOf(guarded, 'NodesServe');
async function expectNothingOrdered(): Promise<void> {
  const rows = await guarded.opened.scratch.query(
    `select id from operations where cause = 'autopilot' and cluster_id = $1`,
    [guarded.shop.cluster.id],
  );
  expect(rows).toEqual([]);
}

test('a data node whose host answers without a PostgreSQL is told of in its time, unless an operation works on it, until it serves', async () => {
  guarded.guard();
  await heard(guarded);
  change(guarded, 'pg-3', { says: 'down' });
  const { id, name } = guarded.shop.cluster;
  await eventually(async () => (await guarded.inventory.heartbeats.of(id)).get('pg-3')?.role === 'down');
  await looksOf(guarded);
  expect(await told()).toBeUndefined();
  const submission = newSubmission(guarded.shop.cluster, 'configure-backups');
  const { operation } = await guarded.inventory.operations.submit(null, submission);
  guarded.waitedMs += GRACE_MS;
  await looksOf(guarded);
  expect(await told()).toBeUndefined();
  await finish(guarded.inventory, operation);
  const condition = await eventually(told);
  expect(condition).toMatchObject({ status: false, reason: 'PostgresDown' });
  for (const verb of ['reinit', 'replace']) expect(condition.message).toContain(`holdfast node ${verb} ${name} pg-3`);
  await expectNothingOrdered();
  change(guarded, 'pg-3', { says: 'replica' });
  await eventually(async () => (await told()) === undefined);
});

test('where one that is lost is not replaced because the PostgreSQL of another one is down, that is told', async () => {
  guarded.guard();
  await heard(guarded);
  change(guarded, 'pg-2', { says: 'down' });
  silence(guarded, 'pg-3');
  await noticedBy(guarded, 'pg-3');
  guarded.waitedMs += GRACE_MS;
  await eventually(async () => (await told())?.reason === 'PostgresDown');
  expect((await told())?.message).toContain('PostgreSQL of pg-2');
});
