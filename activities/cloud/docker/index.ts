import type { Cloud } from '../cloud';
import { asHost, inspectHost } from './host-state';
import { createHost, deleteHost } from './hosts';
import { createLimits } from './limits';
import { createNetwork, deleteNetwork, reserveAddress } from './networks';
import { sharedByKey } from './once';
import { DEFAULT_FAILURE_DOMAINS } from './options';
import type { DockerCloudOptions } from './options';
import { createPlaces } from './places';
import { powerOff, powerOn } from './power';
import { listByTags } from './resources';
import { createVolumeKeeper } from './volume-keeper';
import { createVolumes } from './volumes';

export type { DockerCloudOptions } from './options';

const NO_FLOATING_ADDRESS =
  'Ports are published on loopback, because this machine does not reach the addresses of containers: each gateway has an endpoint of its own.';

/** The `docker` cloud: hosts are containers that boot systemd. The state is the engine's; any number of processes may share it. */
export function createDockerCloud(options: DockerCloudOptions): Cloud {
  const keeper = createVolumeKeeper(options);
  const volumes = createVolumes(options, keeper);
  const limits = createLimits(options.docker);
  const makers = { volumes, limits, places: createPlaces(options) };

  return {
    name: 'docker',
    fences: true,

    async describe() {
      const [volumeSize, resourceLimits] = await Promise.all([volumes.sizeEnforcement(), limits.enforcement()]);
      return {
        failureDomains: options.failureDomains ?? DEFAULT_FAILURE_DOMAINS,
        volumeSize,
        resourceLimits,
        floatingAddress:
          options.reach === 'direct' ? { enforced: true } : { enforced: false, reason: NO_FLOATING_ADDRESS },
      };
    },

    async createNetwork(spec) {
      const { token, cidr, controlAddress } = await createNetwork(options, spec);
      return { token, cidr, controlAddress };
    },
    deleteNetwork: (token) => deleteNetwork(options, token),
    reserveAddress: (networkToken) => reserveAddress(options, networkToken),

    createHost: sharedByKey(
      (spec) => spec.token,
      (spec) => createHost(options, makers, spec),
    ),
    deleteHost: (token) => deleteHost(options, volumes, token),
    async findHost(token) {
      const found = await inspectHost(options, token);
      return found && asHost(token, found);
    },
    powerOff: (token) => powerOff(options, token),
    powerOn: (token) => powerOn(options, volumes, token),

    listByTags: (tags) => listByTags(options, keeper, tags),
  };
}
