import { hostOf, reachableNode, viewCluster } from '../../../activities/fleet';
import type { ReachableNode } from '../../../activities/fleet';
import { sh } from '../../../activities/host/shell';
import { RESTORE_MARK } from '../../../activities/patroni/config';
import { findPrimary } from '../../../activities/postgres/psql';
import { sql } from '../../../activities/postgres/sql';
import { isId } from '../../../domain/ids';
import { HoldfastError } from '../../../domain/errors';
import { isFinal } from '../../../domain/operations';
import type { NodeName } from '../../../domain/topology';
import { eventually, untilSuccess } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { login, query } from '../../system/support/endpoint';
import { findLost, startWriter } from '../../system/support/ledger';
import { comeBack, dieForGood } from '../../system/support/power';
import { onPrimary, viewOf } from './dump-user';
import { isWhole } from './lagging';
import {
  ask,
  backupsOf,
  firstBackup,
  POLL,
  remove,
  takeBackup,
  untilAcknowledged,
  windowAfter,
  windowOf,
} from './user';

/** Primaries that lose power while something is done with their backups. */

async function primaryOf(holdfast: Holdfast): Promise<ReachableNode> {
  return findPrimary(holdfast.fleet, await viewOf(holdfast, 'orders'));
}

/** On the cluster `orders`, of three data nodes. @param holdfast only known once it runs. */
export function describeFailover(holdfast: () => Holdfast): void {
  test('a primary that loses power in a backup and in the archive of its log costs no row; nor does one in a restore', async () => {
    await firstBackup(holdfast(), 'orders');
    const config = login(await holdfast().credentials('orders'), 'primaryPort');
    await query(config, 'create table ledger (number int primary key)');
    const writer = startWriter(config);
    const primary = await primaryOf(holdfast());
    const { id } = await takeBackup(holdfast(), 'orders', { type: 'full' });
    await eventually(async () => (await backupsOf(holdfast(), 'orders'))[0]?.node !== null);
    // Some segments are on their way to the stores.
    await query(config, `select pg_logical_emit_message(true, 'load', repeat('x', 40000000))`).catch(() => undefined);
    const host = holdfast().docker.getContainer(primary.hostId ?? '');
    await dieForGood(host);
    const killedAt = Date.now();
    const ended = await eventually(async () => {
      const operation = await holdfast().operation(id);
      return isFinal(operation.state) && operation;
    }, POLL);
    const [backup] = await backupsOf(holdfast(), 'orders');
    console.log(
      `${primary.name} died; the backup ${ended.state} on ${String(backup?.node)} as ${String(backup?.nodeRole)} after ${Date.now() - killedAt} ms, tries ${ended.steps.map(({ attempt }) => attempt).join()}`,
    );
    expect([ended.state, ended.error]).toEqual(['succeeded', null]);
    await untilAcknowledged(writer, killedAt);
    await writer.stop();
    // Of what the dead one had not archived, though it is not back.
    await eventually(async () => (await windowOf(holdfast(), 'orders')).gaps.length === 0, POLL);
    await comeBack(host);

    const request = { name: 'orders-again', plan: 'sandbox', storage: '10GiB', backups: null };
    const restore = await ask(holdfast(), 'POST', '/v1/clusters/orders/restores', request);
    // As soon as it copies, which may have ended when the next step begins.
    const node = await eventually(() => restoringNode(holdfast(), restore.clusterId, 'pg-1'), { limitMs: 400_000 });
    const restored = holdfast().docker.getContainer(node.hostId ?? '');
    await restored.kill();
    await restored.start();
    await holdfast().succeed(restore.id);
    const rows = await query<{ number: number }>(
      login(await holdfast().credentials('orders-again'), 'primaryPort'),
      'select number from ledger',
    );
    console.log(`${rows.length} rows of ${writer.attempts.length} attempts`);
    expect(rows.length).toBeGreaterThan(0);
    expect(findLost(writer.attempts, new Set(rows.map(({ number }) => number)))).toEqual([]);
    await remove(holdfast(), 'orders-again');
  });

  test('a segment that a primary has closed as the last thing it did is archived by the next one', async () => {
    await eventually(() => isWhole(holdfast()), POLL);
    const primary = await primaryOf(holdfast());
    const config = login(await holdfast().credentials('orders'), 'primaryPort');
    // It archives nothing any more, and nothing but what is asked for comes into its log.
    await freeze(holdfast(), primary);
    await query(config, 'create table closed_last ()');
    await onPrimary(holdfast(), 'orders', sql`SELECT pg_switch_wal()`);
    await eventually(async () => (await onPrimary(holdfast(), 'orders', CAME_WHOLE)) === '2', POLL);
    const host = holdfast().docker.getContainer(primary.hostId ?? '');
    await dieForGood(host);
    const diedAt = Date.now();
    await untilSuccess(() => query(config, 'create table written_next ()'), POLL);
    await windowAfter(holdfast(), 'orders', diedAt);
    expect((await windowOf(holdfast(), 'orders')).gaps).toEqual([]);
    await comeBack(host);
  });
}

/** Of the primary: replicas that have received its log up to the end of a segment, which is where it ends. */
const CAME_WHOLE = sql`SELECT count(*) FROM pg_stat_replication
  WHERE flush_lsn = pg_current_wal_lsn() AND mod(pg_wal_lsn_diff(flush_lsn, '0/0'), pg_size_bytes('16MB')) = 0`;

async function freeze(holdfast: Holdfast, node: ReachableNode): Promise<void> {
  const processes = '^postgres: .*(archiver|background writer|checkpointer|autovacuum launcher)';
  const host = hostOf(holdfast.fleet, await viewOf(holdfast, 'orders'), node);
  await host.run(sh`pkill -STOP -u postgres -f ${processes}`);
}

/** The node, once its restore has begun and while it has not ended. */
async function restoringNode({ fleet }: Holdfast, id: string, name: NodeName): Promise<ReachableNode | false> {
  if (!isId('clu', id)) throw new Error(id);
  const look = sh`sh -c ${'[ ! -e "$0" ] || echo there'} ${RESTORE_MARK}`;
  try {
    const view = await viewCluster(fleet, id);
    const node = reachableNode(view, name);
    return (await hostOf(fleet, view, node).run(look)).trim() === 'there' && node;
  } catch (error) {
    if (error instanceof HoldfastError) return false;
    throw error;
  }
}
