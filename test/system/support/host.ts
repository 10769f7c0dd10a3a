import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { pino } from 'pino';
import type { Cloud, CloudHost } from '../../../activities/cloud/cloud';
import { createDockerCloud } from '../../../activities/cloud/docker';
import { removeEverything } from '../../../activities/cloud/docker/installation';
import type { Host } from '../../../activities/host/host';
import { sh } from '../../../activities/host/shell';
import { createSshPool } from '../../../activities/host/ssh-pool';
import { makeHostKey } from '../../../activities/secrets/ssh-keys';
import type { SshKey } from '../../../activities/secrets/ssh-keys';
import { connectEngine, goldenImage } from './engine';

const MIB = 1024 ** 2;

/** A real host of a cloud of this test file's own. */
export interface TestHost {
  readonly cloud: Cloud;
  readonly host: CloudHost;
  readonly hostKey: SshKey;
  readonly controlKey: SshKey;
  /** Takes the host away and makes it anew at the same address, with another key. */
  remake(hostKey: SshKey): Promise<CloudHost>;
  end(): Promise<void>;
}

export async function createTestHost(): Promise<TestHost> {
  const options = {
    docker: connectEngine(),
    installId: `test-${randomBytes(6).toString('hex')}`,
    home: tmpdir(),
    reach: 'direct',
    image: goldenImage,
  } as const;
  const cloud = createDockerCloud(options);
  const tags = { 'holdfast.cluster': 'clu_test' };
  const [hostKey, controlKey] = [makeHostKey(), makeHostKey('control')];
  const create = (key: SshKey): Promise<CloudHost> =>
    cloud.createHost({
      token: 'test/gw-1',
      tags,
      networkToken: 'test/network',
      hostname: 'gw-1',
      failureDomain: 'local-a',
      memoryBytes: 512 * MIB,
      cpus: 1,
      volumeBytes: null,
      publicPorts: [],
      hostKey: key,
      authorizedKey: controlKey.publicLine,
    });
  await cloud.createNetwork({ token: 'test/network', tags });
  const host = await create(hostKey);
  return {
    cloud,
    host,
    hostKey,
    controlKey,
    remake: async (key) => {
      await cloud.deleteHost(host.token);
      return create(key);
    },
    end: () => removeEverything(options),
  };
}

/** A host that has booted, entered as the control plane enters it. */
export interface EnteredHost {
  readonly host: Host;
  /** As another process of the control plane has it, with a connection of its own. */
  fromElsewhere(): { readonly host: Host; disconnect(): void };
  end(): Promise<void>;
}

export async function enterTestHost(): Promise<EnteredHost> {
  const made = await createTestHost();
  const { host: machine, hostKey, controlKey } = made;
  const connect = (): ReturnType<EnteredHost['fromElsewhere']> => {
    const pool = createSshPool({ controlKey: controlKey.privatePem, logger: pino({ level: 'silent' }) });
    const target = { label: 'orders/pg-1', ssh: machine.ssh, hostKey: hostKey.publicLine };
    return { host: pool.host(target), disconnect: () => pool.close() };
  };
  const here = connect();
  // It says `degraded` where the engine does not let it do all, and is up all the same.
  await here.host.run(sh`sh -c ${'systemctl is-system-running --wait || :'}`, { connectTimeoutMs: 30_000 });
  return {
    host: here.host,
    fromElsewhere: connect,
    end: async () => {
      here.disconnect();
      await made.end();
    },
  };
}
