import type { ClientConfig } from 'pg';
import type { ReachableNode } from '../../../activities/fleet';
import { hostOf, viewCluster } from '../../../activities/fleet';
import { askPatroni } from '../../../activities/patroni/ask';
import { HOLD_S } from '../../../activities/switchover/hold';
import { operationSchema } from '../../../domain/schemas/operations';
import type { OperationAnswer } from '../../../domain/schemas/operations';
import type { NodeName } from '../../../domain/topology';
import { eventually, untilSuccess } from '../../support/eventually';
import { login, query } from '../../system/support/endpoint';
import { askHaproxy } from '../../system/support/haproxy';
import { demandSuccess, runOn } from '../../system/support/image-tools';
import { findLost, longestGap, startWriter } from '../../system/support/ledger';
import type { Writer } from '../../system/support/ledger';
import type { Ha, HaCluster } from '../../system/support/ha-cluster';
import { dataNodes, hostIdOf, primaryOf, servingGateway, untilInQuorum } from '../../system/support/ha-cluster';

/** The measured stalls are printed beside these; a busy machine takes its time. */
const GOALS_MS = { pooled: 2_000, direct: 3_500 } as const;
/** Nobody gives up before PgBouncer resumes. */
const ATTEMPT_MS = 2 * HOLD_S * 1000;
const TABLES = ['pooled', 'direct'] as const;

/** Switchovers under clients that write all the while. */
export function describeSwitchover(ha: Ha): void {
  const order = async (to?: string): Promise<OperationAnswer> => {
    const { status, body } = await ha().holdfast.api('POST', '/v1/clusters/orders/switchover', { ...(to && { to }) });
    expect(status).toBe(202);
    return operationSchema.parse(body);
  };
  const asDirect = (): ClientConfig => login(ha().credentials, 'primaryPort');

  test.each(['named', 'best'])(
    'to the %s standby: pooled clients see no error, direct ones are cut once, and no acknowledged row is lost',
    async (which) => {
      await untilInQuorum(ha());
      const before = await primaryOf(ha());
      const named = which === 'named' ? dataNodes(ha()).findLast(({ name }) => name !== before.name)?.name : undefined;
      for (const table of TABLES) {
        await query(asDirect(), `drop table if exists ${table}`);
        await query(asDirect(), `create table ${table} (number int primary key)`);
      }
      const pooled = startWriter(login(ha().credentials, 'pooledPort'), 'pooled', ATTEMPT_MS);
      const direct = startWriter(asDirect(), 'direct', ATTEMPT_MS);
      await Promise.all([pooled, direct].map((writer) => acknowledgedSince(writer, Date.now())));

      const orderedAt = Date.now();
      const { switchover } = await ha().holdfast.succeed((await order(named)).id);
      const endedAt = Date.now();
      await Promise.all([pooled, direct].map((writer) => acknowledgedSince(writer, endedAt)));
      await Promise.all([pooled.stop(), direct.stop()]);

      expect(switchover).toMatchObject({ from: before.name, ...(named && { to: named }) });
      expect(switchover?.to).not.toBe(before.name);
      expect((await primaryOf(ha())).name).toBe(switchover?.to);
      expect(pooled.attempts.filter(({ outcome }) => outcome !== 'acknowledged')).toEqual([]);
      expect([pooled.disconnects, direct.disconnects]).toEqual([0, 1]);
      const stalls = {
        pooled: longestGap(pooled.attempts, orderedAt, endedAt),
        direct: longestGap(direct.attempts, orderedAt, endedAt),
      };
      console.log(`switchover: longest stall ${JSON.stringify(stalls)} ms, goals ${JSON.stringify(GOALS_MS)}`);
      // Otherwise nobody but the gateway itself has resumed.
      expect(Math.max(stalls.pooled, stalls.direct)).toBeLessThan(HOLD_S * 1000);

      for (const [table, { attempts }] of Object.entries({ pooled, direct })) {
        const rows = await query<{ number: number }>(asDirect(), `select number from ${table}`);
        expect([table, findLost(attempts, new Set(rows.map(({ number }) => number)))]).toEqual([table, []]);
      }
      // The old primary is a standby again.
      await untilInQuorum(ha());
    },
  );

  test('nobody is led to the next primary before it is one', async () => {
    await untilInQuorum(ha());
    const from = await primaryOf(ha());
    const to = dataNodes(ha()).find(({ name }) => name !== from.name);
    if (!to) throw new Error('no standby');
    const gateway = await servingGateway(ha());
    const recovers = async (): Promise<boolean | undefined> => {
      const [row] = await query<{ recovers: boolean }>(asDirect(), 'select pg_is_in_recovery() as recovers');
      return row?.recovers;
    };
    // A promotion ends with the log replayed.
    const replay = async (signal: 'STOP' | 'CONT'): Promise<string> =>
      demandSuccess(await runOn(hostIdOf(to), `pkill -${signal} -f '^postgres: .*startup '\n`));

    await replay('STOP');
    const switched = askForSwitch(ha(), from, to.name);
    try {
      await eventually(async () => HAS_LEASE.test(await lastLook(gateway, to.name)), { everyMs: 100 });
      await expect(recovers()).rejects.toThrow();
    } finally {
      await replay('CONT');
      await switched;
    }
    await untilSuccess(async () => expect(await recovers()).toBe(false));
    expect((await primaryOf(ha())).name).toBe(to.name);
    await untilInQuorum(ha());
  });

  test('to the primary itself is refused, and nothing changes', async () => {
    const { name } = await primaryOf(ha());
    const { id } = await order(name);
    const ended = await eventually(async () => {
      const { body } = await ha().holdfast.api('GET', `/v1/operations/${id}`);
      const operation = operationSchema.parse(body);
      return operation.state === 'failed' ? operation : undefined;
    });
    expect(ended.error?.message).toContain(`${name} is the primary already`);
    expect((await primaryOf(ha())).name).toBe(name);
  });
}

const acknowledgedSince = ({ attempts }: Writer, time: number): Promise<true> =>
  eventually(() => attempts.some(({ outcome, beganAt }) => outcome === 'acknowledged' && beganAt >= time));

/** Asks Patroni itself, which answers when it is over. */
async function askForSwitch(ha: HaCluster, from: ReachableNode, to: NodeName): Promise<void> {
  const { fleet } = ha.holdfast;
  const host = hostOf(fleet, await viewCluster(fleet, ha.id), from);
  await askPatroni(host, '/switchover', { leader: from.name, candidate: to }, { title: 'ask for a switchover' });
}

/** How the last look of a gateway's HAProxy ended, at whether a node is the primary. */
async function lastLook(gateway: ReachableNode, name: NodeName): Promise<string> {
  const [header = '', ...rows] = (await askHaproxy(hostIdOf(gateway), 'show stat')).split('\n');
  const row = rows.map((line) => line.split(',')).find(([backend, server]) => backend === 'primary' && server === name);
  return row?.[header.split(',').indexOf('check_status')] ?? '';
}

/** Patroni has said 200, whatever was made of its words. */
const HAS_LEASE = /L7(OK|RSP)/;
