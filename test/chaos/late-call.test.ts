import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CloudActivities } from '../../activities/cloud/activities';
import { createCloudActivities } from '../../activities/cloud/activities';
import { clusterTag } from '../../activities/cloud/tokens';
import type { StepRef } from '../../domain/clusters';
import { finish, newProvision, newSubmission, openScratchInventory, refOf } from '../support/inventory';
import type { ScratchInventory } from '../support/inventory';
import { openSimulatedFleet } from '../simulation/fleet';

/** A worker that was thought dead comes back and makes a host that nobody wants any more. */

const folder = mkdtempSync(join(tmpdir(), 'holdfast-late-'));
let opened: ScratchInventory;
let fleet: Awaited<ReturnType<typeof openSimulatedFleet>>;
let cloud: CloudActivities;
beforeAll(async () => {
  opened = await openScratchInventory();
  fleet = await openSimulatedFleet(join(folder, 'world'), join(folder, 'home'), opened.scratch.url);
  cloud = createCloudActivities(fleet);
});
afterAll(async () => {
  await fleet.inventory.close();
  await opened.close();
  rmSync(folder, { recursive: true });
});

async function begun(): Promise<StepRef> {
  const { ref } = await newProvision(opened);
  await cloud.placeNodes(ref);
  await cloud.createNetwork(ref);
  return ref;
}

async function left({ clusterId }: StepRef): Promise<string[]> {
  const cluster = await opened.inventory.clusters.get(clusterId);
  if (!cluster) throw new Error('no cluster');
  const resources = await fleet.clouds[cluster.spec.cloud].listByTags(clusterTag(cluster));
  return resources.map(({ kind }) => kind).sort();
}

/** Another operation of the cluster, after the one of `ref`. */
async function overtake(ref: StepRef): Promise<StepRef> {
  const operation = await opened.inventory.operations.get(ref.operationId);
  const cluster = await opened.inventory.clusters.get(ref.clusterId);
  if (!operation || !cluster) throw new Error('nothing to overtake');
  await finish(opened.inventory, operation);
  const next = await opened.inventory.operations.submit(null, newSubmission(cluster, 'delete'));
  return refOf(next.operation);
}

test('during the undo of its own operation: the residue check deletes it', async () => {
  const ref = await begun();
  await cloud.createHost(ref, 'pg-1');
  await cloud.deleteHost(ref, 'pg-1');
  await cloud.deleteNetwork(ref);
  await cloud.createNetwork(ref);
  await cloud.createHost(ref, 'pg-1');
  expect(await left(ref)).not.toEqual([]);
  await cloud.checkResidue(ref);
  expect(await left(ref)).toEqual([]);
});

test('while its cluster is being deleted: it takes it away itself, and is told that it was overtaken', async () => {
  const ref = await begun();
  const deletion = await overtake(ref);
  await opened.inventory.clusters.setStatus(deletion, { state: 'deleting' });
  const before = await left(ref);
  await expect(cloud.createHost(ref, 'pg-1')).rejects.toMatchObject({ code: 'STALE_GENERATION' });
  expect(await left(ref)).toEqual(before);
  await cloud.deleteNetwork(deletion);
  await expect(cloud.createNetwork(ref)).rejects.toMatchObject({ code: 'STALE_GENERATION' });
  expect(await left(ref)).toEqual([]);
});

test('while its cluster lives: what it made or found is left to the newer operation', async () => {
  const ref = await begun();
  await cloud.createHost(ref, 'pg-1');
  const before = await left(ref);
  await overtake(ref);
  await expect(cloud.createHost(ref, 'pg-1')).rejects.toMatchObject({ code: 'STALE_GENERATION' });
  expect(await left(ref)).toEqual(before);
});
