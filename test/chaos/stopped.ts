import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { WANTS } from '../../activities/host/services';
import type { World } from '../simulation/world';
import { createSimulatedSchedules } from '../simulation/schedules';
import { differs } from './differs';
import type { Experiment, Outcome } from './experiment';
import type { Laboratory } from './laboratory';
import { hostsOf } from './switchovers';

/** True when the cluster is to be stopped afterwards: a start that is cancelled leaves it so. */
export const isStopped = ({ kind, cancelAt }: Experiment): boolean =>
  cancelAt === undefined ? kind === 'stop' : kind === 'start';

/** Of what runs PostgreSQL, or lets users in. */
const KEPT_FROM_BOOT = ['patroni', 'haproxy', 'pgbouncer', 'keepalived'];

/** What is wrong with a cluster that is to be stopped, one sentence each. */
export async function aboutStopped({ inventory }: Laboratory, world: World, { cluster }: Outcome): Promise<string[]> {
  const status = (await inventory.clusters.get(cluster.id))?.status;
  const hosts = hostsOf(world, cluster);
  const schedules = await createSimulatedSchedules(world).describe(cluster.id);
  const ready = status?.conditions.find(({ type }) => type === 'Ready');
  return [
    ...differs('the cluster', status?.state, 'stopped'),
    ...differs('its condition', [ready?.status, ready?.reason], [false, 'Stopped']),
    ...(hosts.length === 0 ? ['its hosts are gone'] : []),
    ...hosts.flatMap(({ token, running, root }) => [
      ...(running ? [`${token} still runs`] : []),
      ...KEPT_FROM_BOOT.filter((service) => existsSync(join(root, WANTS, `${service}.service`))).map(
        (service) => `${token} starts ${service} when it boots`,
      ),
    ]),
    ...schedules.filter(({ paused }) => !paused).map(({ type }) => `the schedule of ${type} is not paused`),
  ];
}
