import Docker from 'dockerode';
import type { Logger } from 'pino';
import { createDockerCloud } from '../activities/cloud/docker';
import { logCalls } from '../activities/cloud/log-calls';
import type { Fleet } from '../activities/fleet';
import { createSshPool } from '../activities/host/ssh-pool';
import { createInventory } from '../activities/inventory/open';
import { loadMasterKey } from '../activities/secrets/master-key';
import { loadControlKey } from '../activities/secrets/ssh-keys';
import { createSecretStore } from '../activities/secrets/store';
import { HoldfastError } from '../domain/errors';
import type { Settings } from '../domain/schemas/settings';

/** A host that was just created, or that reboots, gets so long before a command is tried again by Temporal. */
const BOOT_MS = 30_000;

/** The fleet that this process works on, and how to let go of it. */
export interface OpenFleet extends Fleet {
  close(): Promise<void>;
}

export async function openFleet(settings: Settings, log: Logger): Promise<OpenFleet> {
  const [masterKey, controlKey] = await Promise.all([
    loadMasterKey(settings.HOLDFAST_HOME),
    loadControlKey(settings.HOLDFAST_HOME),
  ]);
  const inventory = createInventory(settings.DATABASE_URL, { logger: log });
  const ssh = createSshPool({ controlKey: controlKey.privatePem, connectTimeoutMs: BOOT_MS, logger: log });
  const docker = createDockerCloud({
    docker: new Docker(),
    installId: settings.HOLDFAST_INSTALL_ID,
    home: settings.HOLDFAST_HOME,
    reach: settings.HOLDFAST_DOCKER_REACH,
    image: async () => {
      const image = await inventory.images.current('docker');
      if (!image) throw new HoldfastError('NOT_FOUND', { kind: 'golden image of cloud', ref: 'docker' });
      return image.reference;
    },
  });
  return {
    inventory,
    ssh,
    secrets: createSecretStore(inventory.database, masterKey),
    clouds: { docker: logCalls(docker, log) },
    installId: settings.HOLDFAST_INSTALL_ID,
    controlPublicKey: controlKey.publicLine,
    async close() {
      ssh.close();
      await inventory.close();
    },
  };
}
