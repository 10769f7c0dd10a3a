import { existsSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Activities } from '../../../activities';
import { createActivities } from '../../../activities';
import { hostToken, networkToken } from '../../../activities/cloud/tokens';
import { unreachable } from '../../../activities/host/errors';
import type { SshPool } from '../../../activities/host/ssh-pool';
import type { StepRef } from '../../../domain/clusters';
import { each } from '../../../domain/each';
import { HoldfastError } from '../../../domain/errors';
import type { OperationKind } from '../../../domain/operations';
import type { NodeName } from '../../../domain/topology';
import { openSimulatedFleet } from '../../simulation/fleet';
import { DATA, GATEWAYS, provision } from '../../simulation/provision';
import { openWorld } from '../../simulation/world';
import type { NewCluster, ScratchInventory } from '../../support/inventory';
import { finish, newCluster, newSubmission, openScratchInventory, refOf } from '../../support/inventory';

/** Stops, starts and deletions of clusters some of whose hosts are away, step by step, on simulated hosts. */

let opened: ScratchInventory;
let folder: string;
let fleet: Awaited<ReturnType<typeof openSimulatedFleet>>;
let activities: Activities;
let cluster: NewCluster;
/** What hosts were told, `pg-1: start PostgreSQL`; and whose take no connection, though they are on. */
let told: string[];
let deaf: readonly string[];

beforeAll(async () => {
  opened = await openScratchInventory();
  folder = mkdtempSync(join(tmpdir(), 'holdfast-away-'));
  fleet = await openSimulatedFleet(join(folder, 'world'), join(folder, 'home'), opened.scratch.url);
  activities = createActivities({ ...fleet, ssh: listened(fleet.ssh) });
}, 120_000);
afterAll(async () => {
  await fleet?.inventory.close();
  await opened.close();
  rmSync(folder, { recursive: true, force: true });
});

const listened = (ssh: SshPool): SshPool => ({
  ...ssh,
  host: (target) => {
    const host = ssh.host(target);
    const name = target.label.split('/')[1] ?? '';
    const heard = <T>(act: () => Promise<T>): Promise<T> =>
      deaf.includes(name) ? Promise.reject(unreachable(host.label, new Error('it is deaf'))) : act();
    return {
      label: host.label,
      run: (command, options) => {
        told.push(`${name}: ${options?.title}`);
        return heard(() => host.run(command, options));
      },
      putFiles: (files) => heard(() => host.putFiles(files)),
    };
  },
});

const inActivity = <T>(act: () => Promise<T>): Promise<T> => new MockActivityEnvironment().run(act);

let number = 0;
beforeEach(async () => {
  [told, deaf] = [[], []];
  cluster = newCluster(opened.project, `orders-${(number += 1)}`);
  const { operation } = await opened.inventory.operations.submitCreate(cluster, newSubmission(cluster));
  await inActivity(() => provision(activities, refOf(operation)));
  await finish(opened.inventory, operation);
}, 120_000);

/** As the runbooks have them. */
const RUNBOOKS = {
  async stop(at: StepRef) {
    await activities.demandStoppable(at);
    await activities.declareStopped(at);
    await each(GATEWAYS, (node) => activities.closeGateway(at, node));
    await activities.stopPostgres(at);
    await activities.switchOff(at);
  },
  async start(at: StepRef) {
    await activities.switchOn(at);
    await activities.startPostgres(at);
    await activities.waitForQuorum(at);
    await each(GATEWAYS, (node) => activities.openGateway(at, node));
    await activities.proveEndpoint(at);
    await activities.declareReady(at);
  },
  async delete(at: StepRef) {
    await activities.declareDeleting(at);
    await activities.unscheduleBackups(at);
    await activities.closeArchive(at);
    await each([...DATA, ...GATEWAYS], (node) => activities.deleteHost(at, node));
    await activities.deleteNetwork(at);
    await activities.checkResidue(at);
    await activities.forgetCluster(at);
  },
} satisfies Partial<Record<OperationKind, (at: StepRef) => Promise<void>>>;

/** @returns the code of what it failed with. */
async function order(kind: keyof typeof RUNBOOKS, act?: (at: StepRef) => Promise<void>): Promise<string> {
  told = [];
  const { operation } = await opened.inventory.operations.submit(null, newSubmission(cluster, kind));
  const outcome = await inActivity(() => (act ? act(refOf(operation)) : RUNBOOKS[kind](refOf(operation)))).then(
    () => 'done',
    (error: unknown) => (error instanceof HoldfastError ? error.code : String(error)),
  );
  await finish(opened.inventory, operation);
  return outcome;
}

const lose = (...nodes: readonly NodeName[]): Promise<void> =>
  each(nodes, (node) => fleet.clouds.docker.deleteHost(hostToken(cluster, node)));
const state = async (): Promise<string | undefined> => (await opened.inventory.clusters.get(cluster.id))?.status.state;
const runs = (node: NodeName): boolean | undefined =>
  openWorld(join(folder, 'world')).host(hostToken(cluster, node))?.running;
