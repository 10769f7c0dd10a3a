import type { ReachableNode } from '../../../activities/fleet';
import { parseMembers } from '../../../activities/etcd/members';
import { hostOf, viewCluster } from '../../../activities/fleet';
import { sh } from '../../../activities/host/shell';
import { ETCDCTL } from '../../../activities/patroni/keys';
import { sql } from '../../../activities/postgres/sql';
import { operationSchema } from '../../../domain/schemas/operations';
import type { OperationAnswer } from '../../../domain/schemas/operations';
import { eventually } from '../../support/eventually';
import { login, query } from '../../system/support/endpoint';
import { findLost, longestGap, startWriter } from '../../system/support/ledger';
import type { Writer } from '../../system/support/ledger';
import { loseHost, losePower } from '../../system/support/power';
import type { Ha, HaCluster } from '../../system/support/ha-cluster';
import {
  dataNodes,
  hostIdOf,
  primaryOf,
  runAsSuperuser,
  untilInQuorum,
  untilWhole,
} from '../../system/support/ha-cluster';

/** Nodes whose hosts are gone for good, under a writer that goes on: each gets a fresh one, and no acknowledged row is lost. */
export function describeReplacement(ha: Ha, lookAgain: () => Promise<HaCluster>): void {
  let writer: Writer;
  const told: string[] = [];

  beforeAll(async () => {
    const config = login(ha().credentials, 'primaryPort');
    await query(config, 'create table replaced (number int primary key)');
    writer = startWriter(config, 'replaced');
  });
  beforeEach(async () => {
    await lookAgain();
    await untilWhole(ha());
    await untilWritten(writer);
  });

  const ordered = async (): Promise<string[]> => {
    const rows = await ha().holdfast.database.query<{ id: string }>(
      `select id from operations where cluster_id = $1 and kind = 'replace-node' and cause = 'autopilot' order by id`,
      [ha().id],
    );
    return rows.map(({ id }) => id);
  };

  /** Takes its host away, and waits until the autopilot has given it another one. */
  const lose = async (node: ReachableNode, how: 'remove' | 'kill'): Promise<OperationAnswer> => {
    const before = (await ordered()).length;
    const lostAt = Date.now();
    const { docker } = ha().holdfast;
    const host = docker.getContainer(hostIdOf(node));
    await (how === 'kill' ? losePower(host) : loseHost(docker, host));
    const id = await eventually(async () => (await ordered())[before]);
    const orderedAt = Date.now();
    const operation = await ha().holdfast.succeed(id);
    await lookAgain();
    await untilWhole(ha());
    measure(`${node.name}, host ${how === 'kill' ? 'off' : 'gone'}`, { lostAt, orderedAt });
    expect(operation).toMatchObject({
      ...{ cause: 'autopilot', requestedBy: 'autopilot' },
      node: { name: node.name },
      replacement: { former: { hostId: node.hostId } },
    });
    expect(await ordered()).toHaveLength(before + 1);
    return operation;
  };

  const measure = (what: string, { lostAt, orderedAt }: Readonly<Record<'lostAt' | 'orderedAt', number>>): void => {
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
    const now = Date.now();
    const gap = longestGap(writer.attempts, lostAt, now);
    told.push(
      `${what}: ordered after ${seconds(orderedAt - lostAt)}, whole after ${seconds(now - lostAt)}, longest write gap ${seconds(gap)}`,
    );
  };

  /** It has another host, and all else as before. */
  const expectFresh = async (former: ReachableNode): Promise<void> => {
    const fresh = ha().nodes.find(({ name }) => name === former.name);
    expect(fresh?.hostId).not.toBe(former.hostId);
    const { role, privateAddress, failureDomain } = former;
    expect(fresh).toMatchObject({ role, privateAddress, failureDomain });
    const { holdfast, id, cluster } = ha();
    expect((await holdfast.cluster(id)).status.endpoint).toEqual(cluster.status.endpoint);
    const condition = cluster.status.conditions.find(({ type }) => type === 'NodesServe');
    expect(condition).toMatchObject({ status: true, reason: 'Replaced' });
  };

  const expectVotes = async (): Promise<void> => {
    const { holdfast, id } = ha();
    const view = await viewCluster(holdfast.fleet, id);
    for (const node of dataNodes(ha())) {
      const listed = await hostOf(holdfast.fleet, view, node).run(sh`${ETCDCTL} member list`);
      const voters = parseMembers(listed).filter(({ isLearner }) => !isLearner);
      expect(voters.map(({ name }) => name).sort()).toEqual(['pg-1', 'pg-2', 'pg-3']);
    }
  };

  const replicaOf = async (): Promise<ReachableNode> => {
    const primary = await primaryOf(ha());
    const replica = dataNodes(ha()).find(({ name }) => name !== primary.name);
    if (!replica) throw new Error('no replica');
    return replica;
  };

  test('a replica whose host is gone for good has a fresh one and is in the quorum again, without a hand', async () => {
    const replica = await replicaOf();
    await lose(replica, 'remove');
    await expectFresh(replica);
    await expectVotes();
  });

  test('a primary whose host is gone for good is failed over, then its node comes back as a replica', async () => {
    const primary = await primaryOf(ha());
    await lose(primary, 'remove');
    await expectFresh(primary);
    await expectVotes();
    expect((await primaryOf(ha())).name).not.toBe(primary.name);
  });

  test('a replica that lost power and stays silent is replaced after its half minute', async () => {
    const replica = await replicaOf();
    await lose(replica, 'kill');
    await expectFresh(replica);
  });

  test('when its fresh host is lost, too, the same operation makes another one', async () => {
    const replica = await replicaOf();
    const before = (await ordered()).length;
    const { docker, fleet } = ha().holdfast;
    const lostAt = Date.now();
    await loseHost(docker, docker.getContainer(hostIdOf(replica)));
    const fresh = await eventually(async () => {
      const { nodes } = await viewCluster(fleet, ha().id);
      return nodes.find(({ name, hostId }) => name === replica.name && hostId !== replica.hostId)?.hostId ?? undefined;
    });
    await loseHost(docker, docker.getContainer(fresh));
    const [id = ''] = (await ordered()).slice(before);
    await ha().holdfast.succeed(id);
    await lookAgain();
    await untilWhole(ha());
    measure(`${replica.name}, fresh host gone, too`, { lostAt, orderedAt: lostAt });
    expect(await ordered()).toHaveLength(before + 1);
    expect(ha().nodes.find(({ name }) => name === replica.name)?.hostId).not.toBe(fresh);
    await expectFresh(replica);
    await expectVotes();
  });

  test.each(['gw-1', 'gw-2'])('%s, whose host is gone for good, is open again at its address', async (name) => {
    const gateway = ha().nodes.find((node) => node.name === name);
    if (!gateway) throw new Error(`no ${name}`);
    await lose(gateway, 'remove');
    await expectFresh(gateway);
    await untilWritten(writer);
  });

  test('by hand, the primary hands over before its host goes', async () => {
    const primary = await primaryOf(ha());
    const path = `/v1/clusters/orders/nodes/${primary.name}/replace`;
    const { status, body } = await ha().holdfast.api('POST', path);
    expect(status).toBe(202);
    const lostAt = Date.now();
    const operation = await ha().holdfast.succeed(operationSchema.parse(body).id);
    await lookAgain();
    await untilInQuorum(ha());
    measure(`${primary.name}, by hand`, { lostAt, orderedAt: lostAt });
    expect(operation.switchover?.from).toBe(primary.name);
    expect((await primaryOf(ha())).name).toBe(operation.switchover?.to);
    await expectFresh(primary);
    await expectVotes();
  });

  test('a stopped cluster that loses hosts, that of its primary too, starts without them, and each node has a fresh one', async () => {
    const primary = await primaryOf(ha());
    const gateway = ha().nodes.find(({ role }) => role === 'gateway');
    if (!gateway) throw new Error('no gateway');
    const { holdfast } = ha();
    const done = async (verb: 'stop' | 'start'): Promise<void> => {
      const { status, body } = await holdfast.api('POST', `/v1/clusters/orders/${verb}`);
      expect([status, body]).toEqual([202, expect.anything()]);
      await holdfast.succeed(operationSchema.parse(body).id);
    };
    await done('stop');
    for (const node of [primary, gateway])
      await loseHost(holdfast.docker, holdfast.docker.getContainer(hostIdOf(node)));
    const startedAt = Date.now();
    await done('start');
    told.push(`start without ${primary.name} and ${gateway.name}: ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
    await untilWritten(writer);
    expect((await primaryOf(ha())).name).not.toBe(primary.name);
    await eventually(async () => {
      await lookAgain();
      return [primary, gateway].every(({ name, hostId }) =>
        ha().nodes.some((node) => node.name === name && node.hostId !== hostId),
      );
    });
    await untilWhole(ha(), { limitMs: 120_000 });
  });

  test('after all of it no acknowledged row is lost, on any data node', async () => {
    await writer.stop();
    console.log(told.join('\n'));
    const { attempts } = writer;
    expect(attempts.filter(({ outcome }) => outcome === 'acknowledged').length).toBeGreaterThan(500);
    const rows = await query<{ number: number }>(login(ha().credentials, 'primaryPort'), 'select number from replaced');
    expect(findLost(attempts, new Set(rows.map(({ number }) => number)))).toEqual([]);
    const digest = sql`select count(*) || ' rows, sum ' || sum(number) from replaced`;
    const expected = `${rows.length} rows, sum ${rows.reduce((sum, { number }) => sum + number, 0)}`;
    for (const { name } of dataNodes(ha()))
      await eventually(async () => (await runAsSuperuser(ha(), name, digest, ha().credentials.database)) === expected);
  });
}

/** A write that begins from now on is acknowledged. */
async function untilWritten({ attempts }: Writer): Promise<void> {
  const since = Date.now();
  await eventually(() => attempts.some(({ outcome, beganAt }) => outcome === 'acknowledged' && beganAt >= since));
}
