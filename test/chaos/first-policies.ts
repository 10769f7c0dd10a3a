import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { networkToken } from '../../activities/cloud/tokens';
import { PATRONI_CONFIG_FILE } from '../../activities/patroni/config';
import type { ConditionType } from '../../domain/clusters';
import { readIfThere } from '../simulation/files';
import type { World } from '../simulation/world';
import { differs } from './differs';
import type { Outcome } from './experiment';
import type { Laboratory } from './laboratory';
import { dataHostsOf } from './policies';

/** What an operation that gives backups to a cluster leaves behind, besides a policy that is followed: see policies.ts. */
export function aboutBegun(world: World, { cluster, operation }: Outcome): string[] {
  return [
    ...differs('where the log goes', commandOf(world, cluster), 'sh /etc/pgbackrest/archive-push.sh %p'),
    ...dataHostsOf(world, cluster.id).flatMap(({ token, root }) =>
      differs(`whether ${token} fetches log`, fetchesLog(root), true),
    ),
    ...differs(
      'whether the first backup is asked for',
      existsSync(join(world.folder, 'occasions', cluster.id, `full-${operation.id}`)),
      true,
    ),
  ];
}

const OF_BACKUPS: readonly ConditionType[] = ['BackedUp', 'RestoreProven', 'Dumped', 'Archiving'];

/** What is left of backups that a cluster was to get, and did not, one sentence each. */
export async function aboutNone({ inventory }: Laboratory, world: World, { cluster }: Outcome): Promise<string[]> {
  const found = await inventory.clusters.get(cluster.id);
  const told = found?.status.conditions.filter(({ type }) => OF_BACKUPS.includes(type)) ?? [];
  return [
    ...differs('the policy', found?.spec.backups, null),
    ...told.map(({ type }) => `a condition is left: ${type}`),
    ...['schedules', 'occasions'].flatMap((kind) =>
      differs(`${kind} of it`, existsSync(join(world.folder, kind, cluster.id)), false),
    ),
    ...differs('where the log goes', commandOf(world, cluster) ?? '/bin/true', '/bin/true'),
    ...dataHostsOf(world, cluster.id).flatMap(({ token, root }) => [
      ...differs(`whether ${token} fetches log`, fetchesLog(root), false),
      ...filesOfBackups(root).map((file) => `left on ${token}: ${file}`),
    ]),
  ];
}

const shared = z.object({ postgresql: z.object({ parameters: z.object({ archive_command: z.string() }) }) });

/** As Patroni was told last; undefined: it was not told since it was made. */
function commandOf(world: World, cluster: Outcome['cluster']): string | undefined {
  const told = readIfThere(join(world.wire(networkToken(cluster)), 'patroni', cluster.id, 'config'));
  return told === null ? undefined : shared.parse(JSON.parse(told)).postgresql.parameters.archive_command;
}

const fetchesLog = (root: string): boolean =>
  readFileSync(join(root, PATRONI_CONFIG_FILE), 'utf8').includes('restore_command');

const filesOfBackups = (root: string): string[] =>
  readdirSync(join(root, 'etc'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    /own-backup|hooks\/|pgbackrest(\/|\.(crt|key)$)/.test(file),
  );
