import { join } from 'node:path';
import { hostToken } from '../../activities/cloud/tokens';
import { dataNodes } from '../../domain/topology';
import type { Topology } from '../../domain/plans';
import { createSimulatedCloud } from '../simulation/cloud';
import { readIfThere } from '../simulation/files';
import type { World } from '../simulation/world';
import { differs } from './differs';
import type { OrderedCluster, Outcome } from './experiment';
import { membersOf } from './replacements';

/** The hosts of all data nodes are gone, or only off. */
export async function loseData(
  world: World,
  cluster: OrderedCluster,
  topology: Topology,
  how: 'gone' | 'off' = 'gone',
): Promise<void> {
  const cloud = createSimulatedCloud(world, 'docker');
  for (const { name } of dataNodes(topology)) {
    const token = hostToken(cluster, name);
    await (how === 'gone' ? cloud.deleteHost(token) : cloud.powerOff(token));
  }
}

/** What is wrong with a cluster that came back from its backups, one sentence each. */
export function aboutRecovery(world: World, topology: Topology, { cluster, operation }: Outcome): string[] {
  const names = dataNodes(topology).map(({ name }) => name);
  const hosts = names.map((name) => world.host(hostToken(cluster, name)));
  const { former = {} } = operation.recovery ?? {};
  const label = readIfThere(join(hosts[0]?.root ?? '', 'var/lib/postgresql/18/main/label'))?.trim();
  return [
    ...differs(
      'fresh hosts',
      hosts.map((host, i) => host !== null && host.id !== former[names[i] ?? '']),
      names.map(() => true),
    ),
    ...(topology === 'single' ? differs('its data', label, 'restored') : []),
    ...differs('members of etcd', membersOf(world, cluster), names),
  ];
}
