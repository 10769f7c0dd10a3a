import type Docker from 'dockerode';
import type { CloudHost } from '../cloud';
import { askUnless, refused } from './errors';
import { LABEL, objectName } from './names';
import type { DockerCloudOptions } from './options';
import { placeFromLabels } from './places';

export const SSH_PORT = 22;

/** The engine's view of a host, null when there is none. */
export function inspectHost(
  { docker, installId }: DockerCloudOptions,
  token: string,
): Promise<Docker.ContainerInspectInfo | null> {
  return askUnless('find the host', ['absent'], docker.getContainer(objectName(installId, token)).inspect());
}

export function asHost(token: string, { Id, State, Config }: Docker.ContainerInspectInfo): CloudHost {
  const { address, ports } = placeFromLabels(Config.Labels);
  const { [SSH_PORT]: ssh, ...publicPorts } = ports;
  if (!ssh) throw refused('find the host', `container ${Id} says nowhere how it is reached`);
  const failureDomain = Config.Labels[LABEL.failureDomain] ?? '';
  return { id: Id, token, failureDomain, running: State.Running, privateAddress: address, ssh, publicPorts };
}
