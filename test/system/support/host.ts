import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import type { Cloud, CloudHost } from '../../../activities/cloud/cloud';
import { createDockerCloud } from '../../../activities/cloud/docker';
import { removeEverything } from '../../../activities/cloud/docker/installation';
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
