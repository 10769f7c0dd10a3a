import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fleet } from '../../activities/fleet';
import { viewCluster } from '../../activities/fleet';
import type { Host } from '../../activities/host/host';
import type { OpenInventory } from '../../activities/inventory/open';
import { closeLineage, lineageOf, openAccount, openLineage } from '../../activities/pgbackrest/lineage';
import { createPolicyActivities } from '../../activities/pgbackrest/policy';
import type { BackupPolicy, Timeline } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { DumpId } from '../../domain/ids';
import type { Operation } from '../../domain/operations';
import { newSet } from '../support/api-backups';
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

const WITHOUT_PRIMARY = { sites: ['secondary'] };

test('a site that is gone for good can be left: its keys are no longer asked for, its copies count no more', async () => {
  const { id } = await timeline();
  const set = newSet('bkp_none', { setId: 'a-full-one' });
  await inventory.backups.recordSets(await timeline(), 'primary', [set]);
  await fleet.storage.write('primary', id, 'archive/1', wal);
  const gone: Fleet = {
    ...fleet,
    storage: {
      ...fleet.storage,
      place(site, timelineId) {
        if (site === 'primary') throw new HoldfastError('NOT_FOUND', { kind: 'site', ref: site });
        return fleet.storage.place(site, timelineId);
      },
      removeObjects: (site) => Promise.reject(new HoldfastError('NOT_FOUND', { kind: 'site', ref: site })),
    },
  };
  await expect(lineageOf(gone, await timeline())).rejects.toThrow('There is no site primary here.');
  const at = await change(WITHOUT_PRIMARY);
  const steps = createPolicyActivities(gone);
  await steps.openNewSites(at);
  expect((await lineageOf(gone, await timeline())).repositories.map(({ place }) => place.site)).toEqual(['secondary']);
  await steps.leaveSites(at);
  await steps.leaveSites(at);
  const [backup] = await inventory.backups.list(cluster.projectId, { limit: 1, clusterId: cluster.id });
  expect([backup?.state, backup?.copies[0]?.removedAt]).toEqual(['expired', expect.any(String)]);
});

test('what a site that is left still has is deleted, but not while a restore may read it', async () => {
  const { id } = await timeline();
  await fleet.storage.write('primary', id, 'archive/1', wal);
  const restored: NewCluster = {
    ...newCluster(opened.project, `copy-${newId('clu').slice(-8)}`),
    origin: {
      clusterId: cluster.id,
      timelineId: id,
      target: { kind: 'latest' },
      site: null,
      keepsCredentials: true,
      undeletes: false,
      onlyDatabase: null,
    },
  };
  const restore = await inventory.operations.submitCreate(restored, newSubmission(restored, 'restore'));
  const at = await change(WITHOUT_PRIMARY);
  const steps = createPolicyActivities(fleet);
  await steps.openNewSites(at);
  await expect(steps.leaveSites(at)).rejects.toMatchObject({ code: 'NOT_YET' });
  expect(await fleet.storage.read('primary', id, 'archive/1')).toEqual(wal);
  await finish(inventory, restore.operation);
  await steps.leaveSites(at);
  expect(await fleet.storage.read('primary', id, 'archive/1')).toBeNull();
});

test('dumps on a site that is left are no more, and it is not left while one runs or is restored', async () => {
  const { id: timelineId } = await timeline();
  const { version } = cluster.spec;
  await inventory.clusters.setStatus(await change({}), { state: 'ready' });
  await opened.scratch.query(`update operations set state = 'succeeded', finished_at = now() where cluster_id = $1`, [
    cluster.id,
  ]);
  const dump = async (): Promise<{ id: DumpId; operation: Operation }> => {
    const taken = { id: newId('dmp'), timelineId, database: 'app', description: null, version };
    return {
      id: taken.id,
      ...(await inventory.operations.submit(null, { ...newSubmission(cluster, 'dump'), dump: taken })),
    };
  };
  const stateOf = async (id: DumpId): Promise<unknown[]> => {
    const found = await inventory.dumps.find(cluster.projectId, id);
    return [found?.state, found?.copies.map(({ site }) => site)];
  };
  const onPrimary = await dump();
  await inventory.dumps.recordCopy(refOf(onPrimary.operation), 'primary');
  await finish(inventory, onPrimary.operation);
  const onBoth = await dump();
  for (const site of POLICY.sites) await inventory.dumps.recordCopy(refOf(onBoth.operation), site);

  const steps = createPolicyActivities(fleet);
  const early = await change(WITHOUT_PRIMARY);
  await expect(steps.openNewSites(early)).rejects.toMatchObject({ code: 'NOT_YET' });
  await finish(inventory, onBoth.operation);
  await steps.openNewSites(early);

  const copy = newCluster(opened.project, `copy-${newId('clu').slice(-8)}`);
  const { operation: provision } = await inventory.operations.submitCreate(copy, newSubmission(copy));
  await inventory.clusters.setStatus(refOf(provision), { state: 'ready' });
  await finish(inventory, provision);
  const restore = { source: 'app', database: 'app', replace: true };
  const submission = { ...newSubmission(copy, 'restore-dump'), dumpUse: { dumpId: onBoth.id, restore } };
  const { operation: restoring } = await inventory.operations.submit(null, submission);
  await expect(steps.leaveSites(early)).rejects.toMatchObject({ code: 'NOT_YET' });
  expect(await stateOf(onPrimary.id)).toEqual(['succeeded', ['primary']]);
  await finish(inventory, restoring);
  for (let i = 0; i < 2; i++) await steps.leaveSites(early);
  expect(await stateOf(onPrimary.id)).toEqual(['deleted', []]);
  expect(await stateOf(onBoth.id)).toEqual(['succeeded', ['secondary']]);
});