const ofPatroni = (name: string): string =>
  join(openWorld(join(folder, 'world')).wire(networkToken(cluster)), 'patroni', cluster.id, name);
const leader = (): string => readlinkSync(ofPatroni('leader'));
const leased = (): string[] => told.filter((line) => line.endsWith('say who is to be the primary'));
/** What etcd has of a cluster that was stopped: no lease, and who was the primary at last. */
function whatIsLeft(primary: NodeName): void {
  rmSync(ofPatroni('leader'));
  writeFileSync(ofPatroni('sync'), JSON.stringify({ leader: primary, quorum: 1, sync_standby: 'pg-2,pg-3' }));
}

test('the one who was the primary at last by the word of Patroni has the lease again, whatever its name', async () => {
  expect(await order('stop')).toBe('done');
  whatIsLeft('pg-2');
  expect(await order('start')).toBe('done');
  expect([leased(), leader()]).toEqual([['pg-2: say who is to be the primary'], 'pg-2']);
});

test('a standby and a gateway that are gone hold up neither a start, nor a stop, nor a deletion', async () => {
  expect(await order('stop')).toBe('done');
  whatIsLeft('pg-1');
  await lose('pg-3', 'gw-1');
  expect(await order('start')).toBe('done');
  expect([await state(), leader()]).toEqual(['ready', 'pg-1']);
  expect(await order('stop')).toBe('done');
  expect([await state(), runs('pg-1'), runs('pg-2'), runs('gw-2')]).toEqual(['stopped', false, false, false]);
  expect(await order('delete')).toBe('done');
  expect(await state()).toBe('deleted');
});

test('nodes that are only off hold up no stop, and are there again after a start', async () => {
  for (const node of ['pg-3', 'gw-2'] as const) await fleet.clouds.docker.powerOff(hostToken(cluster, node));
  rmSync(ofPatroni('members/pg-3'), { force: true });
  expect(await order('stop')).toBe('done');
  expect(await order('start')).toBe('done');
  expect([...DATA, ...GATEWAYS].map(runs)).toEqual([true, true, true, true, true]);
});

test('where the host of the last primary is gone nobody is given the lease: who has all that was acknowledged Patroni knows', async () => {
  expect(await order('stop')).toBe('done');
  whatIsLeft('pg-1');
  await lose('pg-1');
  expect(await order('start')).toBe('done');
  expect(leased()).toEqual([]);
  expect(['pg-2', 'pg-3']).toContain(leader());
});

test('nor where the last primary is there and one is gone who may have been promoted since', async () => {
  expect(await order('stop')).toBe('done');
  whatIsLeft('pg-3');
  await lose('pg-3');
  expect(await order('start')).toBe('done');
  expect(leased()).toEqual([]);
});

test('without a majority of the data nodes nothing is stopped, which could not be started again', async () => {
  await lose('pg-2', 'pg-3');
  expect([await order('stop'), await state()]).toEqual(['STOP_FAILED', 'ready']);
});

test('without a majority of the data nodes nothing is started', async () => {
  expect(await order('stop')).toBe('done');
  await lose('pg-2', 'pg-3');
  expect(await order('start')).toBe('NOT_YET');
  expect(told).not.toContain('pg-1: start PostgreSQL');
});

test('hosts that are on and answer nobody are not waited for where a majority does, and started when they come', async () => {
  expect(await order('stop')).toBe('done');
  deaf = ['pg-3', 'gw-1'];
  const outcome = await order('start', async (at) => {
    await activities.switchOn(at);
    await activities.startPostgres(at);
    expect(existsSync(ofPatroni('members/pg-3'))).toBe(false);
    deaf = ['gw-1'];
    await activities.waitForQuorum(at);
    expect(existsSync(ofPatroni('members/pg-3'))).toBe(true);
    await each(GATEWAYS, (node) => activities.openGateway(at, node));
    await activities.proveEndpoint(at);
  });
  expect(outcome).toBe('done');
});

test('a cancel of a start and of a stop does without them, too', async () => {
  await lose('pg-3', 'gw-1');
  rmSync(ofPatroni('members/pg-3'), { force: true });
  const undoneStop = async (at: StepRef): Promise<void> => {
    await RUNBOOKS.stop(at);
    await activities.switchOn(at);
    await activities.startPostgres(at);
    await each(GATEWAYS, (node) => activities.openGateway(at, node));
    await activities.declareServing(at);
  };
  expect([await order('stop', undoneStop), await state()]).toEqual(['done', 'ready']);
  expect(await order('stop')).toBe('done');
  const undoneStart = async (at: StepRef): Promise<void> => {
    await activities.switchOn(at);
    await activities.startPostgres(at);
    await each(GATEWAYS, (node) => activities.openGateway(at, node));
    await each(GATEWAYS, (node) => activities.closeGateway(at, node));
    await activities.stopPostgres(at);
    await activities.switchOff(at);
  };
  expect([await order('start', undoneStart), await state(), runs('pg-1')]).toEqual(['done', 'stopped', false]);
});
