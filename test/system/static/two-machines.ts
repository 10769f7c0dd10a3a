import { pino } from 'pino';
import type { MachinePool } from '../../../activities/cloud/cloud';
import { createStaticCloud } from '../../../activities/cloud/static';
import { createSshPool } from '../../../activities/host/ssh-pool';
import type { SshPool } from '../../../activities/host/ssh-pool';
import { makeHostKey } from '../../../activities/secrets/ssh-keys';
import type { RegisteredHost } from '../../../domain/hosts';
import { newId, openScratchInventory } from '../../support/inventory';
import type { ScratchInventory } from '../../support/inventory';
import { makeMachines } from './machines';
import type { Machine, Machines } from './machines';

/** Two machines, and an inventory of their own in which they can be registered, rightly or wrongly. */
export interface TwoMachines {
  readonly scratch: ScratchInventory;
  readonly machines: Machines;
  readonly first: Machine;
  readonly second: Machine;
  /** @param ownMachineId what the control plane takes for its own machine. */
  pool(ownMachineId?: string): MachinePool;
  register(machine: Machine, change?: Change): Promise<RegisteredHost>;
  /** No machine is registered and no connection is open, which would prove that one gets in. */
  beginAnew(): Promise<void>;
  end(): Promise<void>;
}

/** What is registered other than it is. */
export type Change = Partial<Pick<RegisteredHost, 'hostKey' | 'size' | 'name'>> & {
  readonly ssh?: Partial<RegisteredHost['ssh']>;
};

export const GIB = 1024 ** 3;

export async function openTwoMachines(): Promise<TwoMachines> {
  const controlKey = makeHostKey('control');
  const [scratch, machines] = await Promise.all([openScratchInventory(), makeMachines(2, controlKey.publicLine)]);
  const [first, second] = machines.all;
  if (!first || !second) throw new Error('two machines');
  // What is broken here on purpose looks like an attack to sshd, which would soon refuse every connection for a while.
  const patient = `echo 'PerSourcePenalties no' >/etc/ssh/sshd_config.d/test.conf; systemctl reload ssh`;
  for (const one of machines.all) one.run(patient);
  const connect = (): SshPool =>
    createSshPool({ controlKey: controlKey.privatePem, logger: pino({ level: 'silent' }) });
  let ssh = connect();
  const { hosts, floatingAddresses: addresses } = scratch.inventory;
  return {
    scratch,
    machines,
    first,
    second,
    pool(ownMachineId) {
      const { machines: pool } = createStaticCloud({
        ...{ hosts, addresses, ssh, fence: null },
        ownMachineId: ownMachineId ?? null,
      });
      if (!pool) throw new Error('the cloud static has machines');
      return pool;
    },
    register: (machine, change) => register(scratch, machine, change),
    async beginAnew() {
      ssh.close();
      ssh = connect();
      await scratch.scratch.query('delete from hosts');
    },
    async end() {
      ssh.close();
      await machines.end();
      await scratch.close();
    },
  };
}

function register(
  { inventory, project }: ScratchInventory,
  { name, address, user, fingerprint }: Machine,
  change: Change = {},
): Promise<RegisteredHost> {
  return inventory.hosts.register({
    id: newId('host'),
    projectId: project,
    name,
    hostKey: fingerprint,
    zone: 'default',
    size: { memoryBytes: GIB, cpus: 1, storageBytes: GIB },
    ...change,
    ssh: { host: address, port: 22, user, ...change.ssh },
  });
}

/** Runs `act` while the machine is broken, and mends it. */
export async function whileBroken<T>(
  machine: Machine,
  breaking: string,
  mending: string,
  act: () => Promise<T>,
): Promise<T> {
  machine.run(breaking);
  try {
    return await act();
  } finally {
    machine.run(mending);
  }
}
