import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostSpec } from '../../activities/cloud/cloud';
import { HoldfastError } from '../../domain/errors';
import { sh } from '../../activities/host/shell';
import { makeHostKey } from '../../activities/secrets/ssh-keys';
import { describeCloudContract } from '../system/cloud-contract';
import type { Wire } from '../system/cloud-contract';
import type { HostUnderTest } from '../system/host-contract';
import { describeHostContract } from '../system/host-contract';
import { describeJobsContract } from '../system/jobs-contract';
import { describeSchedulesContract } from '../system/schedules-contract';
import { describeStorageContract } from '../system/storage-contract';
import { createSimulatedCloud } from '../simulation/cloud';
import { createSimulatedHosts } from '../simulation/hosts';
import { MACHINE_USER, placeMachines } from '../simulation/machines';
import { createSimulatedSchedules } from '../simulation/schedules';
import { createSimulatedStorage } from '../simulation/storage';
import { openWorld } from '../simulation/world';
import type { World } from '../simulation/world';

/** The simulation holds to what the real clouds and hosts hold to, so that what is proven on it means something. */

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'holdfast-world-'));
const end = (folder: string): Promise<void> => Promise.resolve(rmSync(folder, { recursive: true }));

describeCloudContract(
  'the simulated cloud',
  () => {
    const folder = newFolder();
    const [cloud, otherProcess] = [openWorld(folder), openWorld(folder)].map((world) =>
      createSimulatedCloud(world, 'docker'),
    );
    if (!cloud || !otherProcess) throw new Error('two of two');
    return Promise.resolve({ cloud, otherProcess, wire: wireOf(openWorld(folder)), end: () => end(folder) });
  },
  { hasPackets: false },
);

describeStorageContract('simulated stores', () => {
  const folder = newFolder();
  const storage = createSimulatedStorage(openWorld(folder));
  const otherProcess = createSimulatedStorage(openWorld(folder));
  return Promise.resolve({ storage, otherProcess, end: () => end(folder) });
});

describeSchedulesContract('simulated schedules', () => {
  const folder = newFolder();
  const schedules = createSimulatedSchedules(openWorld(folder));
  const otherProcess = createSimulatedSchedules(openWorld(folder));
  return Promise.resolve({ schedules, otherProcess, end: () => end(folder) });
});

describeHostContract('a simulated host', makeHost);
describeJobsContract('a simulated host', makeHost);
describeHostContract('a simulated machine, by way of sudo', makeMachine);

/** Speaks of refusals as ssh does. */
function wireOf(world: World): Wire {
  return {
    async shell({ at, hostKey, clientKey }, command) {
      const target = { label: 'host', ssh: at, hostKey: hostKey.publicLine };
      try {
        return await createSimulatedHosts(world, clientKey.privatePem)
          .host(target)
          .run(sh`sh -c ${`exec 2>&1; ${command}; exit 0`}`);
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        if (error.code === 'HOST_KEY_MISMATCH') throw new Error('verification failed', { cause: error });
        throw new Error(`authentication methods failed: ${error.message}`, { cause: error });
      }
    },
    answers: ({ host }) => Promise.resolve(world.hostAt(host)?.running ?? false),
  };
}

async function makeMachine(): Promise<HostUnderTest> {
  const folder = newFolder();
  const world = openWorld(folder);
  const controlKey = makeHostKey('control');
  const [machine] = await placeMachines(world, { count: 1, block: 0, authorizedKey: controlKey.publicLine });
  if (!machine) throw new Error('one of one');
  const ssh = { host: machine.privateAddress, port: 22, user: MACHINE_USER };
  return {
    target: { label: 'orders/gw-1', ssh, hostKey: machine.hostKey },
    openPool: (key = controlKey.privatePem) => createSimulatedHosts(world, key),
    end: () => end(folder),
  };
}

async function makeHost(): Promise<HostUnderTest> {
  const folder = newFolder();
  const world = openWorld(folder);
  const cloud = createSimulatedCloud(world, 'docker');
  const [hostKey, controlKey] = [makeHostKey(), makeHostKey('control')];
  const spec: HostSpec = {
    token: 'test/gw-1',
    tags: {},
    networkToken: 'test/network',
    hostname: 'gw-1',
    failureDomain: 'here',
    memoryBytes: 1024 ** 2,
    cpus: 1,
    volumeBytes: null,
    publicPorts: [],
    hostKey,
    authorizedKey: controlKey.publicLine,
  };
  await cloud.createNetwork({ token: spec.networkToken, tags: {} });
  const { ssh } = await cloud.createHost(spec);
  return {
    target: { label: 'orders/gw-1', ssh, hostKey: hostKey.publicLine },
    openPool: (key = controlKey.privatePem) => createSimulatedHosts(world, key),
    end: async () => {
      await cloud.deleteHost(spec.token);
      await end(folder);
    },
  };
}
