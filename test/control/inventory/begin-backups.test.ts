import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fleet } from '../../../activities/fleet';
import { viewCluster } from '../../../activities/fleet';
import { unreachable } from '../../../activities/host/errors';
import type { OpenInventory } from '../../../activities/inventory/open';
import { createPatroniActivities } from '../../../activities/patroni/activities';
import { closeLineage, openLineage } from '../../../activities/pgbackrest/lineage';
import { createPolicyActivities } from '../../../activities/pgbackrest/policy';
import type { ClusterNode, StepRef } from '../../../domain/clusters';
import type { OperationKind } from '../../../domain/operations';
import { openSimulatedFleet } from '../../simulation/fleet';
import type { NewCluster, ScratchInventory } from '../../support/inventory';
import { finish, newCluster, newId, newSubmission, openScratchInventory, refOf } from '../../support/inventory';
import { POLICY } from '../../support/lineage';

/** A cluster that has no backups is given some: real inventory and stores, and hosts that say what they are told. */

let opened: ScratchInventory;
let inventory: OpenInventory;
let folder: string;
let fleet: Fleet & { readonly inventory: OpenInventory };
let cluster: NewCluster;
/** Titles of what was run, in order. */
let ran: string[];
let away: string[];
let archiveMode: string;

beforeAll(async () => {
  opened = await openScratchInventory();
  folder = mkdtempSync(join(tmpdir(), 'holdfast-begin-'));
  const simulated = await openSimulatedFleet(join(folder, 'world'), join(folder, 'home'), opened.scratch.url);
  ({ inventory } = simulated);
  const nodes: Fleet['inventory']['nodes'] = { ...inventory.nodes, list: () => Promise.resolve([node(1), node(2)]) };
  fleet = { ...simulated, ssh: scripted, inventory: { ...inventory, nodes } };
});
afterAll(async () => {
  await inventory?.close();
  rmSync(folder, { recursive: true, force: true });
  await opened.close();
});
beforeEach(async () => {
  [ran, away, archiveMode] = [[], [], 'on'];
  cluster = newCluster(opened.project, `shop-${newId('clu').slice(-8)}`);
  const { operation } = await inventory.operations.submitCreate(cluster, newSubmission(cluster));
  await inventory.clusters.setStatus(refOf(operation), { state: 'ready' });
  await finish(inventory, operation);
});

const scripted: Fleet['ssh'] = {
  host: ({ label }) => {
    const run = (what: string): Promise<string> => {
      const name = label.split('/')[1] ?? '';
      if (away.includes(name)) return Promise.reject(unreachable(label, new Error('no answer')));
      ran.push(`${name} ${what}`);
      return Promise.resolve(what === 'see whether it can archive' ? archiveMode : '');
    };
    return {
      label,
      run: (_command, { title = '' } = {}) => run(title),
      putFiles: async (files) => {
        for (const { path } of files) await run(path);
        return [];
      },
    };
  },
  forget: () => undefined,
  close: () => undefined,
};

const node = (number: 1 | 2): ClusterNode => ({
  clusterId: cluster.id,
  name: `pg-${number}`,
  role: 'data',
  failureDomain: `local-${number}`,
  hostId: `host-${number}`,
  privateAddress: `10.0.0.${number}`,
  ssh: { host: `10.0.0.${number}`, port: 22 },
  hostKey: 'ssh-ed25519 AAAA',
  publicPorts: {},
});

async function order(kind: OperationKind = 'begin-backups'): Promise<StepRef> {
  const submission = { ...newSubmission(cluster, kind), backupPolicy: POLICY };
  return refOf((await inventory.operations.submit(null, submission)).operation);
}

/** With the archive open. */
async function begin(): Promise<StepRef> {
  const at = await order();
  await openLineage(fleet, at, await viewCluster(fleet, cluster.id));
  return at;
}

