import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { backupPolicy } from '../../activities/inventory/rows';
import { ARCHIVE_PUSH_FILE } from '../../activities/pgbackrest/archive-push';
import { ARCHIVE_CONFIG_FILE } from '../../activities/pgbackrest/config';
import type { BackupPolicy } from '../../domain/backups';
import { SIMULATED_SITES } from '../simulation/storage';
import type { World } from '../simulation/world';
import { differs } from './differs';
import type { Outcome } from './experiment';
import { prefixOf } from './experiment';
import type { Laboratory } from './laboratory';

/** What is wrong with how a cluster, its hosts, its schedules and the stores follow a policy of backups, one sentence each. */
export async function aboutPolicy(
  { inventory }: Laboratory,
  world: World,
  { cluster }: Outcome,
  wanted: BackupPolicy,
): Promise<string[]> {
  const found = await inventory.clusters.get(cluster.id);
  const timeline = await inventory.timelines.current(cluster.id);
  const copies = await inventory.backups.list(cluster.projectId, { limit: 1_000, clusterId: cluster.id });
  const { policy: scheduled } = z
    .object({ policy: backupPolicy })
    .parse(JSON.parse(readFileSync(join(world.folder, 'schedules', cluster.id), 'utf8')));
  const others = SIMULATED_SITES.map(({ name }) => name).filter((name) => !wanted.sites.includes(name));
  const folder = (site: string): string => join(world.folder, 'sites', site, timeline?.id ?? 'none');
  return [
    ...differs('the policy', found?.spec.backups, backupPolicy.parse(wanted)),
    ...differs('what its schedules were told', scheduled, backupPolicy.parse(wanted)),
    ...others.flatMap((site) =>
      existsSync(folder(site)) ? readdirSync(folder(site)).map((left) => `left on ${site}: ${left}`) : [],
    ),
    ...wanted.sites.flatMap((site) =>
      differs(`a stanza on ${site}`, existsSync(join(folder(site), 'objects/stanza')), true),
    ),
    ...differs(
      'copies on sites that were left',
      copies.flatMap((backup) => backup.copies.filter((copy) => copy.removedAt === null && others.includes(copy.site)))
        .length,
      0,
    ),
    ...dataHostsOf(world, cluster.id).flatMap(({ token, root }) => [
      ...differs(
        `sites that ${token} knows`,
        sitesIn(readFileSync(join(root, ARCHIVE_CONFIG_FILE), 'utf8')),
        wanted.sites,
      ),
      ...differs(`sites that ${token} archives into`, sitesPushedTo(root), [...wanted.sites].sort()),
    ]),
  ];
}

export const dataHostsOf = (world: World, clusterId: Outcome['cluster']['id']): { token: string; root: string }[] =>
  world
    .hostTokens()
    .filter((token) => token.startsWith(prefixOf(clusterId)) && /pg-\d$/.test(token))
    .flatMap((token) => world.host(token) ?? []);

/** Both by what its command names and by what opens them. */
function sitesPushedTo(root: string): string[] {
  const command = readFileSync(join(root, ARCHIVE_PUSH_FILE), 'utf8');
  const [, named = ''] = /^for site in ([^$]*); do$/m.exec(command) ?? [];
  const files = readdirSync(join(root, dirname(ARCHIVE_PUSH_FILE))).filter((file) => file.startsWith('push-'));
  const opened = files
    .sort()
    .map((file) => sitesIn(readFileSync(join(root, dirname(ARCHIVE_PUSH_FILE), file), 'utf8')).join());
  return named.split(' ').sort().join() === opened.join() ? opened : [`${named}, with files for ${opened.join(' ')}`];
}

const sitesIn = (config: string): string[] =>
  [...config.matchAll(/^repo\d-s3-endpoint=(\w+)\./gm)].map(([, site = '']) => site);
