import type { ReachableNode } from '../../../activities/fleet';
import { dataDirectory } from '../../../activities/postgres/paths';
import { sql } from '../../../activities/postgres/sql';
import { HOLD_S } from '../../../activities/switchover/hold';
import type { NodeState } from '../../../domain/heartbeats';
import { operationSchema } from '../../../domain/schemas/operations';
import type { OperationAnswer } from '../../../domain/schemas/operations';
import { problemSchema } from '../../../domain/schemas/problems';
import type { NodeName } from '../../../domain/topology';
import { eventually } from '../../support/eventually';
import { login, query } from '../../system/support/endpoint';
import { demandSuccess, runOn } from '../../system/support/image-tools';
import { findLost, longestGap, startWriter } from '../../system/support/ledger';
import type { Writer } from '../../system/support/ledger';
import type { Ha } from '../../system/support/ha-cluster';
import { dataNodes, hostIdOf, primaryOf, runAsSuperuser, untilInQuorum } from '../../system/support/ha-cluster';

/** Nobody gives up before PgBouncer resumes. */
const ATTEMPT_MS = 2 * HOLD_S * 1000;
const TABLES = ['maintained', 'maintained_directly'] as const;
const STARTED = sql`SELECT pg_postmaster_start_time()`;

/** Work on nodes, and on the whole cluster, under clients that write all the while. */
export function describeMaintenance(ha: Ha): void {
  let pooled: Writer;
  let direct: Writer;

  beforeAll(async () => {
    const [forPooled, forDirect] = TABLES;
    for (const table of TABLES)
      await query(login(ha().credentials, 'primaryPort'), `create table ${table} (number int primary key)`);
    pooled = startWriter(login(ha().credentials, 'pooledPort'), forPooled, ATTEMPT_MS);
    direct = startWriter(login(ha().credentials, 'primaryPort'), forDirect, ATTEMPT_MS);
  });
  beforeEach(async () => {
    await untilInQuorum(ha());
    await untilWritten(pooled, direct);
  });

  const post = (path: string, body?: object): ReturnType<ReturnType<Ha>['holdfast']['api']> =>
    ha().holdfast.api('POST', `/v1/clusters/orders/${path}`, body);
  const done = async (path: string): Promise<OperationAnswer> => {
    const { status, body } = await post(path);
    expect([status, body]).toEqual([202, expect.anything()]);
    return ha().holdfast.succeed(operationSchema.parse(body).id);
  };
  const refusalOf = async (path: string): Promise<string> => problemSchema.parse((await post(path)).body).code;
  const untilHeard = (name: NodeName, state: NodeState): Promise<true> =>
    eventually(
      async () =>
        (await ha().holdfast.cluster(ha().id)).nodes.some((node) => node.name === name && node.state === state),
      { everyMs: 250 },
    );
  const startOf = (name: NodeName): Promise<string> => runAsSuperuser(ha(), name, STARTED);
  const replicas = async (): Promise<ReachableNode[]> => {
    const { name } = await primaryOf(ha());
    return dataNodes(ha()).filter((node) => node.name !== name);
  };
  const container = (node: ReachableNode) => ha().holdfast.docker.getContainer(hostIdOf(node));

  /** What the writers had of `act`: attempts without an acknowledgement, and connections that were cut. */
  const under = async (what: string, act: () => Promise<unknown>) => {
    const before = { pooled: pooled.disconnects, direct: direct.disconnects };
    const beganAt = Date.now();
    await act();
    const endedAt = Date.now();
    await untilWritten(pooled, direct);
    const stalls = [pooled, direct].map(({ attempts }) => longestGap(attempts, beganAt, endedAt));
    console.log(`${what}: longest stall pooled ${stalls[0]} ms, direct ${stalls[1]} ms`);
    return {
      failed: pooled.attempts.filter(({ outcome, beganAt: at }) => outcome !== 'acknowledged' && at >= beganAt),
      cuts: { pooled: pooled.disconnects - before.pooled, direct: direct.disconnects - before.direct },
      longestMs: Math.max(...stalls),
    };
  };

  test('a restart of the primary switches over: pooled clients see no error, direct ones are cut once', async () => {
    const { name } = await primaryOf(ha());
    const before = await startOf(name);
    const { failed, cuts, longestMs } = await under('restart of the primary', async () => {
      const { node, switchover } = await done(`nodes/${name}/restart`);
      expect([node, switchover?.from]).toEqual([{ name, was: 'primary' }, name]);
    });
    expect([failed, cuts]).toEqual([[], { pooled: 0, direct: 1 }]);
    expect(longestMs).toBeLessThan(HOLD_S * 1000);
    expect(await startOf(name)).not.toBe(before);
    expect((await primaryOf(ha())).name).not.toBe(name);
  });

  test('a restart of a replica is felt by no writer', async () => {
    const [replica] = await replicas();
    if (!replica) throw new Error('no replica');
    const before = await startOf(replica.name);
    const { failed, cuts } = await under('restart of a replica', async () => {
      expect((await done(`nodes/${replica.name}/restart`)).node).toEqual({ name: replica.name, was: 'replica' });
    });
    expect([failed, cuts]).toEqual([[], { pooled: 0, direct: 0 }]);
    expect(await startOf(replica.name)).not.toBe(before);
  });

  test('a restart of the gateway that has the floating address keeps it there, and cuts its connections once', async () => {
    const address = ha().cluster.status.endpoint?.addresses[0]?.host ?? '';
    const gateways = ha().nodes.filter(({ role }) => role === 'gateway');
    const holders = async (): Promise<string[]> => {
      const shown = await Promise.all(
        gateways.map(async (node) => demandSuccess(await runOn(hostIdOf(node), 'ip -o -4 address show\n'))),
      );
      return gateways.flatMap(({ name }, i) => (shown[i]?.includes(` ${address}/`) ? [name] : []));
    };
    const [holder] = await holders();
    const gateway = gateways.find(({ name }) => name === holder);
    if (!gateway) throw new Error('nobody has the address');
    const runs = async (): Promise<string[]> => {
      const show = 'systemctl show --property InvocationID --value haproxy pgbouncer keepalived | grep .\n';
      return demandSuccess(await runOn(hostIdOf(gateway), show))
        .trim()
        .split('\n');
    };
    const before = await runs();
    const { cuts } = await under('restart of a gateway', () => done(`nodes/${gateway.name}/restart`));
    expect(cuts).toEqual({ pooled: 1, direct: 1 });
    const after = await runs();
    expect(after.map((run, i) => run === before[i])).toEqual([false, false, true]);
    expect(await holders()).toEqual([gateway.name]);
  });

  test('the data of a replica is copied anew, that of the primary never, and nothing without the other replica', async () => {
    const primary = await primaryOf(ha());
    const [replica, other] = await replicas();
    if (!replica || !other) throw new Error('no replicas');
    await untilHeard(primary.name, 'primary');
    expect(await refusalOf(`nodes/${primary.name}/reinit`)).toBe('NODE_IS_PRIMARY');

    await runOn(hostIdOf(other), 'systemctl stop patroni\n');
    try {
      await untilHeard(other.name, 'down');
      expect(await refusalOf(`nodes/${replica.name}/reinit`)).toBe('NO_QUORUM_LEFT');
    } finally {
      await runOn(hostIdOf(other), 'systemctl start patroni\n');
    }
    await untilInQuorum(ha());
    await untilHeard(other.name, 'replica');

    const data = dataDirectory('18');
    await runOn(hostIdOf(replica), `runuser -u postgres -- touch ${data}/of-before\n`);
    const { failed, cuts } = await under('reinit of a replica', () => done(`nodes/${replica.name}/reinit`));
    expect([failed, cuts]).toEqual([[], { pooled: 0, direct: 0 }]);
    const left = demandSuccess(await runOn(hostIdOf(replica), `ls ${data}\n`));
    expect(left).toContain('PG_VERSION');
    expect(left).not.toMatch(/of-before|thrown-away/);
    expect((await primaryOf(ha())).name).toBe(primary.name);
  });

  test('a cluster that is stopped has no host that runs, and starts with the same endpoint and primary', async () => {
    const primary = await primaryOf(ha());
    const before = await ha().holdfast.cluster(ha().id);
    await done('stop');
    const stopped = await ha().holdfast.cluster(ha().id);
    expect(stopped.status.state).toBe('stopped');
    expect(stopped.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', status: false, reason: 'Stopped' }),
    );
    const running = await Promise.all(ha().nodes.map(async (node) => (await container(node).inspect()).State.Running));
    expect(running).toEqual(ha().nodes.map(() => false));
    expect(await refusalOf('switchover')).toBe('CLUSTER_STOPPED');
    expect(await refusalOf('stop')).toBe('CLUSTER_STOPPED');

    await done('start');
    const started = await ha().holdfast.cluster(ha().id);
    expect(started.status.state).toBe('ready');
    expect(started.status.endpoint).toEqual(before.status.endpoint);
    expect((await primaryOf(ha())).name).toBe(primary.name);
    expect(await refusalOf('start')).toBe('CLUSTER_NOT_STOPPED');
  });

  test('while maintenance lasts a primary that lost power is not fenced; when it ends it is', async () => {
    const primary = await primaryOf(ha());
    const failovers = (): Promise<{ node: string; fenced: boolean }[]> =>
      ha().holdfast.database.query(
        'select node, fenced_at is not null as fenced from failovers where cluster_id = $1 order by id',
        [ha().id],
      );
    const before = await failovers();
    // The watch listens anew since the start.
    await untilHeard(primary.name, 'primary');
    expect((await post('maintenance', { minutes: 10 })).status).toBe(200);
    const conditions = async () => (await ha().holdfast.cluster(ha().id)).status.conditions;
    expect(await conditions()).toContainEqual(expect.objectContaining({ type: 'Maintenance', status: true }));
    await container(primary).kill();
    // Long after the autopilot would have begun.
    await untilHeard(primary.name, 'silent');
    expect(await failovers()).toEqual(before);
    expect((await container(primary).inspect()).State.Running).toBe(false);

    const ended = await ha().holdfast.api('DELETE', '/v1/clusters/orders/maintenance');
    expect(ended.status).toBe(204);
    await eventually(async () => (await failovers()).length > before.length, { everyMs: 250 });
    await untilInQuorum(ha());
    expect((await failovers()).slice(before.length)).toEqual([{ node: primary.name, fenced: true }]);
    expect((await conditions()).map(({ type }) => type)).not.toContain('Maintenance');
    await eventually(async () => (await container(primary).inspect()).State.Running, { everyMs: 250 });
  });

  test('after all of it no acknowledged row is lost', async () => {
    await Promise.all([pooled.stop(), direct.stop()]);
    for (const [i, { attempts }] of [pooled, direct].entries()) {
      const table = TABLES[i] ?? '';
      const rows = await query<{ number: number }>(
        login(ha().credentials, 'primaryPort'),
        `select number from ${table}`,
      );
      expect(rows.length).toBeGreaterThan(500);
      expect([table, findLost(attempts, new Set(rows.map(({ number }) => number)))]).toEqual([table, []]);
    }
  });
}

/** A write of each that begins from now on is acknowledged. */
async function untilWritten(...writers: readonly Writer[]): Promise<void> {
  const since = Date.now();
  await eventually(() =>
    writers.every(({ attempts }) =>
      attempts.some(({ outcome, beganAt }) => outcome === 'acknowledged' && beganAt >= since),
    ),
  );
}
