import { setTimeout as pause } from 'node:timers/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Cloud } from '../../../activities/cloud/cloud';
import type { Fleet } from '../../../activities/fleet';
import { reasonOf } from '../../../activities/host/cancellation';
import { unreachable } from '../../../activities/host/errors';
import type { RunOptions } from '../../../activities/host/host';
import type { OpenInventory } from '../../../activities/inventory/open';
import { guardClusters } from '../../../activities/watch/guard';
import type { Condition } from '../../../domain/clusters';
import type { HeartbeatRole } from '../../../domain/heartbeats';
import { stateOf } from '../../../domain/heartbeats';
import type { OperationKind } from '../../../domain/operations';
import { openSimulatedFleet } from '../../simulation/fleet';
import type { BackedUpCluster } from '../../support/backups';
import { openBackedUpCluster } from '../../support/backups';
import { eventually } from '../../support/eventually';
import type { ScratchInventory } from '../../support/inventory';
import { newSubmission, openScratchInventory } from '../../support/inventory';

/** What the guard makes of silence: real inventory, and hosts and a cloud that do what they are told. On real hosts: test/alone/ha/autopilot.ts. */

interface SimulatedNode {
  /** Null: nothing of it reaches the control plane. */
  says: HeartbeatRole | null;
  /** It answers the other nodes. */
  answers: boolean;
  /** How often it was heard. */
  beats: number;
}

let opened: ScratchInventory;
let inventory: OpenInventory;
let folder: string;
let shop: BackedUpCluster;
let nodes: Record<string, SimulatedNode>;
/** What was done, in order. */
let done: string[];
/** What the others do when the lease is released. */
let promote: () => void;
let powerOff: Cloud['powerOff'];
let fences: boolean;
let guards: { stop(): Promise<void> }[];
let fleet: Fleet;

beforeAll(async () => {
  opened = await openScratchInventory();
  ({ inventory } = opened);
  folder = mkdtempSync(join(tmpdir(), 'holdfast-guard-'));
  const simulated = await openSimulatedFleet(join(folder, 'world'), join(folder, 'home'), opened.scratch.url);
  const docker: Cloud = {
    ...simulated.clouds.docker,
    get fences() {
      return fences;
    },
    powerOff: (token) => powerOff(token),
    powerOn: (token) => Promise.resolve(void done.push(`on ${nodeIn(token)}`)),
  };
  const ssh: Fleet['ssh'] = {
    host: ({ label }) => ({
      label,
      run: (_command, options = {}) => run(label.split('/')[1] ?? '', options),
      putFiles: () => Promise.reject(new Error('a guard changes no file')),
    }),
    close: () => undefined,
  };
  fleet = { ...simulated, inventory, ssh, clouds: { ...simulated.clouds, docker } };
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await opened.close();
});
beforeEach(async () => {
  await opened.scratch.query(`update clusters set state = 'deleted'`);
  shop = await openBackedUpCluster(opened);
  await opened.scratch.query(
    `insert into nodes (cluster_id, name, role, failure_domain, private_address, ssh_host, ssh_port, host_key)
     select $1, 'pg-' || n, 'data', 'local', '10.0.0.' || n, '10.0.0.' || n, 22, 'key' from generate_series(1, 3) n`,
    [shop.cluster.id],
  );
  nodes = {
    'pg-1': { says: 'primary', answers: true, beats: 0 },
    'pg-2': { says: 'replica', answers: true, beats: 0 },
    'pg-3': { says: 'replica', answers: true, beats: 0 },
  };
  done = [];
  guards = [];
  fences = true;
  promote = () => node('pg-2', { says: 'primary' });
  powerOff = (token) => Promise.resolve(void done.push(`off ${nodeIn(token)}`));
});
afterEach(() => Promise.all(guards.map((guard) => guard.stop())));

/** All of them are. */
const heard = (): Promise<true> => eventually(() => Object.values(nodes).every(({ beats }) => beats > 3));
const nodeIn = (token: string): string => token.split('/')[1] ?? '';
const node = (name: string, change: Partial<SimulatedNode>): void => void Object.assign(nodes[name] ?? {}, change);
const silence = (name: string): void => node(name, { says: null, answers: false });

