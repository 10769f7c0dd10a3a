import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { hostToken, networkToken } from '../../activities/cloud/tokens';
import type { NodeName } from '../../domain/topology';
import type { World } from '../simulation/world';
import { differs } from './differs';
import type { Experiment, OrderedCluster, Outcome } from './experiment';
import type { Laboratory } from './laboratory';
import { primaryOf } from './switchovers';

/** What is wrong with a cluster after a node of it was replaced, one sentence each. */
export async function aboutReplacement(
  { inventory }: Laboratory,
  world: World,
  { kind }: Pick<Experiment, 'kind'>,
  { cluster, operation }: Outcome,
): Promise<string[]> {
  if (kind !== 'replace-node' || operation.node === null || operation.replacement === null) return [];
  const { name: node } = operation.node;
  const { former } = operation.replacement;
  const there = world.host(hostToken(cluster, node));
  const known = (await inventory.nodes.list(cluster.id)).find(({ name }) => name === node);
  const isFresh = there !== null && there.id !== former?.hostId;
  return [
    ...differs('a fresh host', isFresh, operation.state === 'succeeded'),
    ...differs('its host in the inventory', known?.hostId, there?.id),
    ...differs('its address', there?.privateAddress, former?.privateAddress ?? there?.privateAddress),
    ...differs('members of etcd', membersOf(world, cluster), ['pg-1', 'pg-2', 'pg-3']),
    ...(operation.state === 'succeeded'
      ? differs('the primary is another node', primaryOf(world, cluster) !== node, true)
      : []),
  ];
}

/** Those that have started and have a vote. */
export function membersOf(world: World, cluster: OrderedCluster): string[] {
  const wire = world.wire(networkToken(cluster));
  const [members, started] = [join(wire, 'members', cluster.id), join(wire, 'etcd', cluster.id)];
  const votes = (name: string): boolean => readFileSync(join(members, name), 'utf8').trim().endsWith(' false');
  return readdirSync(members).filter((name) => votes(name) && existsSync(join(started, name)));
}

/** Has this data node be the primary, as Patroni may decide at any time. */
export function lead(world: World, cluster: OrderedCluster, name: NodeName): void {
  const leader = join(world.wire(networkToken(cluster)), 'patroni', cluster.id, 'leader');
  rmSync(leader);
  symlinkSync(name, leader);
}
