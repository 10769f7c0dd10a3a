import type { PayloadCodec } from '@temporalio/common';
import { createInventory } from '../../activities/inventory/open';
import type { OpenInventory } from '../../activities/inventory/open';
import type { Cloud } from '../../activities/cloud/cloud';
import type { Fleet } from '../../activities/fleet';
import { createHistoryKeys } from '../../activities/secrets/history-keys';
import { openKeyring } from '../../activities/secrets/keyring';
import { createPayloadCodec } from '../../activities/secrets/payload-codec';
import { loadControlKey } from '../../activities/secrets/ssh-keys';
import { createSecretStore } from '../../activities/secrets/store';
import { CLOUDS } from '../../domain/clusters';
import type { CloudName } from '../../domain/clusters';
import { createSimulatedCloud } from './cloud';
import { createSimulatedHosts } from './hosts';
import { createSimulatedProof } from './proof';
import { withTrouble } from './trouble';
import { openWorld } from './world';

/**
 * The fleet of a world: real inventory and secrets, simulated clouds and hosts.
 *
 * @param home of the installation, with its keys: all that share an inventory share it.
 */
export async function openSimulatedFleet(
  folder: string,
  home: string,
  databaseUrl: string,
): Promise<Fleet & { readonly inventory: OpenInventory; readonly codec: PayloadCodec }> {
  const world = openWorld(folder);
  const [keyring, controlKey] = await Promise.all([openKeyring({ home, command: null }), loadControlKey(home)]);
  const inventory = createInventory(databaseUrl);
  const clouds = CLOUDS.map((name) => [name, withTrouble(createSimulatedCloud(world, name), world)]);
  return {
    inventory,
    codec: createPayloadCodec(createHistoryKeys(inventory.database, keyring)),
    secrets: createSecretStore(inventory.database, keyring),
    // Object.fromEntries forgets which keys there are.
    clouds: Object.fromEntries(clouds) as Record<CloudName, Cloud>,
    ssh: createSimulatedHosts(world, controlKey.privatePem),
    proveAddress: createSimulatedProof(world),
    installId: 'simulated',
    controlPublicKey: controlKey.publicLine,
  };
}
