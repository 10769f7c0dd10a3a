import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import type { Cloud } from '../../../activities/cloud/cloud';
import { hostToken, networkToken } from '../../../activities/cloud/tokens';
import { certificateFile } from '../../../activities/host/tls-paths';
import type { StepRef } from '../../../domain/clusters';
import type { OperationCause } from '../../../domain/operations';
import { lead } from '../../chaos/replacements';
import { DATA, GATEWAYS } from '../../simulation/provision';
import { finish } from '../../support/inventory';
import {
  activities,
  approach,
  begin,
  cluster,
  effects,
  end,
  fileOn,
  fleet,
  hostOf,
  inActivity,
  isData,
  openReplacements,
  opened,
  order,
  powerOn,
  refusalOf,
  testify,
  world,
} from './replacing';

/** What replacements do to simulated hosts, step by step. With crashes in between: test/chaos/replace-matrix.test.ts. */

openReplacements();

test.each(['pg-3', 'gw-1'] as const)(
  '%s has a fresh host at the same address, and nobody is told anything',
  async (node) => {
    await inActivity(async () => {
      const former = hostOf(node);
      const others = [...DATA, ...GATEWAYS].filter((one) => one !== node).map((one) => hostOf(one).id);
      const before = effects().length;
      const { at, operation } = await begin(node);
      await end(at, node);
      await finish(opened.inventory, operation);
      expect(hostOf(node).id).not.toBe(former.id);
      expect(hostOf(node).privateAddress).toBe(former.privateAddress);
      expect(hostOf(node).hostKey).not.toBe(former.hostKey);
      expect([...DATA, ...GATEWAYS].filter((one) => one !== node).map((one) => hostOf(one).id)).toEqual(others);
      const elsewhere = effects()
        .slice(before)
        .filter((effect) => !effect.includes(node));
      expect(elsewhere).toEqual([]);
      const { status } = (await opened.inventory.clusters.get(cluster.id)) ?? {};
      expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'NodesServe', reason: 'Replaced' }));
    });
  },
);

test('what is done to the former host once more, by a worker that comes late, leaves the fresh one alone', async () => {
  await inActivity(async () => {
    const { at, operation } = await begin('pg-2');
    const fresh = hostOf('pg-2').id;
    await activities.fenceHost(at, 'pg-2');
    await activities.deleteFormerHost(at, 'pg-2');
    expect([hostOf('pg-2').id, hostOf('pg-2').running]).toEqual([fresh, true]);
    await activities.joinEtcdAgain(at, 'pg-2');
    await activities.leaveEtcd(at, 'pg-2');
    await activities.joinEtcdAgain(at, 'pg-2');
    await end(at, 'pg-2');
    await finish(opened.inventory, operation);
    expect(effects().filter((effect) => effect === 'etcd lets pg-2 in')).toHaveLength(1);
  });
});

test.each(['pg-3', 'gw-2'] as const)(
  'where %s has another address, the others are told, and its certificate has it',
  async (node) => {
    await inActivity(async () => {
      const { privateAddress: old } = hostOf(node);
      const base = Number(world().network(networkToken(cluster))?.controlAddress.split('.')[3]) - 1;
      const place = join(world().wire(networkToken(cluster)), 'addresses', String(Number(old.split('.')[3]) - base));
      const before = effects().length;
      const { at, operation } = await begin(node, () => writeFileSync(place, 'somebody else'));
      await end(at, node);
      await finish(opened.inventory, operation);
      const { privateAddress: address } = hostOf(node);
      expect(address).not.toBe(old);
      const told = DATA.filter((one) => one !== node).map((one) => fileOn(one, 'etc/patroni/config.yml'));
      const leading = GATEWAYS.filter((one) => one !== node).map((one) =>
        fileOn(one, isData(node) ? 'etc/haproxy/haproxy.cfg' : 'etc/keepalived/keepalived.conf'),
      );
      for (const file of [...told, ...leading]) {
        expect(file).toMatch(new RegExp(`${address.replaceAll('.', '\\.')}\\b`));
        expect(file).not.toMatch(new RegExp(`${old.replaceAll('.', '\\.')}\\b`));
      }
      const restarted = effects()
        .slice(before)
        .filter((effect) => / (start|stop) /.test(effect) && !effect.startsWith(node));
      expect(restarted).toEqual([]);
      const service = isData(node) ? 'etcd' : 'pgbouncer';
      const certificate = new X509Certificate(fileOn(node, certificateFile(service)));
      expect(certificate.checkIP(address)).toBe(address);
      expect(certificate.checkIP(old)).toBeUndefined();
    });
  },
);

