import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fleet } from '../../activities/fleet';
import { viewCluster } from '../../activities/fleet';
import type { OpenInventory } from '../../activities/inventory/open';
import { lineageOf, openLineage } from '../../activities/pgbackrest/lineage';
import { createPolicyActivities } from '../../activities/pgbackrest/policy';
import type { BackupPolicy, Timeline } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { openSimulatedFleet } from '../simulation/fleet';
import type { NewCluster, ScratchInventory } from '../support/inventory';
import { finish, newCluster, newId, newSubmission, openScratchInventory, refOf } from '../support/inventory';
import { POLICY } from '../support/lineage';

/** A cluster follows a change of its policy of backups, and its undo leaves nothing of it. */

let opened: ScratchInventory;
let inventory: OpenInventory;
let folder: string;
let fleet: Fleet & { readonly inventory: OpenInventory };
let cluster: NewCluster;

beforeAll(async () => {
  opened = await openScratchInventory();
  folder = mkdtempSync(join(tmpdir(), 'holdfast-policy-'));
  fleet = await openSimulatedFleet(join(folder, 'world'), join(folder, 'home'), opened.scratch.url);
  ({ inventory } = fleet);
});
afterAll(async () => {
  await fleet?.inventory.close();
  rmSync(folder, { recursive: true, force: true });
  await opened.close();
});
beforeEach(async () => {
  const plain = newCluster(opened.project, `shop-${newId('clu').slice(-8)}`);
  cluster = { ...plain, spec: { ...plain.spec, backups: POLICY } };
  const { operation } = await inventory.operations.submitCreate(cluster, newSubmission(cluster));
  await openLineage(fleet, refOf(operation), await viewCluster(fleet, cluster.id));
  await finish(inventory, operation);
});

async function change(policy: Partial<BackupPolicy>): Promise<StepRef> {
  const submission = { ...newSubmission(cluster, 'configure-backups'), backupPolicy: { ...POLICY, ...policy } };
  return refOf((await inventory.operations.submit(null, submission)).operation);
}

async function timeline(): Promise<Timeline> {
  const found = await inventory.timelines.current(cluster.id);
  if (!found) throw new Error('no timeline');
  return found;
}

const WITH_OFFSITE = { sites: [...POLICY.sites, 'offsite'] };
const wal = Buffer.from('a segment');

test('a site that is added gets an account of the lineage, whose keys every node then has', async () => {
  const at = await change(WITH_OFFSITE);
  const steps = createPolicyActivities(fleet);
  await steps.openNewSites(at);
  await steps.openNewSites(at);
  expect((await timeline()).sites).toEqual(WITH_OFFSITE.sites);
  const { repositories } = await lineageOf(fleet, await timeline());
  expect(repositories.map(({ place }) => place.site)).toEqual(WITH_OFFSITE.sites);
  await fleet.storage.write('offsite', (await timeline()).id, 'archive/1', wal);
});

test('undone, the policy and the sites are as before, and the store has nothing of it', async () => {
  const at = await change(WITH_OFFSITE);
  const { id } = await timeline();
  const steps = createPolicyActivities(fleet);
  await steps.openNewSites(at);
  await fleet.storage.write('offsite', id, 'archive/1', wal);
  await fleet.storage.write('primary', id, 'archive/1', wal);
  for (let times = 0; times < 2; times++) {
    await steps.putBackPolicy(at);
    await steps.closeNewSites(at);
  }
  expect((await inventory.clusters.get(cluster.id))?.spec.backups).toEqual(POLICY);
  expect((await timeline()).sites).toEqual(POLICY.sites);
  expect(await fleet.storage.read('primary', id, 'archive/1')).toEqual(wal);
  await expect(fleet.storage.read('offsite', id, 'archive/1').then((found) => found ?? 'nothing')).resolves.toBe(
    'nothing',
  );
});

test('a change that was never begun can be undone', async () => {
  const at = await change(WITH_OFFSITE);
  const steps = createPolicyActivities(fleet);
  await steps.putBackPolicy(at);
  await steps.closeNewSites(at);
  expect((await timeline()).sites).toEqual(POLICY.sites);
});

/** Fails for whoever asks for a host. */
const withoutHosts = (): Fleet => ({
  ...fleet,
  ssh: {
    ...fleet.ssh,
    host: () => {
      throw new Error('a host was asked');
    },
  },
  inventory: {
    ...inventory,
    nodes: {
      ...inventory.nodes,
      list: () =>
        Promise.resolve([
          {
            clusterId: cluster.id,
            name: 'pg-1' as const,
            role: 'data' as const,
            failureDomain: 'local-0',
            hostId: 'host-1',
            privateAddress: '10.0.0.1',
            ssh: { host: '10.0.0.1', port: 22 },
            hostKey: 'ssh-ed25519 AAAA',
            publicPorts: {},
          },
        ]),
    },
  },
});

test('times and a pause concern no host: a cluster with a dead one can be paused', async () => {
  const at = await change({ paused: true, timeZone: 'Europe/Paris', schedule: { ...POLICY.schedule, full: null } });
  const steps = createPolicyActivities(withoutHosts());
  await steps.openNewSites(at);
  await steps.tellHosts(at);
  await steps.prepareNewStores(at);
});

test.each<[string, Partial<BackupPolicy>]>([
  ['sites', WITH_OFFSITE],
  ['how long backups are kept', { retention: { unit: 'count', full: 3 } }],
])('%s is told to every data node', async (_what, policy) => {
  const at = await change(policy);
  const steps = createPolicyActivities(withoutHosts());
  await steps.openNewSites(at);
  await expect(steps.tellHosts(at)).rejects.toThrow('a host was asked');
});
