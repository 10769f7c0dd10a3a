import type { Cloud } from '../../../activities/cloud/cloud';
import { hostToken } from '../../../activities/cloud/tokens';
import type { StepRef } from '../../../domain/clusters';
import type { NodeName } from '../../../domain/topology';
import { finish } from '../../support/inventory';
import {
  activities,
  begin,
  cluster,
  effects,
  end,
  fleet,
  hostOf,
  inActivity,
  openReplacements,
  opened,
  refusalOf,
  world,
  type Ordered,
} from './replacing';

/** The fresh host of a replacement is lost, too, before its node serves: the operation goes on with another one. */

openReplacements();

const cloud = (): Cloud => fleet.clouds.docker;
const lose = (node: NodeName): Promise<void> => cloud().deleteHost(hostToken(cluster, node));
const joins = (): number => effects().filter((effect) => effect === 'etcd lets pg-2 in').length;
const goOn = async ({ at, operation }: Ordered, node: NodeName): Promise<void> => {
  await end(at, node);
  await finish(opened.inventory, operation);
};

const STEPS: readonly (readonly [string, NodeName, (at: StepRef) => Promise<void>])[] = [
  ['joins etcd', 'pg-2', (at) => activities.joinEtcdAgain(at, 'pg-2')],
  ['starts its replica', 'pg-2', (at) => activities.startReplica(at, 'pg-2')],
  ['waits for its replica', 'pg-2', (at) => activities.waitForQuorum(at)],
  ['opens', 'gw-1', (at) => activities.openGateway(at, 'gw-1')],
];

test.each(STEPS)(
  'gone when it %s, it is made anew, and the step done with that one',
  async (_, node, step) => {
    await inActivity(async () => {
      const ordered = await begin(node);
      const { id } = hostOf(node);
      await lose(node);
      expect(await refusalOf(step(ordered.at))).toBe('HOST_UNREACHABLE');
      expect(hostOf(node)).toMatchObject({ running: true });
      expect(hostOf(node).id).not.toBe(id);
      await step(ordered.at);
      await goOn(ordered, node);
    });
  },
  60_000,
);

test.each(STEPS)(
  'off when it %s, it is switched on',
  async (_, node, step) => {
    await inActivity(async () => {
      const ordered = await begin(node);
      const { id } = hostOf(node);
      await cloud().powerOff(hostToken(cluster, node));
      expect(await refusalOf(step(ordered.at))).toBe('HOST_UNREACHABLE');
      expect(hostOf(node)).toMatchObject({ id, running: true });
      await step(ordered.at);
      await goOn(ordered, node);
    });
  },
  60_000,
);

test('one that had joined etcd joins it again with what replaces it, and no failover begins meanwhile', async () => {
  await inActivity(async () => {
    const ordered = await begin('pg-2');
    await activities.joinEtcdAgain(ordered.at, 'pg-2');
    const before = joins();
    await lose('pg-2');
    await refusalOf(activities.startReplica(ordered.at, 'pg-2'));
    expect(await fleet.inventory.failovers.begin(cluster.id, 'pg-1')).toBeNull();
    await activities.startReplica(ordered.at, 'pg-2');
    expect(joins()).toBe(before + 1);
    await goOn(ordered, 'pg-2');
  });
}, 60_000);

test('one that is lost when its replica has caught up is left to the next replacement', async () => {
  await inActivity(async () => {
    const { at, operation } = await begin('pg-2');
    await activities.joinEtcdAgain(at, 'pg-2');
    await activities.startReplica(at, 'pg-2');
    await activities.waitForQuorum(at);
    await lose('pg-2');
    await activities.tellOfBackups(at, 'pg-2');
    await activities.startExportersOn(at, 'pg-2');
    await activities.declareReplaced(at, 'pg-2');
    await finish(opened.inventory, operation);
    expect(world().host(hostToken(cluster, 'pg-2'))).toBeNull();
    const next = await begin('pg-2');
    await goOn(next, 'pg-2');
  });
}, 60_000);
