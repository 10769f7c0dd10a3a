import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Activities } from '../../../activities';
import { createActivities } from '../../../activities';
import type { Cloud } from '../../../activities/cloud/cloud';
import { hostToken, networkToken } from '../../../activities/cloud/tokens';
import type { SshPool } from '../../../activities/host/ssh-pool';
import { certificateFile } from '../../../activities/host/tls-paths';
import type { StepRef } from '../../../domain/clusters';
import { each } from '../../../domain/each';
import { HoldfastError } from '../../../domain/errors';
import type { Operation, OperationCause } from '../../../domain/operations';
import type { NodeName } from '../../../domain/topology';
import { openSimulatedFleet } from '../../simulation/fleet';
import { openWorld } from '../../simulation/world';
import type { SimulatedHost } from '../../simulation/world';
import type { NewCluster, ScratchInventory } from '../../support/inventory';
import { lead } from '../../chaos/replacements';
import { eventually } from '../../support/eventually';
import { finish, newCluster, newSubmission, openScratchInventory, refOf } from '../../support/inventory';

/** What replacements do to simulated hosts, step by step. With crashes in between: test/chaos/replace-matrix.test.ts. */

const DATA = ['pg-1', 'pg-2', 'pg-3'] as const;
const GATEWAYS = ['gw-1', 'gw-2'] as const;

let opened: ScratchInventory;
let folder: string;
let fleet: Awaited<ReturnType<typeof openSimulatedFleet>>;
let activities: Activities;
let cluster: NewCluster;

beforeAll(async () => {
  opened = await openScratchInventory();
  folder = mkdtempSync(join(tmpdir(), 'holdfast-replace-'));
  fleet = await openSimulatedFleet(join(folder, 'world'), join(folder, 'home'), opened.scratch.url);
  activities = createActivities({ ...fleet, watchSsh: witnesses(fleet.watchSsh) });
  cluster = newCluster(opened.project, 'orders');
  const { operation } = await opened.inventory.operations.submitCreate(cluster, newSubmission(cluster));
  await inActivity(() => provision(refOf(operation)));
  await finish(opened.inventory, operation);
}, 120_000);
afterAll(async () => {
  await fleet.inventory.close();
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What simulated hosts say when they are asked for another one, which they can't call. */
let testimony = '';
const witnesses = (ssh: SshPool): SshPool => ({
  ...ssh,
  host: (target) => ({
    ...ssh.host(target),
    run: (command, options) =>
      options?.title?.startsWith('call ') ? Promise.resolve(testimony) : ssh.host(target).run(command, options),
  }),
});

const inActivity = <T>(act: () => Promise<T>): Promise<T> => new MockActivityEnvironment().run(act);

async function provision(at: StepRef): Promise<void> {
  await activities.placeNodes(at);
  await activities.createNetwork(at);
  await activities.makeAuthority(at);
  await each([...DATA, ...GATEWAYS], (node) => activities.createHost(at, node));
  await each(DATA, (node) => activities.joinEtcd(at, node));
  // The first one is the primary: nobody has to hand over when another one is replaced.
  for (const node of DATA) await activities.startPatroni(at, node);
  await activities.createDatabase(at);
  await each(GATEWAYS, (node) => activities.openGateway(at, node));
  await activities.waitForQuorum(at);
  await activities.declareReady(at);
}

interface Ordered {
  readonly at: StepRef;
  readonly operation: Operation;
}

async function order(node: NodeName, cause: OperationCause): Promise<Ordered> {
  const draft = newSubmission(cluster, 'replace-node');
  const submission = { ...draft, operation: { ...draft.operation, node, cause } };
  const { operation } = await opened.inventory.operations.submit(null, submission);
  return { at: refOf(operation), operation };
}

/** As the runbook has it, up to the power-off. */
async function approach(node: NodeName, cause: OperationCause = 'user'): Promise<Ordered> {
  const ordered = await order(node, cause);
  await activities.checkOthers(ordered.at, node);
  if (isData(node)) await activities.handOver(ordered.at, node);
  return ordered;
}

/** As the runbook has it, up to the fresh host. @param meanwhile while there is none. */
async function begin(node: NodeName, meanwhile = (): void => undefined): Promise<Ordered> {
  const { at, operation } = await approach(node);
  await activities.fenceHost(at, node);
  if (isData(node)) await activities.leaveEtcd(at, node);
  await activities.deleteFormerHost(at, node);
  meanwhile();
  await activities.createHost(at, node);
  return { at, operation };
}

async function end(at: StepRef, node: NodeName): Promise<void> {
  if (isData(node)) await activities.joinEtcdAgain(at, node);
  await activities.tellAddress(at, node);
  if (isData(node)) {
    await activities.startReplica(at, node);
    await activities.waitForQuorum(at);
    await activities.tellOfBackups(at, node);
  } else await activities.openGateway(at, node);
  await activities.startExportersOn(at, node);
  await activities.declareReplaced(at, node);
}

/** A host that is on is not yet a host whose services run. */
const UNIT = '/run/simulation/units/patroni';
async function powerOn(node: NodeName): Promise<void> {
  await fleet.clouds.docker.powerOn(hostToken(cluster, node));
  if (isData(node)) await eventually(() => Promise.resolve(isUp(node)));
}

const isData = (node: NodeName): boolean => node.startsWith('pg-');
const world = (): ReturnType<typeof openWorld> => openWorld(join(folder, 'world'));
function hostOf(node: NodeName): SimulatedHost {
  const host = world().host(hostToken(cluster, node));
  if (!host) throw new Error(`no host of ${node}`);
  return host;
}
const fileOn = (node: NodeName, path: string): string => readFileSync(join(hostOf(node).root, path), 'utf8');
const isUp = (node: NodeName): boolean =>
  existsSync(join(hostOf(node).root, UNIT)) && fileOn(node, UNIT).trim() === 'active';
const effects = (): string[] => world().effects(networkToken(cluster));

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

const refusalOf = (acting: Promise<unknown>): Promise<string> =>
  acting.then(
    () => 'none',
    (error: unknown) => (error instanceof HoldfastError ? error.code : String(error)),
  );

describe.each(['pg-2', 'gw-1'] as const)('%s is back', (node) => {
  const runs = (): boolean => hostOf(node).running;
  afterEach(() => (testimony = ''));

  test.each<[OperationCause, string]>([
    ['autopilot', 'NODE_BACK'],
    ['user', 'none'],
  ])('before what the %s has ordered begins: %s', async (cause, refusal) => {
    await inActivity(async () => {
      const { at, operation } = await order(node, cause);
      testimony = 'sshd\n';
      expect([await refusalOf(activities.checkOthers(at, node)), runs()]).toEqual([refusal, true]);
      await finish(opened.inventory, operation);
    });
  });

  test('before its host is switched off: that is left on', async () => {
    await inActivity(async () => {
      const { at, operation } = await approach(node, 'autopilot');
      testimony = 'sshd\n';
      expect([await refusalOf(activities.fenceHost(at, node)), runs()]).toEqual(['NODE_BACK', true]);
      testimony = '';
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
