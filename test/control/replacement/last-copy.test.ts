import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Cloud } from '../../../activities/cloud/cloud';
import { hostToken, networkToken } from '../../../activities/cloud/tokens';
import type { NodeName } from '../../../domain/topology';
import { lead } from '../../chaos/replacements';
import { eventually } from '../../support/eventually';
import { finish } from '../../support/inventory';
import {
  activities,
  approach,
  cluster,
  end,
  fleet,
  hostOf,
  inActivity,
  isUp,
  openReplacements,
  opened,
  order,
  powerOn,
  refusalOf,
  world,
  type Ordered,
} from './replacing';

/** Before a replacement deletes a volume the other data nodes have what it has. */

openReplacements();

describe('the copy of a former host that is off', () => {
  const cloud = (): Cloud => fleet.clouds.docker;
  const behind = (node: NodeName): string =>
    join(world().wire(networkToken(cluster)), 'patroni', cluster.id, 'behind', node);
  const fallBehind = (node: NodeName): void => {
    mkdirSync(dirname(behind(node)), { recursive: true });
    writeFileSync(behind(node), '');
  };
  const fenced = async (node: NodeName): Promise<Ordered> => {
    const ordered = await approach(node);
    await activities.fenceHost(ordered.at, node);
    return ordered;
  };
  const isThere = (node: NodeName): boolean => world().host(hostToken(cluster, node)) !== null;
  const finishIt = async ({ at, operation }: Ordered, node: NodeName): Promise<void> => {
    await activities.leaveEtcd(at, node);
    await activities.deleteFormerHost(at, node);
    await activities.createHost(at, node);
    await end(at, node);
    await finish(opened.inventory, operation);
  };
  afterEach(() => rmSync(dirname(behind('pg-3')), { recursive: true, force: true }));

  test('one that runs is not given up while the other standby is behind', async () => {
    await inActivity(async () => {
      fallBehind('pg-3');
      const { at, operation } = await order('pg-2', 'user');
      expect([await refusalOf(activities.checkOthers(at, 'pg-2')), hostOf('pg-2').running]).toEqual([
        'NO_QUORUM_LEFT',
        true,
      ]);
      await finish(opened.inventory, operation);
    });
  });

  test('it is kept until the other standby has all of it', async () => {
    await inActivity(async () => {
      const ordered = await fenced('pg-2');
      fallBehind('pg-3');
      expect(await refusalOf(activities.leaveEtcd(ordered.at, 'pg-2'))).toBe('NOT_YET');
      rmSync(behind('pg-3'));
      await activities.leaveEtcd(ordered.at, 'pg-2');
      fallBehind('pg-3');
      expect([await refusalOf(activities.deleteFormerHost(ordered.at, 'pg-2')), isThere('pg-2')]).toEqual([
        'NOT_YET',
        true,
      ]);
      rmSync(behind('pg-3'));
      await finishIt(ordered, 'pg-2');
    });
  });

  test('with one that is gone it is lost, and nobody waits', async () => {
    await inActivity(async () => {
      const ordered = await fenced('pg-2');
      await cloud().deleteHost(hostToken(cluster, 'pg-2'));
      fallBehind('pg-3');
      await activities.leaveEtcd(ordered.at, 'pg-2');
      await activities.deleteFormerHost(ordered.at, 'pg-2');
      rmSync(behind('pg-3'));
      await finishIt(ordered, 'pg-2');
    });
  });

  test('where none of the others is the primary its host is on again, until they can do without it', async () => {
    await inActivity(async () => {
      const ordered = await fenced('pg-2');
      lead(world(), cluster, 'gw-1');
      expect([await refusalOf(activities.leaveEtcd(ordered.at, 'pg-2')), hostOf('pg-2').running]).toEqual([
        'NOT_YET',
        true,
      ]);
      await eventually(() => Promise.resolve(isUp('pg-2')));
      lead(world(), cluster, 'pg-1');
      await activities.leaveEtcd(ordered.at, 'pg-2');
      expect(hostOf('pg-2').running).toBe(false);
      await finishIt(ordered, 'pg-2');
    });
  }, 120_000);

  test('where another one is lost meanwhile its host is on again, until that one is back', async () => {
    await inActivity(async () => {
      const ordered = await fenced('pg-2');
      fallBehind('pg-3');
      expect([await refusalOf(activities.leaveEtcd(ordered.at, 'pg-2')), hostOf('pg-2').running]).toEqual([
        'NOT_YET',
        false,
      ]);
      await cloud().powerOff(hostToken(cluster, 'pg-3'));
      expect([await refusalOf(activities.leaveEtcd(ordered.at, 'pg-2')), hostOf('pg-2').running]).toEqual([
        'NOT_YET',
        true,
      ]);
      await powerOn('pg-3');
      rmSync(behind('pg-3'));
      await activities.leaveEtcd(ordered.at, 'pg-2');
      expect(hostOf('pg-2').running).toBe(false);
      await finishIt(ordered, 'pg-2');
    });
  }, 120_000);

  test('where it has become the primary itself it hands over, then it is deleted', async () => {
    await inActivity(async () => {
      const ordered = await fenced('pg-2');
      await powerOn('pg-2');
      lead(world(), cluster, 'pg-2');
      // Nobody follows it yet.
      for (const node of ['pg-1', 'pg-3'] as const) fallBehind(node);
      expect([await refusalOf(activities.leaveEtcd(ordered.at, 'pg-2')), hostOf('pg-2').running]).toEqual([
        'NOT_YET',
        true,
      ]);
      rmSync(dirname(behind('pg-3')), { recursive: true });
      await activities.leaveEtcd(ordered.at, 'pg-2');
      expect(hostOf('pg-2').running).toBe(false);
      await finishIt(ordered, 'pg-2');
      lead(world(), cluster, 'pg-1');
    });
  });
});
