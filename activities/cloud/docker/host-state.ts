import type Docker from 'dockerode';
import type { CloudHost } from '../cloud';
import { askUnless, refused } from './errors';
import { LABEL, objectName } from './names';
import type { DockerCloudOptions } from './options';
import { placeFromLabels } from './places';

export const SSH_PORT = 22;

/** The engine's word for the state of a container that was never started with success. */
export const NEVER_RAN = 'created';

/** The engine's view of a host, null when there is none. */
export function inspectHost(
  { docker, installId }: DockerCloudOptions,
  token: string,
): Promise<Docker.ContainerInspectInfo | null> {
  return askUnless('find the host', ['absent'], docker.getContainer(objectName(installId, token)).inspect());
}

/**
 * True between the creation of a host and its first start. It may have no SSH keys yet: whoever started it then would
 * have a host without sshd, for ever, because one that runs counts as made.
 */
export const neverRan = ({ State }: Docker.ContainerInspectInfo): boolean => State.Status === NEVER_RAN;

export function asHost(token: string, { Id, State, Config }: Docker.ContainerInspectInfo): CloudHost {
  const { address, ports } = placeFromLabels(Config.Labels);
  const { [SSH_PORT]: ssh, ...publicPorts } = ports;
  if (!ssh) throw refused('find the host', `container ${Id} says nowhere how it is reached`);
  const failureDomain = Config.Labels[LABEL.failureDomain] ?? '';
  return { id: Id, token, failureDomain, running: State.Running, privateAddress: address, ssh, publicPorts };
}
