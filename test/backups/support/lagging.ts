import { dataNodesOf, hostOf, reachableNode } from '../../../activities/fleet';
import { sh } from '../../../activities/host/shell';
import { runSql } from '../../../activities/postgres/psql';
import type { SqlText } from '../../../activities/postgres/sql';
import { sql } from '../../../activities/postgres/sql';
import { HoldfastError } from '../../../domain/errors';
import type { NodeName } from '../../../domain/topology';
import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { login, query } from '../../system/support/endpoint';
import { onPrimary, viewOf } from './dump-user';
import { backupsOf, firstBackup, POLL, takeBackup } from './user';

/** A little more than a replica may be behind that a backup is taken from. */
const BEHIND_MIB = 260;
/** Of the primary: how many replicas follow it. */
const STREAMING = sql`SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'`;

/** Of the cluster `orders`, which has three data nodes. @param holdfast only known once it runs. */
export function describeLagging(holdfast: () => Holdfast): void {
  test('a replica that is far behind is left alone: the next one, then the primary are backed up from', async () => {
    await firstBackup(holdfast(), 'orders');
    const { nodes } = await holdfast().cluster('orders');
    // One that was lost before may be about to come back, on another host.
    await eventually(() => isWhole(holdfast()), POLL);
    const view = await viewOf(holdfast(), 'orders');
    const on = (name: NodeName, statement: SqlText): Promise<string> =>
      runSql(view, hostOf(holdfast().fleet, view, reachableNode(view, name)), 'postgres', statement, 'ask');
    const signalReplay = (name: NodeName, signal: 'STOP' | 'CONT'): Promise<string> =>
      hostOf(holdfast().fleet, view, reachableNode(view, name)).run(
        sh`pkill ${`-${signal}`} -u postgres -f ${'^postgres: .*startup '}`,
      );
    const names = view.nodes.map(({ name }) => name).filter((name) => name.startsWith('pg-'));
    const inRecovery = await Promise.all(names.map((name) => on(name, sql`SELECT pg_is_in_recovery()`)));
    const replicas = names.filter((_, i) => inRecovery[i] === 't').sort();
    const primary = names.find((_, i) => inRecovery[i] === 'f');
    const takers: (string | null)[] = [];
    expect([nodes.length, replicas.length]).toEqual([5, 2]);
    try {
      for (const replica of replicas) {
        // A replay that PostgreSQL itself has paused is resumed by Patroni.
        await signalReplay(replica, 'STOP');
        await write(holdfast(), BEHIND_MIB);
        const { id: operation } = await takeBackup(holdfast(), 'orders', { type: 'incremental' });
        await holdfast().succeed(operation);
        takers.push((await backupsOf(holdfast(), 'orders'))[0]?.node ?? null);
      }
    } finally {
      for (const replica of replicas) await signalReplay(replica, 'CONT');
    }
    expect(takers).toEqual([replicas[1], primary]);
  });
}

/** PostgreSQL answers on every data node, and the replicas follow. */
export async function isWhole(holdfast: Holdfast): Promise<boolean> {
  const view = await viewOf(holdfast, 'orders');
  try {
    const answers = dataNodesOf(view).map((node) =>
      runSql(view, hostOf(holdfast.fleet, view, node), 'postgres', sql`SELECT pg_is_in_recovery()`, 'ask'),
    );
    const roles = await Promise.all(answers);
    return roles.sort().join() === 'f,t,t' && (await onPrimary(holdfast, 'orders', STREAMING)) === '2';
  } catch (error) {
    if (error instanceof HoldfastError) return false;
    throw error;
  }
}

/** So much log, and nothing in the data. */
async function write(holdfast: Holdfast, mebibytes: number): Promise<void> {
  const config = login(await holdfast.credentials('orders'), 'primaryPort');
  const message = `select count(pg_logical_emit_message(true, 'lag', repeat('x', 1048576))) from generate_series(1, ${mebibytes})`;
  await query(config, message);
}
