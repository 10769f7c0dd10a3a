import type { ReachableNode } from '../../../activities/fleet';
import { sh } from '../../../activities/host/shell';
import { ETCDCTL } from '../../../activities/patroni/keys';
import type { ConditionType } from '../../../domain/clusters';
import type { NodeName } from '../../../domain/topology';
import { eventually } from '../../support/eventually';
import { runOn } from '../../system/support/image-tools';
import type { Ha } from '../../system/support/ha-cluster';
import { dataNodes, hostIdOf, leadEtcd, primaryOf, untilInQuorum } from '../../system/support/ha-cluster';

/** Slow enough for the API, which counts requests. */
const POLL = { everyMs: 1_000, limitMs: 120_000 };

/** Waits until the condition has that reason, and gives its message. */
export async function untilTold(ha: Ha, wanted: ConditionType, reason: string): Promise<string> {
  return eventually(async () => {
    const { status } = await ha().holdfast.cluster(ha().id);
    const condition = status.conditions.find(({ type }) => type === wanted);
    return condition?.reason === reason && condition.message;
  }, POLL);
}

const WELL = {
  DiskSpace: 'Enough',
  StandbysStream: 'Streaming',
  EtcdWhole: 'AllMembers',
  GatewaysServe: 'Serving',
  CertificatesValid: 'Valid',
} as const satisfies Partial<Record<ConditionType, string>>;

/** What is told of parts that stop, and that it is over when they are back. */
export function describeWatching(ha: Ha): void {
  const on = async (node: ReachableNode, command: string): Promise<void> => {
    expect(await runOn(hostIdOf(node), `${command}\n`)).toMatchObject({ exitCode: 0 });
  };
  const gateway = (name: NodeName): ReachableNode => {
    const found = ha().nodes.find((node) => node.name === name);
    if (!found) throw new Error(`no node ${name}`);
    return found;
  };
  const standby = async (): Promise<ReachableNode> => {
    const { name } = await primaryOf(ha());
    const found = dataNodes(ha()).find((node) => node.name !== name);
    if (!found) throw new Error('no standby');
    return found;
  };

  test('a cluster that is well is told to be so in all parts', async () => {
    await untilInQuorum(ha());
    for (const [type, reason] of Object.entries(WELL)) await untilTold(ha, type as keyof typeof WELL, reason);
  });

  test('the lead of etcd leaves the host of the primary, so that both are never lost with it', async () => {
    const primary = await primaryOf(ha());
    await leadEtcd(ha(), primary);
    await eventually(async () => {
      const { stdout } = await runOn(hostIdOf(primary), `${sh`${ETCDCTL} endpoint status`}\n`);
      return stdout.split(', ')[4] === 'false';
    });
  });

  test('a gateway without its pooler is named with the port that does not answer', async () => {
    await on(gateway('gw-2'), 'systemctl stop pgbouncer');
    try {
      expect(await untilTold(ha, 'GatewaysServe', 'NotServing')).toContain('gw-2 (6432)');
    } finally {
      await on(gateway('gw-2'), 'systemctl start pgbouncer');
    }
    await untilTold(ha, 'GatewaysServe', WELL.GatewaysServe);
  });

  test('an etcd that is away is named, and so is one that is frozen', async () => {
    const node = await standby();
    for (const [stop, start] of [
      ['systemctl stop etcd', 'systemctl start etcd'],
      ['systemctl kill --signal=STOP etcd', 'systemctl kill --signal=CONT etcd'],
    ] as const) {
      await on(node, stop);
      try {
        expect(await untilTold(ha, 'EtcdWhole', 'MembersAway')).toContain(node.name);
      } finally {
        await on(node, start);
      }
      await untilTold(ha, 'EtcdWhole', WELL.EtcdWhole);
    }
    await untilInQuorum(ha());
  });

  test('a standby that receives nothing is named', async () => {
    const node = await standby();
    await on(node, 'systemctl stop patroni');
    try {
      expect(await untilTold(ha, 'StandbysStream', 'NotStreaming')).toContain(node.name);
    } finally {
      await on(node, 'systemctl start patroni');
    }
    await untilInQuorum(ha());
    await untilTold(ha, 'StandbysStream', WELL.StandbysStream);
  });
}
