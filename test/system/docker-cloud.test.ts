import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { createDockerCloud } from '../../activities/cloud/docker';
import type { DockerCloudOptions } from '../../activities/cloud/docker';
import { listInstallations, removeEverything, startAllHosts } from '../../activities/cloud/docker/installation';
import { describeCloudContract } from './cloud-contract';
import { connectEngine, goldenImage } from './support/engine';

jest.setTimeout(120_000);

const docker = connectEngine();
const makeOptions = (reach: DockerCloudOptions['reach']): DockerCloudOptions => ({
  docker,
  installId: `test-${randomBytes(6).toString('hex')}`,
  home: tmpdir(),
  reach,
  image: goldenImage,
});

for (const reach of ['direct', 'published'] as const) {
  describeCloudContract(`docker, hosts reached ${reach === 'direct' ? 'directly' : 'by published ports'}`, () => {
    const options = makeOptions(reach);
    return Promise.resolve({
      cloud: createDockerCloud(options),
      otherProcess: createDockerCloud(options),
      end: () => removeEverything(options),
    });
  });
}