function guard(): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const running = new MockActivityEnvironment().run(() => guardClusters(fleet, stopping.signal).catch(() => undefined));
  const started = {
    async stop() {
      stopping.abort();
      await running;
    },
  };
  guards.push(started);
  return started;
}

async function run(name: string, { title = '', onLine, signal }: RunOptions): Promise<string> {
  const called = /^call (.+)$/.exec(title)?.[1];
  if (called !== undefined) {
    done.push(`${name} calls ${called}`);
    return nodes[called]?.answers ? 'sshd\n' : '';
  }
  if (nodes[name]?.says === null && title !== 'say who it is') throw unreachable(name, new Error('no answer'));
  if (title === 'release the lease') {
    if (!done.includes('released')) done.push('released');
    promote();
    return 'SUCCESS\n';
  }
  while (!signal?.aborted) {
    const says = nodes[name]?.says;
    if (says && onLine) {
      onLine(says);
      Object.assign(nodes[name] ?? {}, { beats: (nodes[name]?.beats ?? 0) + 1 });
    }
    if (says === 'primary' && title === 'wait for the primary') return '';
    await pause(50);
  }
  throw reasonOf(signal);
}

async function told(): Promise<Condition | undefined> {
  const cluster = await inventory.clusters.get(shop.cluster.id);
  return cluster?.status.conditions.find(({ type }) => type === 'PrimaryServes');
}
const audited = async (): Promise<string[]> =>
  (
    await opened.scratch.query<{ action: string }>(
      `select action from audit_log where subject = $1 and action like 'failover%' order by seq`,
      [shop.cluster.id],
    )
  ).map(({ action }) => action);
const calls = (): string[] => done.filter((one) => one.includes(' calls '));
const deeds = (): string[] => done.filter((one) => !one.includes(' calls '));

test('a primary that is silent to all is switched off before its lease is released, and on when another one took over', async () => {
  guard();
  await heard();
  silence('pg-1');
  await eventually(async () => (await told())?.reason === 'FailedOver');
  expect(deeds()).toEqual(['off pg-1', 'released', 'on pg-1']);
  expect(new Set(calls())).toEqual(new Set(['pg-2 calls pg-1', 'pg-3 calls pg-1']));
  expect(await told()).toMatchObject({ status: true });
  expect((await told())?.message).toContain('pg-2 took over from pg-1');
  expect(await audited()).toEqual(['failover began', 'failover ended']);
  expect(await inventory.failovers.listUnfinished()).toEqual([]);
});

test('one that another node still hears is left alone, and asked for again', async () => {
  guard();
  await heard();
  node('pg-1', { says: null });
  await eventually(() => calls().length >= 6);
  expect(deeds()).toEqual([]);
  expect(await told()).toBeUndefined();
  // The same guard does act once they agree.
  node('pg-1', { answers: false });
  await eventually(() => deeds().includes('off pg-1'));
});

test('where no cloud confirms that a host is off, nobody is even asked', async () => {
  fences = false;
  guard();
  await heard();
  silence('pg-1');
  const listed = jest.spyOn(inventory.heartbeats, 'listHeard');
  await eventually(() => listed.mock.calls.length > 2);
  expect(done).toEqual([]);
});

test('what data nodes say of themselves is written down, and what is not heard any more gets old', async () => {
  guard();
  const states = async (): Promise<Record<string, string>> => {
    const all = await inventory.heartbeats.of(shop.cluster.id);
    return Object.fromEntries<string>(
      [...all].map(([name, { role, silentMs }]) => [name, stateOf(role, silentMs)]).sort(),
    );
  };
  const become = (wanted: Record<string, string>): Promise<unknown> =>
    eventually(async () => JSON.stringify(await states()) === JSON.stringify(wanted));
  await become({ 'pg-1': 'primary', 'pg-2': 'replica', 'pg-3': 'replica' });
  node('pg-3', { says: 'down' });
  await become({ 'pg-1': 'primary', 'pg-2': 'replica', 'pg-3': 'down' });
  silence('pg-3');
  await become({ 'pg-1': 'primary', 'pg-2': 'replica', 'pg-3': 'silent' });
  node('pg-3', { says: 'replica', answers: true });
  await become({ 'pg-1': 'primary', 'pg-2': 'replica', 'pg-3': 'replica' });
});