const policy = async (): Promise<unknown> => (await inventory.clusters.get(cluster.id))?.spec.backups;
const watched = async (): Promise<boolean> =>
  (await inventory.archiving.listWatched()).some(({ clusterId }) => clusterId === cluster.id);

test('what there is none of is not changed: only an operation that begins with it takes a first policy', async () => {
  await expect(order('configure-backups')).rejects.toMatchObject({ code: 'BACKUPS_NOT_CONFIGURED' });
  expect(await policy()).toBeNull();
  await order();
  expect(await policy()).toEqual(POLICY);
});

test('nobody says of its log that it is archived before it is', async () => {
  const at = await begin();
  expect(await watched()).toBe(false);
  await opened.scratch.query(`update operations set state = 'succeeded', finished_at = now() where id = $1`, [
    at.operationId,
  ]);
  expect(await watched()).toBe(true);
});

test('undone, it has no backups as before, the stores have nothing, and it can be given some again', async () => {
  const at = await begin();
  const { id } = (await inventory.timelines.current(cluster.id)) ?? {};
  const account = (site: string): string => join(folder, 'world', 'sites', site, id ?? 'none', 'account');
  expect(POLICY.sites.map((site) => existsSync(account(site)))).toEqual([true, true]);
  for (let times = 0; times < 2; times++) {
    await createPolicyActivities(fleet).putBackPolicy(at);
    await closeLineage(fleet, at);
  }
  expect([await policy(), await inventory.timelines.current(cluster.id)]).toEqual([null, null]);
  expect(POLICY.sites.map((site) => existsSync(account(site)))).toEqual([false, false]);
  await opened.scratch.query(`update operations set state = 'cancelled', finished_at = now() where id = $1`, [
    at.operationId,
  ]);
  await begin();
  expect((await inventory.timelines.current(cluster.id))?.id).not.toBe(id);
});

test('every data node knows of the archive before the log goes there, and the log goes nowhere before they forget it', async () => {
  const at = await begin();
  const patroni = createPatroniActivities(fleet);
  await patroni.beginArchiving(at);
  const told = ['pg-1 have patroni read its files', 'pg-2 have patroni read its files'];
  const places = (title: string): number[] => [...told, `pg-1 ${title}`].map((one) => ran.indexOf(one));
  const [one = -1, two = -1, shared = -1] = places('say where the log goes');
  expect(Math.min(one, two)).toBeGreaterThanOrEqual(0);
  expect(shared).toBeGreaterThan(Math.max(one, two));
  ran = [];
  await patroni.endArchiving(at);
  const [first = -1, second = -1, nowhere = -1] = places('say that the log goes nowhere');
  expect(nowhere).toBeGreaterThanOrEqual(0);
  expect(Math.min(first, second)).toBeGreaterThan(nowhere);
});

test('a data node that is away is waited for on the way there, and by nobody on the way back, which tells of it', async () => {
  const at = await begin();
  const [policies, patroni] = [createPolicyActivities(fleet), createPatroniActivities(fleet)];
  away = ['pg-2'];
  await expect(policies.tellHosts(at)).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
  await expect(patroni.beginArchiving(at)).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
  expect(ran).not.toContain('pg-1 say where the log goes');
  await patroni.endArchiving(at);
  await policies.untellHosts(at);
  expect(ran).toContain('pg-1 forget what backups are taken with');
  const operation = await inventory.operations.get(at.operationId);
  const progress = operation?.steps.find(({ id }) => id === at.stepId)?.progress;
  expect(progress).toMatch(/^pg-2 does not answer, and keeps files of backups/);
});

test('one that only a restart could have archive is told so, and is left as it is', async () => {
  const at = await begin();
  archiveMode = 'off';
  await expect(createPatroniActivities(fleet).beginArchiving(at)).rejects.toMatchObject({ code: 'ARCHIVE_MODE_OFF' });
  expect(ran.filter((what) => what.includes('patroni'))).toEqual([]);
});