describe.each(['pg-2', 'gw-1'] as const)('%s is back', (node) => {
  const runs = (): boolean => hostOf(node).running;
  afterEach(() => testify(''));

  test.each<[OperationCause, string]>([
    ['autopilot', 'NODE_BACK'],
    ['user', 'none'],
  ])('before what the %s has ordered begins: %s', async (cause, refusal) => {
    await inActivity(async () => {
      const { at, operation } = await order(node, cause);
      testify('sshd\n');
      expect([await refusalOf(activities.checkOthers(at, node)), runs()]).toEqual([refusal, true]);
      await finish(opened.inventory, operation);
    });
  });

  test('before its host is switched off: that is left on', async () => {
    await inActivity(async () => {
      const { at, operation } = await approach(node, 'autopilot');
      testify('sshd\n');
      expect([await refusalOf(activities.fenceHost(at, node)), runs()]).toEqual(['NODE_BACK', true]);
      testify('');
      expect([await refusalOf(activities.fenceHost(at, node)), runs()]).toEqual(['none', false]);
      await powerOn(node);
      await finish(opened.inventory, operation);
    });
  });
});

describe('before the power-off it is asked again whether the cluster can do without pg-2', () => {
  const cloud = (): Cloud => fleet.clouds.docker;
  const refusal = (at: StepRef): Promise<string> => refusalOf(activities.fenceHost(at, 'pg-2'));

  test.each<[string, () => Promise<void> | void, () => Promise<void> | void]>([
    ['NODE_IS_PRIMARY', () => lead(world(), cluster, 'pg-2'), () => lead(world(), cluster, 'pg-1')],
    ['NO_QUORUM_LEFT', () => cloud().powerOff(hostToken(cluster, 'pg-3')), () => powerOn('pg-3')],
  ])('%s: it is left on', async (code, trouble, mend) => {
    await inActivity(async () => {
      const { at, operation } = await approach('pg-2');
      await trouble();
      expect([await refusal(at), hostOf('pg-2').running]).toEqual([code, true]);
      // Whoever is the primary by then can be failed over.
      const failover = await opened.inventory.failovers.begin(cluster.id, 'pg-1');
      expect(failover).toMatchObject({ node: 'pg-1' });
      await forgetFailovers();
      await mend();
      await finish(opened.inventory, operation);
    });
  });

  test('it waits for a failover, and none begins from then on until its fresh host votes in etcd', async () => {
    await inActivity(async () => {
      const { failovers } = opened.inventory;
      const beginFailover = (): Promise<unknown> => failovers.begin(cluster.id, 'pg-1');
      const { at, operation } = await approach('pg-2');
      expect(await beginFailover()).not.toBeNull();
      expect([await refusal(at), hostOf('pg-2').running]).toEqual(['NOT_YET', true]);
      await forgetFailovers();
      expect([await refusal(at), hostOf('pg-2').running]).toEqual(['none', false]);
      expect(await beginFailover()).toBeNull();
      // Done again when it is off, it needs nobody.
      await cloud().powerOff(hostToken(cluster, 'pg-3'));
      expect(await refusal(at)).toBe('none');
      await powerOn('pg-3');
      await activities.leaveEtcd(at, 'pg-2');
      await activities.deleteFormerHost(at, 'pg-2');
      await activities.createHost(at, 'pg-2');
      expect(await beginFailover()).toBeNull();
      await end(at, 'pg-2');
      expect(await beginFailover()).not.toBeNull();
      await forgetFailovers();
      await finish(opened.inventory, operation);
    });
  });
});

/** One of a cluster at a time, and none right after another. */
const forgetFailovers = (): Promise<unknown> =>
  opened.scratch.query('delete from failovers where cluster_id = $1', [cluster.id]);
