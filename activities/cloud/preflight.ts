import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { HostCheck } from '../../domain/hosts';
import type { HostId } from '../../domain/ids';
import type { Fleet } from '../fleet';
import { viewCluster } from '../fleet';
import type { Obstacle } from './cloud';
import { tagsOf } from './tokens';

/** A look at what an operation is going to work with, before anything is changed. */
export interface PreflightActivities {
  /**
   * Looks whether the cloud can do what is about to be asked of it: where machines are not made but had, all of them are
   * looked at before the first one is changed. Looks, changes nothing. Retry: `remote`.
   * @throws PREFLIGHT_FAILED with everything that is in the way.
   */
  checkCloud(at: StepRef): Promise<void>;
  /** Everything that a preflight looks at on one machine that was registered. Changes nothing. @throws NOT_FOUND. */
  checkHost(id: HostId): Promise<readonly HostCheck[]>;
}

export function createPreflightActivities(fleet: Fleet): PreflightActivities {
  return {
    async checkCloud(at) {
      const { cluster, cloud } = await viewCluster(fleet, at.clusterId);
      const obstacles = (await cloud.machines?.preflight(tagsOf(cluster))) ?? [];
      if (obstacles.length > 0)
        throw new HoldfastError('PREFLIGHT_FAILED', { problems: obstacles.map(tell).join(' ') });
    },

    async checkHost(id) {
      const [host, { machines }] = [await fleet.inventory.hosts.get(id), fleet.clouds.static];
      if (!host || !machines) throw new HoldfastError('NOT_FOUND', { kind: 'host', ref: id });
      return machines.check(host);
    },
  };
}

/** What is in the way and what to do, as a part of an error. */
const tell = ({ host, message, remedy }: Obstacle): string =>
  `${host === null ? '' : `${host}: `}${message} ${remedy ?? ''}`.trim();
