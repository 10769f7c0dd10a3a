import type { PayloadCodec } from '@temporalio/common';
import Docker from 'dockerode';
import type { Logger } from 'pino';
import { createDockerCloud } from '../activities/cloud/docker';
import { logCalls } from '../activities/cloud/log-calls';
import { createStaticCloud } from '../activities/cloud/static';
import { createFenceCommand } from '../activities/cloud/static/fence-command';
import { readMachineId } from '../activities/cloud/static/machine-id';
import type { Fleet } from '../activities/fleet';
import { ATTENTIVE } from '../activities/host/ssh-connect';
import { createSshPool } from '../activities/host/ssh-pool';
import type { SshPool } from '../activities/host/ssh-pool';
import type { Inventory } from '../activities/inventory/inventory';
import { createInventory } from '../activities/inventory/open';
import { proveAddress } from '../activities/postgres/proof';
import type { HistoryKeys } from '../activities/secrets/history-keys';
import { createHistoryKeys } from '../activities/secrets/history-keys';
import { openKeyring } from '../activities/secrets/keyring';
import { createPayloadCodec } from '../activities/secrets/payload-codec';
import { loadControlKey } from '../activities/secrets/ssh-keys';
import { openSchedules } from '../activities/schedules/temporal';
import type { TemporalSchedules } from '../activities/schedules/temporal';
import { createSecretStore } from '../activities/secrets/store';
import { openStorage } from '../activities/storage/open';
import { readSites } from '../activities/storage/sites-file';
import { HoldfastError } from '../domain/errors';
import type { Settings } from '../domain/schemas/settings';

/** A host that was just created, or that reboots, gets so long before a command is tried again by Temporal. */
const BOOT_MS = 30_000;

/** The fleet that this process works on, and how to let go of it. */
export interface OpenFleet extends Fleet {
  /** Of Temporal's histories. */
  readonly codec: PayloadCodec;
  readonly historyKeys: HistoryKeys;
  readonly schedules: TemporalSchedules;
  close(): Promise<void>;
}

export async function openFleet(settings: Settings, log: Logger): Promise<OpenFleet> {
  const [keyring, controlKey, sites] = await Promise.all([
    openKeyring({ home: settings.HOLDFAST_HOME, command: settings.HOLDFAST_KEY_COMMAND }),
    loadControlKey(settings.HOLDFAST_HOME),
    readSites(settings),
  ]);
  const inventory = createInventory(settings.DATABASE_URL, { logger: log });
  const storage = openStorage(sites);
  const historyKeys = createHistoryKeys(inventory.database, keyring);
  const codec = createPayloadCodec(historyKeys);
  const schedules = openSchedules({ address: settings.TEMPORAL_ADDRESS, codec });
  const pool = { controlKey: controlKey.privatePem, connectTimeoutMs: BOOT_MS, logger: log };
  const ssh = createSshPool(pool);
  const watchSsh = createSshPool({ ...pool, patience: ATTENTIVE });
  return {
    inventory,
    ssh,
    watchSsh,
    storage,
    proveAddress,
    secrets: createSecretStore(inventory.database, keyring),
    historyKeys,
    codec,
    schedules,
    clouds: await openClouds(settings, log, inventory, ssh),
    installId: settings.HOLDFAST_INSTALL_ID,
    controlPublicKey: controlKey.publicLine,
    async close() {
      ssh.close();
      watchSsh.close();
      storage.close();
      await Promise.all([schedules.close(), inventory.close()]);
    },
  };
}

async function openClouds(
  settings: Settings,
  log: Logger,
  inventory: Inventory,
  ssh: SshPool,
): Promise<Fleet['clouds']> {
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
  const machines = createStaticCloud({
    hosts: inventory.hosts,
    addresses: inventory.floatingAddresses,
    ssh,
    ownMachineId: await readMachineId(),
    fence: settings.HOLDFAST_FENCE_COMMAND === null ? null : createFenceCommand(settings.HOLDFAST_FENCE_COMMAND),
  });
  return { docker: logCalls(docker, log), static: logCalls(machines, log) };
}
