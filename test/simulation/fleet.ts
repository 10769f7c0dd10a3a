import type { PayloadCodec } from '@temporalio/common';
import { createInventory } from '../../activities/inventory/open';
import type { OpenInventory } from '../../activities/inventory/open';
import { createStaticCloud } from '../../activities/cloud/static';
import type { Fleet } from '../../activities/fleet';
import { createHistoryKeys } from '../../activities/secrets/history-keys';
import { openKeyring } from '../../activities/secrets/keyring';
import { createPayloadCodec } from '../../activities/secrets/payload-codec';
import { loadControlKey } from '../../activities/secrets/ssh-keys';
import { createSecretStore } from '../../activities/secrets/store';
import { createSimulatedCloud } from './cloud';
import { createSimulatedHosts } from './hosts';
import { createSimulatedProof } from './proof';
import { createSimulatedSchedules } from './schedules';
import { createSimulatedStorage } from './storage';
import { withTrouble } from './trouble';
import { openWorld } from './world';

/**
 * The fleet of a world: real inventory and secrets, a simulated cloud `docker`, and the real cloud `static` on machines that
 * are simulated (machines.ts).
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
  const ssh = createSimulatedHosts(world, controlKey.privatePem);
  const machines = createStaticCloud({
    hosts: inventory.hosts,
    addresses: inventory.floatingAddresses,
    ssh,
    ownMachineId: null,
    fence: null,
    answers: ({ host }) => Promise.resolve(world.hostAt(host)?.running === true),
  });
  return {
    inventory,
    codec: createPayloadCodec(createHistoryKeys(inventory.database, keyring)),
    secrets: createSecretStore(inventory.database, keyring),
    clouds: {
      docker: withTrouble(createSimulatedCloud(world, 'docker'), world),
      static: withTrouble(machines, world),
    },
    ssh,
    watchSsh: ssh,
    storage: createSimulatedStorage(world),
    schedules: createSimulatedSchedules(world),
    proveAddress: createSimulatedProof(world),
    installId: 'simulated',
    controlPublicKey: controlKey.publicLine,
  };
}
