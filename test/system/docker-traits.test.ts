import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { HostSpec } from '../../activities/cloud/cloud';
import { createDockerCloud } from '../../activities/cloud/docker';
import type { DockerCloudOptions } from '../../activities/cloud/docker';
import { createHost } from '../../activities/cloud/docker/hosts';
import { removeEverything } from '../../activities/cloud/docker/installation';
import { createLimits } from '../../activities/cloud/docker/limits';
import { createPlaces } from '../../activities/cloud/docker/places';
import { createVolumeKeeper } from '../../activities/cloud/docker/volume-keeper';
import { createVolumes } from '../../activities/cloud/docker/volumes';
import { makeHostKey } from '../../activities/secrets/ssh-keys';
import { HoldfastError } from '../../domain/errors';
import { connectEngine, goldenImage } from './support/engine';
import { sshWhenUp } from './support/ssh';

/** What the docker cloud makes of engines that can do less, and what it says about it. */

jest.setTimeout(120_000);

const docker = connectEngine();
const options: DockerCloudOptions = {
  docker,
  installId: `test-${randomBytes(6).toString('hex')}`,
  home: mkdtempSync(join(tmpdir(), 'holdfast-test-')),
  reach: 'direct',
  image: goldenImage,
};
const cloud = createDockerCloud(options);
const keeper = createVolumeKeeper(options);

afterAll(async () => {
  await removeEverything(options);
  rmSync(options.home, { recursive: true });
});

test('it says of itself what the engine can, and which failure domains it was told', async () => {
  const traits = await createDockerCloud({ ...options, failureDomains: ['only'] }).describe();
  expect(traits.failureDomains).toEqual(['only']);
  expect(traits.floatingAddress).toEqual({ enforced: true });
  const { MemoryLimit, CpuCfsQuota } = z
    .object({ MemoryLimit: z.boolean(), CpuCfsQuota: z.boolean() })
    .parse(await docker.info());
  expect(traits.resourceLimits.enforced).toBe(MemoryLimit && CpuCfsQuota);
  const published = await createDockerCloud({ ...options, reach: 'published' }).describe();
  expect(published.floatingAddress).toMatchObject({
    enforced: false,
    reason: expect.stringMatching(/loopback/) as string,
  });
});

describe('where the machine has no loop devices', () => {
  let has = false;
  const reason = new HoldfastError('CLOUD_REFUSED', { cloud: 'docker', verb: 'probe a volume', detail: 'no loops' });
  // All other verbs go to the real keeper.
  const volumes = createVolumes(options, {
    ...keeper,
    run: (verb, ...words) => (verb === 'probe' && !has ? Promise.reject(reason) : keeper.run(verb, ...words)),
  });
  const [hostKey, clientKey] = [makeHostKey(), makeHostKey()];
  const plain: HostSpec = {
    token: 'clu_plain/pg-1',
    tags: { 'holdfast.cluster': 'clu_plain' },
    networkToken: 'clu_plain/network',
    hostname: 'pg-1',
    failureDomain: 'local-a',
    memoryBytes: 256 * 1024 ** 2,
    cpus: 0.5,
    volumeBytes: 400 * 1024 ** 2,
    publicPorts: [],
    hostKey,
    authorizedKey: clientKey.publicLine,
  };
  beforeAll(() => cloud.createNetwork({ token: plain.networkToken, tags: {} }));
  const makers = { volumes, limits: createLimits(docker), places: createPlaces(options) };

  test('a host has a plain volume that postgres owns, and its size is said not to hold, with the reason', async () => {
    expect(await volumes.sizeEnforcement()).toEqual({
      enforced: false,
      reason: expect.stringContaining('no loops') as string,
    });
    const host = await createHost(options, makers, plain);
    const at = { at: host.ssh, hostKey, clientKey };
    expect((await sshWhenUp(at, 'stat -c %U /var/lib/postgresql')).trim()).toBe('postgres');
    const kinds = (await cloud.listByTags(plain.tags)).map(({ kind }) => kind).sort();
    expect(kinds).toEqual(['host', 'volume']);
  });

  test('loop devices that come later are used, but not for a volume that is there', async () => {
    if (!(await cloud.describe()).volumeSize.enforced) return;
    has = true;
    expect(await volumes.sizeEnforcement()).toEqual({ enforced: true });
    expect(await volumes.create(plain.token, plain.tags, 400 * 1024 ** 2)).toMatchObject({ sized: false });
    await cloud.deleteHost(plain.token);
    expect(await cloud.listByTags(plain.tags)).toEqual([]);
  });
});
