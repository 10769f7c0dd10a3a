import { z } from 'zod';
import type { TestApi } from '../../support/api';
import { newSet, readyCluster, recordSites } from '../../support/api-backups';
import type { TestCommand } from '../../support/command';
import { startTestUser, type TestUser } from '../../support/test-user';

/** Lists of the command that take more than one page of the API, which has 200 items at the most. */

const MANY = 205;

let user: TestUser;
let api: TestApi;
let run: TestCommand['run'];

beforeAll(async () => {
  user = await startTestUser();
  ({ api, run } = user);
  await recordSites(api);
  const { id, timeline } = await readyCluster(api, 'shop');
  await fill(id, timeline.id);
  // Restore points that are older than all backups are there no more.
  await api.inventory.backups.recordSets(timeline, 'primary', [newSet(`bkp_${'1'.padStart(26, '0')}`)]);
});
afterAll(() => user?.stop());

/** Rows as the inventory writes them, with ids in the order of numbers. */
async function fill(cluster: string, timeline: string): Promise<void> {
  const id = (prefix: string): string => `'${prefix}_' || lpad(n::text, 26, '0')`;
  const each = `from clusters, generate_series(1, ${MANY}) n where clusters.id = $1`;
  await api.database.query(
    `insert into operations
     select (jsonb_populate_record(operations, jsonb_build_object('id', ${id('op')}, 'kind', 'restore-in-place'))).*
       from operations, generate_series(1, ${MANY}) n where cluster_id = $1`,
    [cluster],
  );
  const columns = 'id, project_id, cluster_id, timeline_id, operation_id, state, requested_by';
  const values = `project_id, id, $2, ${id('op')}, 'failed', 'tester'`;
  for (const statement of [
    `insert into backups (${columns}, type, version) select ${id('bkp')}, ${values}, 'full', '18' ${each}`,
    `insert into dumps (${columns}, version) select ${id('dmp')}, ${values}, '18' ${each}`,
    `insert into drills (${columns}, restored_cluster_id) select ${id('drl')}, ${values}, id ${each}`,
    `insert into restore_points (cluster_id, timeline_id, operation_id, name, lsn, made_at)
     select id, $2, ${id('op')}, 'point ' || n, '0/3000000', now() ${each}`,
  ])
    await api.database.query(statement, [cluster, timeline]);
}

const LISTS: readonly (readonly string[])[] = [
  ['backup', 'list', 'shop'],
  ['dump', 'list', 'shop'],
  ['dump', 'list'],
  ['drill', 'list', 'shop'],
  ['restore', 'point', 'list', 'shop'],
  ['restore', 'list', 'shop'],
];

async function listed(args: readonly string[]): Promise<string[]> {
  const { stdout } = await run([...args, '-o', 'json']);
  return z
    .array(z.unknown())
    .parse(JSON.parse(stdout))
    .map((item) => JSON.stringify(item));
}

test.each(LISTS.map((args) => [args.join(' '), args] as const))(
  '%s shows all there are, each once',
  async (_, args) => {
    const items = await listed(args);
    expect([items.length, new Set(items).size]).toEqual([MANY, MANY]);
    expect(await listed([...args, '--limit', '3'])).toEqual(items.slice(0, 3));
    expect(await listed([...args, '--limit', '203'])).toEqual(items.slice(0, 203));
  },
);

test('what is no number of items is refused with the option that it was given by', async () => {
  for (const limit of ['0', '-1', '1.5', 'many']) {
    const refused = await run(['backup', 'list', 'shop', '--limit', limit]);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--limit')]);
  }
});
