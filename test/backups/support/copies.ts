import { hostOf, reachableNode } from '../../../activities/fleet';
import type { Host } from '../../../activities/host/host';
import { sh } from '../../../activities/host/shell';
import { COPY_FILE } from '../../../activities/pgbackrest/copy';
import { findPrimary, runSql } from '../../../activities/postgres/psql';
import type { SqlText } from '../../../activities/postgres/sql';
import { sql } from '../../../activities/postgres/sql';
import type { NodeName } from '../../../domain/topology';
import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { login, query } from '../../system/support/endpoint';
import type { TestStores } from '../../system/support/stores';
import { viewOf } from './dump-user';
import { isWhole } from './lagging';
import { ask, POLL } from './user';

/** What it says when a cluster is too small for it, which all are that tests make. */
const EVERY_SIZE = `s/"smallBytes[^,]*/"smallBytes\\\\":1/; s/"replayShare[^,]*/"replayShare\\\\":1000000/`;

/**
 * Where the data of a new replica comes from: of the cluster `orders`, which has three data nodes, and whose log has branches by
 * now. All clusters of tests are so small that the primary is the quicker one, and so its program is told otherwise.
 */
export function describeCopies(holdfast: () => Holdfast, stores: () => TestStores): void {
  /** Throws away the data of a replica. @returns what Patroni says of how it was made anew. */
  const makeAnew = async (name: NodeName): Promise<string> => {
    const host = await hostOfNode(name);
    const [since = ''] = (await host.run(sh`date +%s`)).split('\n');
    await host.run(sh`sed -i -e ${EVERY_SIZE} ${COPY_FILE} && grep -q ${'"smallBytes.":1,'} ${COPY_FILE}`);
    const { id } = await ask(holdfast(), 'POST', `/v1/clusters/orders/nodes/${name}/reinit`, {});
    await holdfast().succeed(id);
    return host.run(sh`journalctl --unit patroni --since ${`@${since}`} --output cat`);
  };

  const hostOfNode = async (name: NodeName): Promise<Host> => {
    const view = await viewOf(holdfast(), 'orders');
    return hostOf(holdfast().fleet, view, reachableNode(view, name));
  };

  const on = async (name: NodeName, statement: SqlText, database: string): Promise<string> =>
    runSql(await viewOf(holdfast(), 'orders'), await hostOfNode(name), database, statement, 'look');

  /** A replica of a primary that has just become it: the backups are of the log before. */
  const switchOver = async (): Promise<NodeName> => {
    await eventually(() => isWhole(holdfast()), POLL);
    const { name } = await findPrimary(holdfast().fleet, await viewOf(holdfast(), 'orders'));
    const { id } = await ask(holdfast(), 'POST', '/v1/clusters/orders/switchover', {});
    await holdfast().succeed(id);
    await eventually(() => isWhole(holdfast()), POLL);
    return name;
  };

  /** @returns how many rows it has then. */
  const write = async (): Promise<string> => {
    const config = login(await holdfast().credentials('orders'), 'primaryPort');
    await query(config, 'create table if not exists copied (number bigserial primary key, filler text)');
    await query(config, "insert into copied (filler) select repeat('x', 100) from generate_series(1, 20000)");
    const [row] = await query<{ count: string }>(config, 'select count(*) from copied');
    return row?.count ?? '';
  };

  const demandAll = async (name: NodeName, rows: string): Promise<void> => {
    const { database } = await holdfast().credentials('orders');
    const count = sql`SELECT count(*) FROM copied`;
    await eventually(async () => (await on(name, count, database)) === rows);
    expect(await on(name, sql`SELECT status FROM pg_stat_wal_receiver`, 'postgres')).toBe('streaming');
    const host = await hostOfNode(name);
    expect(await host.run(sh`ls /var/lib/postgresql/18`)).toBe('main\n');
  };

  test('a replica gets its data from a backup, follows the log that the primary writes now, and has every row', async () => {
    const replica = await switchOver();
    const rows = await write();
    const said = await makeAnew(replica);
    expect(said).toMatch(/copying from primary, backup \d{8}-\d{6}F/);
    expect(said).toContain('replica has been created using pgbackrest');
    await demandAll(replica, rows);
  });

  test('while the stores are away it gets it from the primary, at once', async () => {
    const replica = await switchOver();
    const sites = stores().sites.map(({ name }) => name);
    for (const site of sites) await stores().stop(site);
    try {
      const rows = await write();
      const said = await makeAnew(replica);
      expect(said).toContain('copying from the primary: no site tells of a backup');
      expect(said).toContain('replica has been created using basebackup');
      await demandAll(replica, rows);
    } finally {
      for (const site of sites) await stores().start(site);
    }
  });
}
