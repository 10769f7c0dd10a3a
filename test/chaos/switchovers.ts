import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { networkToken } from '../../activities/cloud/tokens';
import type { NodeName } from '../../domain/topology';
import { readIfThere } from '../simulation/files';
import type { SimulatedHost, World } from '../simulation/world';
import { differs } from './differs';
import type { Experiment, OrderedCluster, Outcome } from './experiment';
import { prefixOf } from './experiment';

/** What is wrong with a cluster after a switchover, one sentence each. */

const JOBS = 'run/simulation/jobs';

export function aboutSwitchover(
  world: World,
  { kind }: Pick<Experiment, 'kind'>,
  { cluster, operation }: Outcome,
): string[] {
  if (kind !== 'switchover' && kind !== 'restart-node') return [];
  const { from = null, to = null } = operation.switchover ?? {};
  const primary = primaryOf(world, cluster);
  const wasSwitched = operation.state === 'succeeded';
  return [
    ...(from !== null && from === to ? [`it switched from ${from} to ${from}`] : []),
    ...(from === null ? [] : differs('the primary', primary, wasSwitched ? to : from)),
    ...hostsOf(world, cluster).flatMap(({ root, token }) => [
      ...(isPaused(root) ? [`clients of ${token} still wait`] : []),
      ...holdsOn(root).map((unit) => `left on ${token}: ${unit}`),
    ]),
    ...(wasSwitched && from !== null
      ? gatewaysOf(world, cluster).flatMap(({ root }) => differs('the way', wayOf(root), wayTo(from, to)))
      : []),
  ];
}

export const hostsOf = (world: World, { id }: Pick<OrderedCluster, 'id'>): SimulatedHost[] =>
  world
    .hostTokens()
    .filter((token) => token.startsWith(prefixOf(id)))
    .flatMap((token) => world.host(token) ?? []);

export const gatewaysOf = (world: World, cluster: OrderedCluster): SimulatedHost[] =>
  hostsOf(world, cluster).filter(({ token }) => /gw-\d$/.test(token));

export const primaryOf = (world: World, cluster: OrderedCluster): string =>
  readlinkSync(join(world.wire(networkToken(cluster)), 'patroni', cluster.id, 'leader'));

/** True while clients of PgBouncer wait there. */
export const isPaused = (root: string): boolean => existsSync(join(root, 'run/simulation/paused'));

const holdsOn = (root: string): string[] =>
  existsSync(join(root, JOBS)) ? readdirSync(join(root, JOBS)).filter((unit) => unit.includes('-hold-')) : [];

/** What HAProxy was told last. */
const wayOf = (root: string): string | undefined => readIfThere(join(root, 'run/simulation/led'))?.trim();
const wayTo = (from: NodeName | null, to: NodeName | null): string =>
  `set server primary/${from} health down\nset server primary/${to} health up`;
