import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Activities } from '../../../activities';
import { createActivities } from '../../../activities';
import { hostToken, networkToken } from '../../../activities/cloud/tokens';
import type { SshPool } from '../../../activities/host/ssh-pool';
import type { StepRef } from '../../../domain/clusters';
import { HoldfastError } from '../../../domain/errors';
import type { Operation, OperationCause } from '../../../domain/operations';
import type { NodeName } from '../../../domain/topology';
import { openSimulatedFleet } from '../../simulation/fleet';
import { provision } from '../../simulation/provision';
import { openWorld } from '../../simulation/world';
import type { SimulatedHost } from '../../simulation/world';
import type { NewCluster, ScratchInventory } from '../../support/inventory';
import { eventually } from '../../support/eventually';
import { finish, newCluster, newSubmission, openScratchInventory, refOf } from '../../support/inventory';

/** A cluster of simulated hosts whose nodes are replaced, step by step as the runbook has it. */

export let opened: ScratchInventory;
export let folder: string;
export let fleet: Awaited<ReturnType<typeof openSimulatedFleet>>;
export let activities: Activities;
export let cluster: NewCluster;

/** In each file of tests: one cluster for all of them. */
export function openReplacements(): void {
  beforeAll(async () => {
    opened = await openScratchInventory();
    folder = mkdtempSync(join(tmpdir(), 'holdfast-replace-'));
    fleet = await openSimulatedFleet(join(folder, 'world'), join(folder, 'home'), opened.scratch.url);
    activities = createActivities({ ...fleet, watchSsh: witnesses(fleet.watchSsh) });
    cluster = newCluster(opened.project, 'orders');
    const { operation } = await opened.inventory.operations.submitCreate(cluster, newSubmission(cluster));
    await inActivity(() => provision(activities, refOf(operation)));
    await finish(opened.inventory, operation);
  }, 120_000);
  afterAll(async () => {
    await fleet.inventory.close();
    await opened.close();
    rmSync(folder, { recursive: true, force: true });
  });
}

/** What simulated hosts say when they are asked for another one, which they can't call. */
let testimony = '';
export const testify = (said: string): string => (testimony = said);
const witnesses = (ssh: SshPool): SshPool => ({
  ...ssh,
  host: (target) => ({
    ...ssh.host(target),
    run: (command, options) =>
      options?.title?.startsWith('call ') ? Promise.resolve(testimony) : ssh.host(target).run(command, options),
  }),
});

export const inActivity = <T>(act: () => Promise<T>): Promise<T> => new MockActivityEnvironment().run(act);

export interface Ordered {
  readonly at: StepRef;
  readonly operation: Operation;
}

export async function order(node: NodeName, cause: OperationCause): Promise<Ordered> {
  const draft = newSubmission(cluster, 'replace-node');
  const submission = { ...draft, operation: { ...draft.operation, node, cause } };
  const { operation } = await opened.inventory.operations.submit(null, submission);
  return { at: refOf(operation), operation };
}

/** As the runbook has it, up to the power-off. */
export async function approach(node: NodeName, cause: OperationCause = 'user'): Promise<Ordered> {
  const ordered = await order(node, cause);
  await activities.checkOthers(ordered.at, node);
  if (isData(node)) await activities.handOver(ordered.at, node);
  return ordered;
}

/** As the runbook has it, up to the fresh host. @param meanwhile while there is none. */
export async function begin(node: NodeName, meanwhile = (): void => undefined): Promise<Ordered> {
  const { at, operation } = await approach(node);
  await activities.fenceHost(at, node);
  if (isData(node)) await activities.leaveEtcd(at, node);
  await activities.deleteFormerHost(at, node);
  meanwhile();
  await activities.createHost(at, node);
  return { at, operation };
}

export async function end(at: StepRef, node: NodeName): Promise<void> {
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
export async function powerOn(node: NodeName): Promise<void> {
  await fleet.clouds.docker.powerOn(hostToken(cluster, node));
  if (isData(node)) await eventually(() => Promise.resolve(isUp(node)));
}

export const isData = (node: NodeName): boolean => node.startsWith('pg-');
export const world = (): ReturnType<typeof openWorld> => openWorld(join(folder, 'world'));
export function hostOf(node: NodeName): SimulatedHost {
  const host = world().host(hostToken(cluster, node));
  if (!host) throw new Error(`no host of ${node}`);
  return host;
}
export const fileOn = (node: NodeName, path: string): string => readFileSync(join(hostOf(node).root, path), 'utf8');
export const isUp = (node: NodeName): boolean =>
  existsSync(join(hostOf(node).root, UNIT)) && fileOn(node, UNIT).trim() === 'active';
export const effects = (): string[] => world().effects(networkToken(cluster));

export const refusalOf = (acting: Promise<unknown>): Promise<string> =>
  acting.then(
    () => 'none',
    (error: unknown) => (error instanceof HoldfastError ? error.code : String(error)),
  );
