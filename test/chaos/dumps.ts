import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { dumpKey } from '../../domain/dumps';
import type { World } from '../simulation/world';
import { differs } from './differs';
import type { Outcome } from './experiment';
import { prefixOf } from './experiment';
import type { Laboratory } from './laboratory';

/** What is wrong with the dumps of a cluster: what is known of them, and what is in the stores and on the nodes. */
export async function aboutDumps(
  { inventory }: Laboratory,
  world: World,
  { cluster, operation }: Outcome,
): Promise<string[]> {
  if (!['dump', 'restore-dump', 'delete-dump'].includes(operation.kind)) return [];
  const sites = cluster.spec.backups?.sites ?? [];
  const all = await inventory.dumps.list(cluster.projectId, { limit: 1_000, clusterId: cluster.id });
  const there = all.filter(({ copies }) => copies.length > 0);
  const own = all.find(({ operationId }) => operationId === operation.id);
  const wanted = { succeeded: 'succeeded', cancelled: 'failed', failed: 'failed' }[String(operation.state)];
  return [
    ...(operation.kind === 'dump' ? differs('the dump', own?.state, wanted) : []),
    ...differs(
      'dumps that are on all sites',
      there.filter(({ copies }) => copies.length === sites.length).length,
      there.length,
    ),
    ...sites.flatMap((site) =>
      differs(
        `archives on ${site}`,
        archivesOn(world, site, all[0]?.timelineId ?? ''),
        there.map(({ id }) => encodeURIComponent(dumpKey(id))).sort(),
      ),
    ),
    ...scratchOf(world, cluster.id).map((path) => `left on a node: ${path}`),
  ];
}

const archivesOn = (world: World, site: string, timeline: string): string[] =>
  readdirSync(join(world.folder, 'sites', site, timeline, 'objects'))
    .filter((name) => name.startsWith('dumps'))
    .sort();

function scratchOf(world: World, clusterId: Outcome['cluster']['id']): string[] {
  const tokens = world.hostTokens().filter((token) => token.startsWith(prefixOf(clusterId)));
  return tokens
    .flatMap((token) => world.host(token)?.root ?? [])
    .flatMap((root) => ['holdfast-dump', 'holdfast-restore'].map((name) => join(root, 'var/lib/postgresql', name)))
    .filter((path) => existsSync(path));
}
