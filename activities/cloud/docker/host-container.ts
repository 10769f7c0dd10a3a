import type Docker from 'dockerode';
import { CONTROL_HOSTNAME } from '../../../domain/names';
import type { HostSpec } from '../cloud';
import { LABEL, labelsOf, objectName } from './names';
import type { FoundNetwork } from './networks';
import type { DockerCloudOptions } from './options';
import { placeLabels, portBindings } from './places';
import type { Place } from './places';
import type { Volume } from './volumes';

export interface HostParts {
  readonly image: string;
  readonly network: FoundNetwork;
  readonly place: Place;
  /** The data volume, null for a host without one. */
  readonly volume: Volume | null;
  readonly limits: Docker.HostConfig;
}

/** The container of a host: a whole machine with systemd, not one process. Nothing secret may stand in here. */
export function hostContainer(
  options: DockerCloudOptions,
  spec: HostSpec,
  parts: HostParts,
): Docker.ContainerCreateOptions {
  const { place, network } = parts;
  const labels = {
    ...labelsOf(options, spec.token, spec.tags),
    ...placeLabels(place),
    [LABEL.failureDomain]: spec.failureDomain,
  };
  return {
    name: objectName(options.installId, spec.token),
    Image: parts.image,
    Hostname: spec.hostname,
    Cmd: ['/sbin/init'],
    // How systemd is told to shut down; SIGTERM would only make it re-execute itself.
    StopSignal: 'SIGRTMIN+3',
    Labels: labels,
    ExposedPorts: Object.fromEntries(Object.keys(portBindings(place)).map((port) => [port, {}])),
    HostConfig: hostConfig(options, spec, parts),
    NetworkingConfig: { EndpointsConfig: { [network.id]: { IPAMConfig: { IPv4Address: place.address } } } },
  };
}

/** What systemd needs to boot without being privileged, and what PostgreSQL needs to be at home. */
function hostConfig(
  { reach }: DockerCloudOptions,
  spec: HostSpec,
  { network, place, volume, limits }: HostParts,
): Docker.HostConfig {
  const config: Docker.HostConfig & { CgroupnsMode: 'host' } = {
    ...limits,
    NetworkMode: network.id,
    // Stores of `npm start` listen on this machine. Where containers live in a machine of their own, Docker knows the way out.
    ExtraHosts: [`${CONTROL_HOSTNAME}:${reach === 'direct' ? network.controlAddress : 'host-gateway'}`],
    PortBindings: portBindings(place),
    // After the engine's restart a host that ran runs again; one that was powered off does not.
    // Started by powerOn only, which attaches the volume first: an engine that comes up before it would fail to mount the
    // volume, count that mount all the same, and refuse for ever to delete it.
    RestartPolicy: { Name: 'no' },
    CapAdd: ['SYS_ADMIN', 'NET_ADMIN'],
    SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined'],
    // With a cgroup namespace of its own journald fails under engines that live in a cgroup of their own.
    CgroupnsMode: 'host',
    Tmpfs: { '/run': '', '/run/lock': '', '/tmp': '' },
    // PostgreSQL's parallel queries share memory there; Docker's 64 MiB are soon used up.
    ShmSize: Math.floor(spec.memoryBytes / 2),
    Binds: [
      '/sys/fs/cgroup:/sys/fs/cgroup:rw',
      ...(volume === null ? [] : [`${volume.name}:/var/lib/postgresql${volume.sized ? ':nocopy' : ''}`]),
    ],
  };
  return config;
}
