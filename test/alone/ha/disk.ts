import type { ClientConfig } from 'pg';
import { DISK_ACTS_FILE } from '../../../activities/disk/guard';
import type { ReachableNode } from '../../../activities/fleet';
import { hostOf, viewCluster } from '../../../activities/fleet';
import type { Host } from '../../../activities/host/host';
import { sh } from '../../../activities/host/shell';
import { dataDirectory } from '../../../activities/postgres/paths';
import { sql } from '../../../activities/postgres/sql';
import { eventually } from '../../support/eventually';
import { login, query, refusal } from '../../system/support/endpoint';
import { findLost, startWriter } from '../../system/support/ledger';
import type { Writer } from '../../system/support/ledger';
import { fillToTheBrim, fillVolume } from '../../system/support/volume';
import type { Ha } from '../../system/support/ha-cluster';
import { dataNodes, primaryOf, runAsSuperuser, untilInQuorum } from '../../system/support/ha-cluster';
import { untilTold } from './watching';

const REFUSED = '25006 cannot execute INSERT in a read-only transaction';
const FILL = `insert into filler select repeat('x', 7900) from generate_series(1, 1000)`;

/** What psql says of it. */
const CRASHED = /No space left|server closed|connection to server/;

/** Volumes of an `ha` cluster that fill, each by itself or all, under a writer that remembers each promise. Of a single one: test/system/disk.test.ts. */
export function describeDisk(ha: Ha): void {
  let writer: Writer;
  let primary: ReachableNode;
  let standbys: ReachableNode[];

  beforeAll(async () => {
    await query(asDirect(), 'create table disk (number int primary key)');
    await query(asDirect(), 'create table filler (text text storage plain)');
    writer = startWriter(asDirect(), 'disk');
  });
  beforeEach(async () => {
    await untilInQuorum(ha());
    await untilWritten();
    primary = await primaryOf(ha());
    standbys = dataNodes(ha()).filter(({ name }) => name !== primary.name);
  });

  const asDirect = (): ClientConfig => login(ha().credentials, 'primaryPort');
  const hostIn = async (node: ReachableNode): Promise<Host> => {
    const { fleet } = ha().holdfast;
    return hostOf(fleet, await viewCluster(fleet, ha().id), node);
  };
  const fill = async (node: ReachableNode, thousandths: number): Promise<() => Promise<unknown>> =>
    fillVolume(await hostIn(node), thousandths);
  const untilWritten = async (): Promise<void> => {
    const since = Date.now();
    await eventually(() =>
      writer.attempts.some(({ outcome, beganAt }) => outcome === 'acknowledged' && beganAt >= since),
    );
  };
  const untilRefused = (): Promise<true> =>
    eventually(async () => (await refusal(asDirect(), FILL).catch(() => 'it was not')) === REFUSED);

  test('standbys that are fuller keep nobody from writing; the primary that fills refuses, and so does whoever takes its place', async () => {
    const empties = [];
    for (const node of standbys) empties.push(await fill(node, 45));
    empties.push(await fill(primary, 53));
    await untilWritten();
    await untilRefused();
    expect(await untilTold(ha, 'DiskSpace', 'WritesRefused')).toContain(primary.name);
    const refusedAt = writer.attempts.length;
    const { version } = ha().cluster.spec;
    const crash = `kill -KILL "$(head -n 1 "$0/postmaster.pid")"`;
    await (await hostIn(primary)).run(sh`sh -c ${crash} ${dataDirectory(version)}`);
    await eventually(async () => (await primaryOf(ha())).name !== primary.name);
    await eventually(async () => (await refusal(asDirect(), 'insert into disk values (-1)').catch(String)) === REFUSED);
    await untilInQuorum(ha());
    expect(writer.attempts.slice(refusedAt).filter(({ outcome }) => outcome === 'acknowledged')).toEqual([]);
    for (const empty of empties) await empty();
    await untilWritten();
    await untilTold(ha, 'DiskSpace', 'Enough');
  });

  test('the slot of a standby that is away is dropped where it keeps log of a volume that is nearly full', async () => {
    const [away] = standbys;
    if (!away) throw new Error('no standby');
    const host = await hostIn(away);
    await host.run(sh`systemctl stop patroni`);
    // Otherwise it would take half a gigabyte of log.
    const keep = (value: string): Promise<string> =>
      runAsSuperuser(ha(), primary.name, sql`ALTER SYSTEM SET wal_keep_size = ${value}; SELECT pg_reload_conf()`);
    await keep('0');
    await runAsSuperuser(
      ha(),
      primary.name,
      sql`SELECT pg_logical_emit_message(true, 'x', 'x') IS NULL; SELECT pg_switch_wal()`,
    );
    // It gives back what log it can by itself: it has to be nearly full without that, too.
    const empty = await fill(primary, 65);
    const acts = async (): Promise<string> => (await hostIn(primary)).run(sh`cat ${DISK_ACTS_FILE}`);
    await eventually(async () =>
      (await acts()).includes(`"slots dropped", "detail": "${away.name.replace('-', '_')}"`),
    );
    await untilWritten();
    await empty();
    await runAsSuperuser(ha(), primary.name, sql`ALTER SYSTEM RESET wal_keep_size; SELECT pg_reload_conf()`);
    // It is copied anew: there is no archive.
    await host.run(sh`rm -rf ${dataDirectory(ha().cluster.spec.version)}`);
    await host.run(sh`systemctl start patroni`);
    await untilInQuorum(ha());
  });

  test('a standby that something else fills to the last byte keeps nobody from writing, and is back when there is room', async () => {
    const [standby] = standbys;
    if (!standby) throw new Error('no standby');
    const empty = await fillToTheBrim(await hostIn(standby));
    for (let i = 0; i < 4; i++) {
      await untilWritten();
      await runAsSuperuser(ha(), primary.name, sql`SELECT pg_switch_wal()`);
    }
    await untilWritten();
    await empty();
    await untilInQuorum(ha());
  });

  test('a primary that something else fills to the last byte is replaced when it stops, and comes back when there is room', async () => {
    const host = await hostIn(primary);
    // Otherwise nobody writes any more by then.
    await host.run(sh`systemctl stop holdfast-disk`);
    await runAsSuperuser(ha(), primary.name, sql`CHECKPOINT`);
    const empty = await fillToTheBrim(host);
    // More log than there are segments.
    const flood = sql`SELECT pg_logical_emit_message(false, 'flood', repeat('x', 30000000)) IS NULL FROM generate_series(1, 60)`;
    const crash = await runAsSuperuser(ha(), primary.name, flood).catch(String);
    expect(crash).toMatch(CRASHED);
    await untilWritten();
    expect((await primaryOf(ha())).name).not.toBe(primary.name);
    await host.run(sh`systemctl start holdfast-disk`);
    await empty();
    // It may hold the begin of a record whose end is in the next segment: the watch begins that one.
    await untilInQuorum(ha());
    await untilTold(ha, 'DiskSpace', 'Enough');
  });

  test('after all of it no acknowledged row is lost', async () => {
    await writer.stop();
    const rows = await query<{ number: number }>(asDirect(), 'select number from disk');
    expect(rows.length).toBeGreaterThan(100);
    expect(findLost(writer.attempts, new Set(rows.map(({ number }) => number)))).toEqual([]);
  });
}
