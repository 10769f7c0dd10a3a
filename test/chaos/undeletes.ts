import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CA_FILE } from '../../activities/host/tls-paths';
import { openKeyring } from '../../activities/secrets/keyring';
import { createSecretStore } from '../../activities/secrets/store';
import { SECRET_NAMES } from '../../activities/secrets/stored-secrets';
import type { World } from '../simulation/world';
import { readIfThere } from '../simulation/files';
import { differs } from './differs';
import type { OrderedCluster } from './experiment';
import { prefixOf } from './experiment';
import type { Laboratory } from './laboratory';

/** What users know a cluster by: they notice nothing of a deletion when it is the same before and after. */
export interface Identity {
  readonly address: string | null;
  readonly authority: string;
  readonly password: string;
}

export async function identityOf(
  { inventory, folder }: Laboratory,
  world: World,
  { id: clusterId, projectId, spec }: OrderedCluster,
): Promise<Identity> {
  const keyring = await openKeyring({ home: join(folder, 'home'), command: null });
  const secrets = createSecretStore(inventory.database, keyring);
  const network = await inventory.clusters.getNetwork(clusterId);
  return {
    address: network?.floatingAddress ?? null,
    authority: readFileSync(join(rootOf(world, clusterId), CA_FILE), 'utf8'),
    password: await secrets.read({ projectId, clusterId, name: SECRET_NAMES.role(spec.owner) }),
  };
}

/** What is wrong with a cluster that came back, one sentence each. */
export async function aboutUndelete(
  laboratory: Laboratory,
  world: World,
  cluster: OrderedCluster,
  before: Identity,
): Promise<string[]> {
  const now = await identityOf(laboratory, world, cluster);
  const label = readIfThere(join(rootOf(world, cluster.id), 'var/lib/postgresql/18/main/label'))?.trim();
  return [
    ...differs('its data', label, 'restored'),
    ...differs('its address', now.address, before.address),
    // Not in the message: they are secrets of a world, but who knows.
    ...(now.authority === before.authority ? [] : ['it has another authority']),
    ...(now.password === before.password ? [] : ['it has another password']),
  ];
}

function rootOf(world: World, clusterId: OrderedCluster['id']): string {
  const token = world.hostTokens().find((one) => one.startsWith(prefixOf(clusterId)) && one.endsWith('pg-1'));
  const host = token === undefined ? null : world.host(token);
  if (!host) throw new Error('a cluster without a data node');
  return host.root;
}
