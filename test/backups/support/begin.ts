import { dataNodesOf, hostOf } from '../../../activities/fleet';
import { runSql } from '../../../activities/postgres/psql';
import { sql } from '../../../activities/postgres/sql';
import type { Holdfast } from '../../support/holdfast';
import { login, query } from '../../system/support/endpoint';
import { startWriter } from '../../system/support/ledger';
import { viewOf } from './dump-user';
import { ask, firstBackup, untilAcknowledged } from './user';

/** What a restart of PostgreSQL changes, and where its log goes: of each data node, by its name. */
async function look(holdfast: Holdfast, cluster: string): Promise<Readonly<Record<string, string>>> {
  const view = await viewOf(holdfast, cluster);
  const facts = sql`SELECT pg_postmaster_start_time(), current_setting('archive_command'), current_setting('restore_command')`;
  const seen = dataNodesOf(view).map(async (node) => {
    const host = hostOf(holdfast.fleet, view, node);
    return [node.name, await runSql(view, host, 'postgres', facts, 'look')] as const;
  });
  return Object.fromEntries(await Promise.all(seen));
}

const startOf = (seen: string): string => seen.split('|')[0] ?? '';

/** On the cluster `orders`, which has three data nodes and was ordered without backups. What comes after it needs them. */
export function describeBegin(holdfast: () => Holdfast): void {
  test('a cluster that was made without backups gets them while it is written to: no write fails, and nothing is restarted', async () => {
    const refused = await holdfast().api('POST', '/v1/clusters/orders/backups', {});
    expect(refused).toMatchObject({ status: 409, body: { code: 'BACKUPS_NOT_CONFIGURED' } });
    const before = await look(holdfast(), 'orders');
    for (const seen of Object.values(before)) expect(seen).toMatch(/^[^|]+\|\/bin\/true\|$/);

    const config = login(await holdfast().credentials('orders'), 'primaryPort');
    await query(config, 'create schema begun');
    await query(config, 'create table begun.ledger (number int primary key)');
    const writer = startWriter({ ...config, options: '-c search_path=begun' });
    await untilAcknowledged(writer, 0);
    // The hour of a scheduled backup would come into some runs.
    const { id: operation } = await ask(holdfast(), 'PATCH', '/v1/clusters/orders/backup-policy', { paused: true });
    const { kind, startedAt, finishedAt } = await holdfast().succeed(operation);
    expect(kind).toBe('begin-backups');
    await untilAcknowledged(writer, Date.now());
    await writer.stop();
    const [from, to] = [Date.parse(startedAt ?? ''), Date.parse(finishedAt ?? '')];
    console.log(`backups begun in ${to - from} ms, over ${writer.attempts.length} writes`);
    const during = writer.attempts.filter(({ beganAt, endedAt }) => endedAt > from && beganAt < to);
    expect(during.length).toBeGreaterThan(10);
    expect(writer.attempts.filter(({ outcome }) => outcome !== 'acknowledged')).toEqual([]);
    const first = await firstBackup(holdfast(), 'orders');
    expect(first).toMatchObject({ type: 'full', requestedBy: 'schedule', error: null });
    expect(first.copies.map(({ site, type }) => [site, type])).toEqual([
      ['primary', 'full'],
      ['secondary', 'full'],
    ]);

    const after = await look(holdfast(), 'orders');
    expect(Object.entries(after).map(([name, seen]) => [name, startOf(seen)])).toEqual(
      Object.entries(before).map(([name, seen]) => [name, startOf(seen)]),
    );
    // What is written from now on is restored, in place of others and after failovers, by the tests that follow.
    const commands = Object.values(after).map((seen) => seen.slice(startOf(seen).length));
    for (const command of commands)
      expect(command).toMatch(
        /^\|sh \/etc\/pgbackrest\/archive-push.sh %p\|(sh \/etc\/pgbackrest\/archive-fetch.sh .+)?$/,
      );
    // The primary has nothing to fetch.
    expect(commands.filter((command) => command.includes('archive-fetch'))).toHaveLength(2);
    await query(config, 'drop schema begun cascade');
  });
}
