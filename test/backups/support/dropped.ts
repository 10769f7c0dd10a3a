import { Client } from 'pg';
import { sql } from '../../../activities/postgres/sql';
import type { DumpAnswer } from '../../../domain/schemas/dumps';
import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { login, query } from '../../system/support/endpoint';
import { dumpOf, ended, leftOnNodes, onPrimary } from './dump-user';
import { ask } from './user';

/** A database that is dropped in the middle of its dump: pg_dump waits for a lock in it, and finds it gone. */
async function dropWhileDumped(holdfast: Holdfast, request: object): Promise<DumpAnswer> {
  await onPrimary(holdfast, 'old', sql`CREATE DATABASE doomed OWNER app`);
  const config = { ...login(await holdfast.credentials('old'), 'primaryPort'), database: 'doomed' };
  await query(config, 'create table t ()');
  const client = new Client(config);
  client.on('error', () => undefined);
  await client.connect();
  await client.query('begin');
  await client.query('lock table t');
  const { id } = await ask(holdfast, 'POST', '/v1/clusters/old/dumps', request);
  const waiting = sql`SELECT count(*) FROM pg_stat_activity WHERE datname = 'doomed' AND usename = 'dumper' AND wait_event_type = 'Lock'`;
  await eventually(async () => (await onPrimary(holdfast, 'old', waiting)) !== '0', { everyMs: 200 });
  await onPrimary(holdfast, 'old', sql`DROP DATABASE doomed WITH (FORCE)`);
  await client.end().catch(() => undefined);
  await ended(holdfast, id);
  return dumpOf(holdfast, 'old', id);
}

/** On the cluster `old`. @param holdfast only known once it runs. */
export function describeDropped(holdfast: () => Holdfast): void {
  test('a database that is dropped while it is dumped ends a dump of its own, and is left out of one of all', async () => {
    const own = await dropWhileDumped(holdfast(), { database: 'doomed' });
    expect(own).toMatchObject({ state: 'failed', copies: [], error: { code: 'DUMP_IMPOSSIBLE' } });
    // By the try that met it, or by the one after that.
    expect(own.error?.message).toMatch(/database "doomed" (is gone|in cluster old)/);
    const all = await dropWhileDumped(holdfast(), { all: true });
    expect(all).toMatchObject({ state: 'succeeded', error: null });
    expect(all.databases).toContain('app');
    expect(all.databases).not.toContain('doomed');
    expect(await leftOnNodes(holdfast(), 'old')).toEqual([]);
  });
}