test('no site is left while a backup runs, which knows the others by their place in the list', async () => {
  const { id: timelineId } = await timeline();
  const { version } = cluster.spec;
  const backup = { id: newId('bkp'), timelineId, type: 'full', description: null, version } as const;
  await inventory.clusters.setStatus(await change({}), { state: 'ready' });
  await opened.scratch.query(`update operations set state = 'succeeded', finished_at = now() where cluster_id = $1`, [
    cluster.id,
  ]);
  const { operation } = await inventory.operations.submit(null, { ...newSubmission(cluster, 'backup'), backup });
  const at = await change(WITHOUT_PRIMARY);
  const steps = createPolicyActivities(fleet);
  await expect(steps.openNewSites(at)).rejects.toMatchObject({ code: 'NOT_YET' });
  await finish(inventory, operation);
  await steps.openNewSites(at);
  expect((await timeline()).sites).toEqual(['secondary']);
});

test('a site whose keys do not open it is told at once, before any host is', async () => {
  const wrong: Fleet = { ...fleet, storage: { ...fleet.storage, ensureAccount: () => Promise.resolve() } };
  const at = await change(WITH_OFFSITE);
  await expect(createPolicyActivities(wrong).openNewSites(at)).rejects.toMatchObject({ code: 'SITE_REFUSED' });
  expect((await timeline()).sites).toEqual(POLICY.sites);
});

test('an operation that was overtaken while it opened the lineage leaves no account behind', async () => {
  const late = newCluster(opened.project, `late-${newId('clu').slice(-8)}`);
  const ordered = { ...late, spec: { ...late.spec, backups: POLICY } };
  const { operation } = await inventory.operations.submitCreate(ordered, newSubmission(ordered));
  const at = refOf(operation);
  const slow: Fleet = {
    ...fleet,
    storage: {
      ...fleet.storage,
      async ensureAccount(site, id, keys) {
        // The cancel has undone it, and only then this one goes on.
        await closeLineage(fleet, at);
        await finish(inventory, operation);
        await fleet.storage.ensureAccount(site, id, keys);
      },
    },
  };
  await expect(openLineage(slow, at, await viewCluster(fleet, late.id))).rejects.toMatchObject({
    code: 'STALE_GENERATION',
  });
  for (const site of POLICY.sites)
    expect(existsSync(join(folder, 'world', 'sites', site, `tl_${operation.id.slice(3)}`, 'account'))).toBe(false);
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

const AWAY = new HoldfastError('HOST_UNREACHABLE', { host: 'shop/pg-1', detail: 'no answer in time' });

/** Its one host is away. */
const withoutHosts = (): Fleet => ({
  ...fleet,
  ssh: {
    ...fleet.ssh,
    host: () => ({ label: 'shop/pg-1', run: () => Promise.reject(AWAY), putFiles: () => Promise.reject(AWAY) }),
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

test('a host that is away holds up no change of times and no pause: the next backup tells it', async () => {
  const at = await change({ paused: true, timeZone: 'Europe/Paris', schedule: { ...POLICY.schedule, full: null } });
  const steps = createPolicyActivities(withoutHosts());
  await steps.openNewSites(at);
  await steps.tellHosts(at);
  await steps.prepareNewStores(at);
});

test('what a node is told last is what holds by then, also when the policy changed while it was told', async () => {
  const at = await change({ retention: { unit: 'count', full: 3 } });
  const told: string[] = [];
  const host: Host = {
    label: 'shop/pg-1',
    async run(_command, { stdin = '' } = {}) {
      told.push(stdin);
      if (told.length === 1) {
        const view = await viewCluster(fleet, cluster.id);
        await openAccount(fleet, view.cluster, (await timeline()).id, 'offsite');
        await inventory.timelines.setSites(at, WITH_OFFSITE.sites);
      }
      return '';
    },
    putFiles: () => Promise.resolve([]),
  };
  const watched = withoutHosts();
  await createPolicyActivities({ ...watched, ssh: { ...watched.ssh, host: () => host } }).tellHosts(at);
  const files = told.map(decoded).filter((text) => text.includes('repo1-'));
  expect(files.map((text) => text.includes('repo3-'))).toEqual([false, true]);
});

/** Files travel in base64. */
const decoded = (text: string): string =>
  text.replace(/[A-Za-z0-9+/=]{200,}/g, (part) => Buffer.from(part, 'base64').toString());

test.each<[string, Partial<BackupPolicy>]>([
  ['sites', WITH_OFFSITE],
  ['how long backups are kept', { retention: { unit: 'count', full: 3 } }],
])('%s is told to every data node, also to one that is away', async (_what, policy) => {
  const at = await change(policy);
  const steps = createPolicyActivities(withoutHosts());
  await steps.openNewSites(at);
  await expect(steps.tellHosts(at)).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
});