test.each<[OperationKind, boolean]>([
  ['restore-in-place', false],
  ['stop', false],
  ['backup', true],
  ['configure-backups', true],
])('while an operation of kind %s runs, it fails over: %s', async (kind, does) => {
  const swap = { timelineId: shop.timeline.id, target: { kind: 'latest' } as const, site: null, undoes: null };
  if (kind === 'backup') await shop.backup();
  else {
    const submission = newSubmission(shop.cluster, kind);
    await inventory.operations.submit(null, kind === 'restore-in-place' ? { ...submission, swap } : submission);
  }
  guard();
  await heard();
  silence('pg-1');
  await eventually(() => (does ? deeds().includes('on pg-1') : calls().length >= 6));
  expect(deeds()).toEqual(does ? ['off pg-1', 'released', 'on pg-1'] : []);
});

test('in maintenance a dead primary is left alone; when that is over by the clock of the inventory it is replaced', async () => {
  const { clusters } = inventory;
  await clusters.beginMaintenance(shop.cluster.id, 60, 'somebody');
  guard();
  await heard();
  silence('pg-1');
  await eventually(() => calls().length >= 6);
  expect(deeds()).toEqual([]);
  expect(await inventory.failovers.listUnfinished()).toEqual([]);
  await opened.scratch.query(`update clusters set maintenance_until = now() where id = $1`, [shop.cluster.id]);
  await eventually(async () => (await told())?.reason === 'FailedOver');
  expect(deeds()).toEqual(['off pg-1', 'released', 'on pg-1']);
});

test('one that another worker was about to fence is not fenced in maintenance either', async () => {
  await inventory.failovers.begin(shop.cluster.id, 'pg-1');
  await inventory.clusters.beginMaintenance(shop.cluster.id, 60, 'somebody');
  silence('pg-1');
  guard();
  const listed = jest.spyOn(inventory.failovers, 'listUnfinished');
  await eventually(() => listed.mock.calls.length > 2);
  expect(done).toEqual([]);
  await inventory.clusters.endMaintenance(shop.cluster.id);
  await eventually(() => deeds().includes('on pg-1'));
});

test('what a worker left is carried on by the next one, from where it was left', async () => {
  const first = guard();
  await heard();
  powerOff = () => new Promise(() => undefined);
  silence('pg-1');
  await eventually(async () => (await inventory.failovers.listUnfinished()).length === 1);
  // Its power-off never ends, and nobody waits for it.
  await first.stop();
  powerOff = (token) => Promise.resolve(void done.push(`off ${nodeIn(token)}`));
  guard();
  await eventually(async () => (await told())?.reason === 'FailedOver');
  expect(deeds()).toEqual(['off pg-1', 'released', 'on pg-1']);
});

test('one that answers again by the time that the next worker takes it up serves on, and can be replaced later', async () => {
  await inventory.failovers.begin(shop.cluster.id, 'pg-1');
  guard();
  await eventually(async () => (await told())?.reason === 'AnswersAgain');
  expect(deeds()).toEqual([]);
  expect(await told()).toMatchObject({ status: true });
  await heard();
  silence('pg-1');
  await eventually(() => deeds().includes('off pg-1'));
});

test('two workers at a time do it once', async () => {
  guard();
  guard();
  await heard();
  silence('pg-1');
  await eventually(async () => (await told())?.reason === 'FailedOver');
  const rows = await opened.scratch.query('select 1 from failovers where cluster_id = $1', [shop.cluster.id]);
  expect(rows).toHaveLength(1);
});

test('a cluster that is being deleted is left to its deletion', async () => {
  const failover = await inventory.failovers.begin(shop.cluster.id, 'pg-1');
  expect(failover?.fencedAt).toBeNull();
  await opened.scratch.query(`update clusters set state = 'deleting' where id = $1`, [shop.cluster.id]);
  guard();
  await eventually(async () => (await inventory.failovers.listUnfinished()).length === 0);
  expect(done).toEqual([]);
  expect(await inventory.failovers.begin(shop.cluster.id, 'pg-1')).toBeNull();
});
