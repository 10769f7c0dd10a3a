import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { CloudHost, HostSpec } from '../cloud';
import { ask, askUnless, refused, troubleOf } from './errors';
import { hostContainer } from './host-container';
import { sshIdentity } from './identity';
import type { Limits } from './limits';
import { objectName } from './names';
import { requireNetwork } from './networks';
import type { DockerCloudOptions } from './options';
import { asHost, inspectHost, neverRan, SSH_PORT } from './host-state';
import type { Place, Places } from './places';
import { powerOn } from './power';
import type { Volume, Volumes } from './volumes';

/** Names and addresses that others hold for a moment are asked for again this often. */
const ATTEMPTS = 100;
const PAUSE_MS = 50;

export interface HostMakers {
  readonly volumes: Volumes;
  readonly limits: Limits;
  readonly places: Places;
}

/** Makes the host, or finds it, and sees to it that it runs. */
export async function createHost(options: DockerCloudOptions, makers: HostMakers, spec: HostSpec): Promise<CloudHost> {
  const { volumes } = makers;
  const volume = spec.volumeBytes === null ? null : await volumes.create(spec.token, spec.tags, spec.volumeBytes);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = await inspectHost(options, spec.token);
    if (found?.State.Running) return asHost(spec.token, found);
    try {
      if (!found) await makeHost(options, makers, spec, volume);
      // A call that made it was ended before it could start it, perhaps before it gave it its keys.
      else if (neverRan(found)) await firstStart(options, spec);
      else await powerOn(options, volumes, spec.token);
    } catch (error) {
      if (troubleOf(error) !== 'address taken' || (found && !neverRan(found))) throw error;
      // It never ran: made again, it gets another address.
      await askUnless('remove the host', ['absent'], containerOf(options, spec.token).remove({ force: true }));
    }
  }
  throw refused('create the host', `${spec.token} does not stay up, or others keep taking its address`);
}

/** Gone when this returns, also when another call had begun to remove it. */
export async function deleteHost(options: DockerCloudOptions, volumes: Volumes, token: string): Promise<void> {
  const container = containerOf(options, token);
  while (await inspectHost(options, token)) {
    const done: unknown = await askUnless(
      'delete the host',
      ['absent', 'exists'],
      container.remove({ force: true, v: true }),
    );
    // Another call removes it at this moment.
    if (done === null) await delay(PAUSE_MS);
  }
  await volumes.delete(token);
}

async function makeHost(
  options: DockerCloudOptions,
  { limits, places }: HostMakers,
  spec: HostSpec,
  volume: Volume | null,
): Promise<void> {
  const network = await requireNetwork(options, spec.networkToken);
  const [image, limit] = await Promise.all([options.image(), limits.of(spec)]);
  await places.withFreePlace(network, [SSH_PORT, ...spec.publicPorts], formerPlace(spec), async (place) => {
    const container = hostContainer(options, spec, { image, network, place, volume, limits: limit });
    const made = await askUnless('create the host', ['exists'], options.docker.createContainer(container));
    if (made) await firstStart(options, spec);
    // Another process has the name, but its container may not be seen yet.
    else await delay(PAUSE_MS);
  });
}

function formerPlace({ former, publicPorts }: HostSpec): Place | null {
  if (!former) return null;
  const { host, port } = former.ssh;
  const ports: Place['ports'] = { ...former.publicPorts, [SSH_PORT]: { host, port } };
  return publicPorts.every((one) => ports[one]) ? { address: former.privateAddress, ports } : null;
}

async function firstStart(options: DockerCloudOptions, spec: HostSpec): Promise<void> {
  const container = containerOf(options, spec.token);
  const identity = await sshIdentity(spec);
  await ask('give the host its SSH keys', container.putArchive(identity, { path: '/' }));
  await askUnless('start the host', ['unchanged'], container.start());
}

const containerOf = ({ docker, installId }: DockerCloudOptions, token: string): Docker.Container =>
  docker.getContainer(objectName(installId, token));
