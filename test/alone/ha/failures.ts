import { Client } from 'pg';
import type { ReachableNode } from '../../../activities/fleet';
import { sql } from '../../../activities/postgres/sql';
import { eventually, untilSuccess } from '../../support/eventually';
import { login, query } from '../../system/support/endpoint';
import { findInvented, findLost, longestGap, startWriter } from '../../system/support/ledger';
import type { Writer } from '../../system/support/ledger';
import { losePower, powerOn } from '../../system/support/power';
import type { Ha } from '../../system/support/ha-cluster';
import {
  dataNodes,
  hostIdOf,
  primaryOf,
  runAsSuperuser,
  servingGateway,
  untilWhole,
} from '../../system/support/ha-cluster';

/** A user who waits longer for a write than this calls it an outage; the measured times are printed. */
const WRITABLE_AGAIN_MS = 60_000;
/** Linux itself asks after two hours only. */
const FREE_AGAIN_MS = 60_000;
/** Who becomes the primary is not known before: each node has its turn, and both roles of data nodes have theirs. */
const TURNS = ['the primary', 'a replica', 'the other data node', 'gw-1', 'gw-2'] as const;

interface Measured {
  readonly host: string;
  readonly role: string;
  readonly 'longest write gap, s': number;
  readonly 'whole again after its return, s': number;
}

/** Power-off of every host in turn, under a writer that remembers each promise. */
export function describeFailures(ha: Ha): void {
  const measured: Measured[] = [];
  let writer: Writer;

  beforeAll(async () => {
    const config = login(ha().credentials, 'primaryPort');
    await query(config, 'create table ledger (number int primary key)');
    writer = startWriter(config);
    await acknowledgedAfter(writer, Date.now());
  });

  const choose = (turn: (typeof TURNS)[number], primary: string): ReachableNode => {
    const left = ha().nodes.filter(({ name }) => !measured.some(({ host }) => host === name));
    const node = left.find(({ name, role }) => {
      if (turn === 'the primary') return name === primary;
      if (turn === 'a replica') return role === 'data' && name !== primary;
      return turn === 'the other data node' ? role === 'data' : name === turn;
    });
    if (!node) throw new Error(`${turn} has had its turn`);
    return node;
  };

  test.each(TURNS)(
    'without %s the cluster is writable again at the same address, and with it whole again',
    async (turn) => {
      await untilWhole(ha());
      const primary = await primaryOf(ha());
      const node = choose(turn, primary.name);
      const { name } = node;
      const role = name === primary.name ? 'primary' : node.role === 'data' ? 'replica' : 'gateway';
      const host = ha().holdfast.docker.getContainer(hostIdOf(node));

      const killedAt = Date.now();
      await host.kill();
      try {
        const writableAt = await acknowledgedAfter(writer, Date.now());
        expect(writableAt - killedAt).toBeLessThan(WRITABLE_AGAIN_MS);
      } finally {
        await powerOn(host);
      }
      const startedAt = Date.now();
      await untilWhole(ha());
      const gap = longestGap(writer.attempts, killedAt, startedAt);
      measured.push({
        host: name,
        role,
        'longest write gap, s': inSeconds(gap),
        'whole again after its return, s': inSeconds(Date.now() - startedAt),
      });
      expect(gap).toBeLessThan(WRITABLE_AGAIN_MS);
      expect((await ha().holdfast.cluster(ha().id)).status.endpoint).toEqual(ha().cluster.status.endpoint);
    },
  );

  test('after a power cut of all five at once it serves again through every port', async () => {
    await untilWhole(ha());
    const { docker } = ha().holdfast.fleet.clouds;
    const tokens = ha().nodes.map(({ name }) => `${ha().id}/${name}`);
    await Promise.all(tokens.map((token) => docker.powerOff(token)));
    await Promise.all(tokens.map((token) => docker.powerOn(token)));
    for (const port of ['primaryPort', 'replicaPort', 'pooledPort'] as const) {
      const count = (): Promise<unknown[]> => query(login(ha().credentials, port), 'select from ledger limit 1');
      await eventually(
        () =>
          count().then(
            ({ length }) => length === 1,
            () => false,
          ),
        { everyMs: 250 },
      );
    }
    await acknowledgedAfter(writer, Date.now());
    await untilWhole(ha());
  });

  test('what clients of a gateway held that lost its power is free again', async () => {
    await untilWhole(ha());
    const config = login(ha().credentials, 'primaryPort');
    await query(config, 'create table held (number int primary key)');
    const holder = new Client(config);
    // Its connection breaks as soon as the other gateway is asked.
    holder.on('error', () => undefined);
    await holder.connect();
    await holder.query('begin; lock table held');
    const host = ha().holdfast.docker.getContainer(hostIdOf(await servingGateway(ha())));
    await losePower(host);
    try {
      await untilSuccess(() => query({ ...config, query_timeout: FREE_AGAIN_MS }, 'insert into held values (1)'), {
        limitMs: 2 * FREE_AGAIN_MS,
      });
    } finally {
      await powerOn(host);
      await holder.end().catch(() => undefined);
    }
  });

  test('after all of it no acknowledged row is lost, on any data node', async () => {
    await writer.stop();
    console.table(measured);
    // Otherwise no failover was tried at all.
    expect(measured.map(({ role }) => role)).toEqual(expect.arrayContaining(['primary', 'replica', 'gateway']));
    const { attempts } = writer;
    const acknowledged = attempts.filter(({ outcome }) => outcome === 'acknowledged').length;
    console.log(`${acknowledged} rows acknowledged, ${attempts.length - acknowledged} of unknown outcome`);
    expect(acknowledged).toBeGreaterThan(500);

    const rows = await query<{ number: number }>(login(ha().credentials, 'primaryPort'), 'select number from ledger');
    const numbers = new Set(rows.map(({ number }) => number));
    expect(findLost(attempts, numbers)).toEqual([]);
    expect(findInvented(attempts, numbers)).toEqual([]);
    const digest = sql`select count(*) || ' rows, sum ' || sum(number) from ledger`;
    const expected = `${numbers.size} rows, sum ${[...numbers].reduce((sum, number) => sum + number, 0)}`;
    for (const { name } of dataNodes(ha())) {
      await eventually(async () => {
        const found = await runAsSuperuser(ha(), name, digest, ha().credentials.database);
        return found === expected;
      });
    }
  });
}

const inSeconds = (ms: number): number => Math.round(ms / 100) / 10;

/** When the first write that began after `time` was acknowledged. */
async function acknowledgedAfter({ attempts }: Writer, time: number): Promise<number> {
  return eventually(
    () => attempts.find(({ outcome, beganAt }) => outcome === 'acknowledged' && beganAt >= time)?.endedAt,
    { limitMs: 2 * WRITABLE_AGAIN_MS },
  );
}
