import type Docker from 'dockerode';
import type { ReachableNode } from '../../../activities/fleet';
import { sql } from '../../../activities/postgres/sql';
import { eventually } from '../../support/eventually';
import { login, query } from '../../system/support/endpoint';
import { demandSuccess, runOn } from '../../system/support/image-tools';
import { findLost, longestGap, startWriter } from '../../system/support/ledger';
import type { Writer } from '../../system/support/ledger';
import { losePower, powerOn } from '../../system/support/power';
import type { Ha } from '../../system/support/ha-cluster';
import {
  dataNodes,
  ETCD_SERVES,
  hostIdOf,
  leadEtcd,
  primaryOf,
  runAsSuperuser,
  untilInQuorum,
} from '../../system/support/ha-cluster';

type Answered = Awaited<ReturnType<ReturnType<Ha>['holdfast']['cluster']>>['status']['conditions'][number];

/** Who replaces a primary that is dead, who leaves one alone that is not, and that nobody's row is lost by it. */
export function describeAutopilot(ha: Ha): void {
  let writer: Writer;
  let primary: ReachableNode;
  const told: string[] = [];

  beforeAll(async () => {
    const config = login(ha().credentials, 'primaryPort');
    await query(config, 'create table autopilot (number int primary key)');
    writer = startWriter(config, 'autopilot');
  });
  beforeEach(async () => {
    await untilInQuorum(ha());
    await untilWritten(writer);
    primary = await primaryOf(ha());
    // Of one that was never heard the lease decides.
    await eventually(async () => {
      const { nodes } = await ha().holdfast.cluster(ha().id);
      return nodes.some(({ name, state }) => name === primary.name && state === 'primary');
    });
  });

  const container = (): Docker.Container => ha().holdfast.docker.getContainer(hostIdOf(primary));
  const condition = async (): Promise<Answered | undefined> =>
    (await ha().holdfast.cluster(ha().id)).status.conditions.find(({ type }) => type === 'PrimaryServes');
  const failovers = (): Promise<{ node: string; fenced: boolean; new_primary: string | null }[]> =>
    ha().holdfast.database.query(
      'select node, fenced_at is not null as fenced, new_primary from failovers where cluster_id = $1 order by id',
      [ha().id],
    );
  const runs = async (): Promise<boolean> => (await container().inspect()).State.Running;

  /** How often the lease was quicker than the autopilot. */
  const late = (): number => ha().holdfast.readLogs().split('was not released').length - 1;
  const failedOver = async (before: number): Promise<void> => {
    await eventually(async () => (await failovers())[before]?.new_primary);
    await untilInQuorum(ha());
  };

  /** What the other data nodes were told of its host, and what of that is left. */
  const takenForOff = async (): Promise<{ told: boolean; left: string }[]> => {
    const look = `journalctl --output cat --unit 'holdfast-taken-for-off-*'; echo ---; ip route show type unreachable`;
    const others = dataNodes(ha()).filter(({ name }) => name !== primary.name);
    return Promise.all(
      others.map(async (node) => {
        const [journal = '', left = ''] = demandSuccess(await runOn(hostIdOf(node), look)).split('---\n');
        return { told: journal.includes(`Started holdfast-taken-for-off-${primary.privateAddress}`), left };
      }),
    );
  };

  /** What users had of it. */
  const measure = (what: string, since: number): void => {
    const gapMs = longestGap(writer.attempts, since, Date.now());
    told.push(`${what}: longest write gap ${(gapMs / 1000).toFixed(1)} s`);
  };

  test('a primary that loses power is fenced and replaced, and its host comes back, without a hand', async () => {
    const before = (await failovers()).length;
    const killedAt = Date.now();
    await container().kill();
    await eventually(async () => (await failovers())[before]?.new_primary);
    await untilInQuorum(ha());
    measure('autopilot', killedAt);
    const [failover, ...others] = (await failovers()).slice(before);
    expect(failover).toMatchObject({ node: primary.name, fenced: true });
    expect(failover?.new_primary).not.toBe(primary.name);
    expect(others).toEqual([]);
    expect(await runs()).toBe(true);
    expect(await condition()).toMatchObject({ status: true, reason: 'FailedOver' });
    const rid = { told: true, left: '' };
    expect(await takenForOff()).toEqual([rid, rid]);
  });

  test('one that has the leader of etcd, too, is replaced before its lease is over', async () => {
    const before = { failovers: (await failovers()).length, late: late() };
    await leadEtcd(ha(), primary);
    const lostAt = Date.now();
    await losePower(container());
    await failedOver(before.failovers);
    measure('with the leader of etcd', lostAt);
    expect(late()).toBe(before.late);
  });

  test('a primary keeps its lease while etcd has no leader, as when that is lost with a standby', async () => {
    const timeline = (): Promise<string> =>
      runAsSuperuser(ha(), primary.name, sql`select timeline_id from pg_control_checkpoint()`);
    const before = await timeline();
    const [leader, voter] = dataNodes(ha()).filter(({ name }) => name !== primary.name);
    if (!leader || !voter) throw new Error('there are no two standbys');
    await leadEtcd(ha(), leader);
    const host = ha().holdfast.docker.getContainer(hostIdOf(leader));
    await losePower(host);
    // With the election that follows it is as long as one takes on a busy machine.
    demandSuccess(await runOn(hostIdOf(voter), 'pkill -STOP etcd && sleep 4; pkill -CONT etcd\n'));
    await eventually(async () => (await runOn(hostIdOf(primary), ETCD_SERVES)).exitCode === 0);
    await untilWritten(writer);
    await powerOn(host);
    await untilInQuorum(ha());
    expect([(await primaryOf(ha())).name, await timeline()]).toEqual([primary.name, before]);
  });

  test('as soon as a host is back and the cluster whole, the next primary can be lost', async () => {
    const before = { failovers: (await failovers()).length, late: late() };
    for (const nth of [0, 1, 2]) {
      primary = await primaryOf(ha());
      const lostAt = Date.now();
      await losePower(container());
      await failedOver(before.failovers + nth);
      measure(`one after the other, ${nth + 1}`, lostAt);
    }
    expect(await failovers()).toHaveLength(before.failovers + 3);
    expect(late()).toBe(before.late);
  });

  test('one that only the control plane cannot hear is left alone', async () => {
    const before = await failovers();
    const silentSinceMs = async (): Promise<number> => {
      const { nodes } = await ha().holdfast.cluster(ha().id);
      const node = nodes.find(({ name }) => name === primary.name);
      return node?.state === 'silent' && node.heardAt !== null ? Date.now() - Date.parse(node.heardAt) : 0;
    };
    await runOn(hostIdOf(primary), 'pkill -STOP sshd\n');
    try {
      // Ten times as long as one that is dead is left alone.
      await eventually(async () => (await silentSinceMs()) > 20_000, { everyMs: 500 });
      expect(ha().holdfast.readLogs()).toContain('it is left alone');
    } finally {
      await runOn(hostIdOf(primary), 'pkill -CONT sshd\n');
    }
    expect(await failovers()).toEqual(before);
    expect((await primaryOf(ha())).name).toBe(primary.name);
  });

  test('a frozen host answers nobody, and is replaced like a dead one', async () => {
    const before = (await failovers()).length;
    const frozenAt = Date.now();
    await container().pause();
    await eventually(async () => (await failovers())[before]?.new_primary);
    await untilInQuorum(ha());
    measure('frozen', frozenAt);
    expect(await failovers()).toHaveLength(before + 1);
    expect(await runs()).toBe(true);
  });

  test('with the worker killed in the middle of it the next one ends it', async () => {
    const before = (await failovers()).length;
    const killedAt = Date.now();
    await container().kill();
    await eventually(async () => (await failovers()).length > before, { everyMs: 10 });
    await ha().holdfast.worker.kill();
    ha().holdfast.worker.start();
    await untilInQuorum(ha());
    await eventually(async () => (await failovers())[before]?.new_primary);
    measure('worker killed', killedAt);
    expect(await failovers()).toHaveLength(before + 1);
    expect(await runs()).toBe(true);
  });

  test('without a control plane the lease decides', async () => {
    const before = await failovers();
    await ha().holdfast.worker.kill();
    const killedAt = Date.now();
    try {
      await container().kill();
      await untilWritten(writer);
      measure('by lease', killedAt);
      expect(await runs()).toBe(false);
    } finally {
      await powerOn(container());
      ha().holdfast.worker.start();
    }
    await untilInQuorum(ha());
    expect(await failovers()).toEqual(before);
  });

  test('after all of it no acknowledged row is lost', async () => {
    await writer.stop();
    console.log(told.join('\n'));
    const rows = await query<{ number: number }>(
      login(ha().credentials, 'primaryPort'),
      'select number from autopilot',
    );
    expect(rows.length).toBeGreaterThan(500);
    expect(findLost(writer.attempts, new Set(rows.map(({ number }) => number)))).toEqual([]);
  });
}

/** A write that begins from now on is acknowledged. */
async function untilWritten({ attempts }: Writer): Promise<void> {
  const since = Date.now();
  await eventually(() => attempts.some(({ outcome, beganAt }) => outcome === 'acknowledged' && beganAt >= since));
}
