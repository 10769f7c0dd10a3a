import { setTimeout as pause } from 'node:timers/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Cloud, CloudHost } from '../../activities/cloud/cloud';
import type { Fleet } from '../../activities/fleet';
import { reasonOf } from '../../activities/host/cancellation';
import { unreachable } from '../../activities/host/errors';
import type { RunOptions } from '../../activities/host/host';
import type { OpenInventory } from '../../activities/inventory/open';
import { guardClusters } from '../../activities/watch/guard';
import type { Condition, ConditionType } from '../../domain/clusters';
import type { HeartbeatRole } from '../../domain/heartbeats';
import type { ClusterId } from '../../domain/ids';
import type { NodeName } from '../../domain/topology';
import { stepTitles } from '../../workflows/runbooks';
import { openSimulatedFleet } from '../simulation/fleet';
import type { BackedUpCluster } from './backups';
import { openBackedUpCluster } from './backups';
import { eventually } from './eventually';
import type { ScratchInventory } from './inventory';
import { openScratchInventory } from './inventory';
import { scriptedSsh } from './scripted-ssh';

/** What the guard of clusters sees and does: real inventory, and hosts and a cloud that do what they are told. */

export interface GuardedNode {
  /** Null: nothing of it reaches the control plane. */
  says: HeartbeatRole | null;
  /** It answers the other nodes, or those of them alone. */
  answers: boolean | readonly string[];
  /** When it is asked for others it says nothing. */
  mute: boolean;
  /** How long it takes to say what it knows of others. */
  takesMs: number;
  /** Its etcd answers, and has a vote. */
  votes: boolean;
  /** As the cloud knows it. */
  host: 'runs' | 'off' | 'gone';
  /** How often it was heard. */
  beats: number;
}

export interface Guarded {
  readonly opened: ScratchInventory;
  readonly inventory: OpenInventory;
  readonly guards: { stop(): Promise<void> }[];
  /** The cluster of this test. */
  shop: BackedUpCluster;
  /** Of all clusters, by name. */
  nodes: Record<string, GuardedNode>;
  /** What was done, in order. */
  done: string[];
  /** Whose requests fail at once, and by whom. */
  takenForOff: Set<string>;
  /** Who is the primary for etcd, and since which of its revisions. */
  lease: { holder: string; revision: number };
  /** What the others do when the lease is released. */
  promote: () => void;
  powerOff: Cloud['powerOff'];
  powerOn: Cloud['powerOn'];
  fences: boolean;
  /** Hosts are had rather than made. */
  hasMachines: boolean;
  /** For how long its clock was put on. */
  waitedMs: number;
}

/** @returns what a test file keeps; {@link begin} makes it anew for each test. */
export async function openGuarded(): Promise<Guarded & { close(): Promise<void>; guard(): { stop(): Promise<void> } }> {
  const opened = await openScratchInventory();
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-guard-'));
  const simulated = await openSimulatedFleet(join(folder, 'world'), join(folder, 'home'), opened.scratch.url);
  const guarded: Guarded = {
    opened,
    inventory: opened.inventory,
    guards: [],
    shop: await openBackedUpCluster(opened),
    ...freshState(),
  };
  const ssh = scriptedSsh((name, _command, options) => run(guarded, name, options));
  const { clouds } = simulated;
  const told = {
    ...clouds,
    get docker() {
      return cloudOf(guarded, clouds.docker, clouds.static.machines);
    },
  };
  const fleet = { ...simulated, inventory: opened.inventory, ssh, watchSsh: ssh, clouds: told };
  return Object.assign(guarded, {
    guard: () => startGuard(guarded, fleet),
    async close() {
      rmSync(folder, { recursive: true, force: true });
      await opened.close();
    },
  });
}

const freshNode = (says: HeartbeatRole): GuardedNode => ({
  says,
  answers: true,
  mute: false,
  takesMs: 0,
  votes: true,
  host: 'runs',
  beats: 0,
});

const freshState = (): Omit<Guarded, 'opened' | 'inventory' | 'guards' | 'shop'> => ({
  nodes: { 'pg-1': freshNode('primary'), 'pg-2': freshNode('replica'), 'pg-3': freshNode('replica') },
  done: [],
  takenForOff: new Set(),
  lease: { holder: 'pg-1', revision: 7 },
  promote: () => undefined,
  powerOff: () => Promise.resolve(),
  powerOn: () => Promise.resolve(),
  fences: true,
  hasMachines: false,
  waitedMs: 0,
});

/** A cluster of three data nodes that are well, and no other. @param gateways names of its gateways. */
export async function begin(guarded: Guarded, gateways: readonly string[] = []): Promise<void> {
  const { scratch } = guarded.opened;
  await scratch.query(`update clusters set state = 'deleted'`);
  // What the autopilot did for them counts for no storm.
  await scratch.query(`update operations set created_at = created_at - interval '1 hour'`);
  Object.assign(guarded, freshState(), {
    promote: () => change(guarded, 'pg-2', { says: 'primary' }),
    powerOff: (token: string) => Promise.resolve(void guarded.done.push(`off ${nodeIn(token)}`)),
    powerOn: (token: string) => Promise.resolve(void guarded.done.push(`on ${nodeIn(token)}`)),
  });
  for (const name of gateways) guarded.nodes[name] = freshNode('open');
  guarded.shop = await addCluster(guarded);
}

/** Another one, whose nodes are as those of all others. */
export async function addCluster({ opened, nodes }: Guarded): Promise<BackedUpCluster> {
  const added = await openBackedUpCluster(opened);
  await opened.scratch.query(
    `insert into nodes (cluster_id, name, role, failure_domain, host_id, private_address, ssh_host, ssh_port, host_key)
     select $1, name, case when starts_with(name, 'pg-') then 'data' else 'gateway' end, 'local', 'host of ' || name,
            '10.0.0.' || n, '10.0.0.' || n, 22, 'key'
       from unnest($2::text[]) with ordinality as node (name, n)`,
    [added.cluster.id, Object.keys(nodes)],
  );
  return added;
}

export const change = ({ nodes }: Guarded, name: string, to: Partial<GuardedNode>): void =>
  void Object.assign(nodes[name] ?? {}, to);
export const silence = (guarded: Guarded, name: string): void => change(guarded, name, { says: null, answers: false });
/** All nodes that say something were heard. */
export const heard = ({ nodes }: Guarded): Promise<true> =>
  eventually(() => Object.values(nodes).every(({ beats }) => beats > 3));

/** So many looks at silent nodes have begun and ended since. */
export async function looksOf({ inventory }: Guarded): Promise<void> {
  const listed = jest.spyOn(inventory.heartbeats, 'listHeard');
  await eventually(() => listed.mock.calls.length > 3);
  listed.mockRestore();
}
/** The control plane has not heard it for three seconds, and knows it. */
export const noticedBy = ({ inventory, shop }: Guarded, name: NodeName): Promise<true> =>
  eventually(async () => {
    const last = (await inventory.heartbeats.of(shop.cluster.id)).get(name);
    return last !== undefined && last.silentMs > 4_500;
  });

export async function toldOf(
  { inventory, shop }: Guarded,
  type: ConditionType,
  id: ClusterId = shop.cluster.id,
): Promise<Condition | undefined> {
  const cluster = await inventory.clusters.get(id);
  return cluster?.status.conditions.find((condition) => condition.type === type);
}

const nodeIn = (token: string): string => token.split('/')[1] ?? '';

/** As it is when a guard begins to listen to the cluster. */
function cloudOf(guarded: Guarded, made: Cloud, machines: Cloud['machines']): Cloud {
  return {
    ...made,
    fences: guarded.fences,
    ...(guarded.hasMachines && machines && { machines }),
    findHost: (token) => Promise.resolve(hostIn(guarded, token)),
    powerOff: (token) => guarded.powerOff(token),
    powerOn: (token) => guarded.powerOn(token),
  };
}

function hostIn({ nodes }: Guarded, token: string): CloudHost | null {
  const host = nodes[nodeIn(token)]?.host ?? 'gone';
  if (host === 'gone') return null;
  const ssh = { host: '10.0.0.1', port: 22 };
  return {
    ...{ id: `host of ${nodeIn(token)}`, token, failureDomain: 'local', running: host === 'runs' },
    ...{ privateAddress: ssh.host, ssh, publicPorts: {} },
  };
}

function startGuard(guarded: Guarded, fleet: Fleet): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const steps = {
    data: stepTitles('replace-node', 'ha', 'pg-1'),
    gateway: stepTitles('replace-node', 'ha', 'gw-1'),
    recover: stepTitles('recover', 'ha'),
  };
  const clock = (): number => performance.now() + guarded.waitedMs;
  const running = new MockActivityEnvironment().run(() =>
    guardClusters(fleet, steps, stopping.signal, clock).catch(() => undefined),
  );
  const started = {
    async stop() {
      stopping.abort();
      await running;
    },
  };
  guarded.guards.push(started);
  return started;
}

/** Ends all guards of a test. */
export async function endGuards({ guards }: Guarded): Promise<void> {
  await Promise.all(guards.splice(0).map((guard) => guard.stop()));
}

async function run(guarded: Guarded, name: string, options: RunOptions): Promise<string> {
  const { title = '', onLine, signal } = options;
  const { nodes, done } = guarded;
  const called = /^call (.+)$/.exec(title)?.[1];
  if (called !== undefined) {
    done.push(`${name} calls ${called}`);
    if (nodes[name]?.mute) throw unreachable(name, new Error('no answer'));
    const answers = nodes[called]?.answers ?? false;
    await pause(nodes[name]?.takesMs ?? 0);
    return (typeof answers === 'boolean' ? answers : answers.includes(name)) ? 'sshd\n' : '';
  }
  if (title === 'ask its etcd') return `"IsLearner" : ${!nodes[name]?.votes}\n`;
  const [, lead] = /^lead clients (to the new|away from the former) primary$/.exec(title) ?? [];
  if (lead !== undefined) {
    done.push(`${name} leads ${lead === 'to the new' ? 'to another primary' : 'away from it'}`);
    return '';
  }
  const [, off, as] = /^take (.+) for (off|back)$/.exec(title) ?? [];
  if (off !== undefined) {
    if (as === 'off') guarded.takenForOff.add(`${off} by ${name}`);
    else guarded.takenForOff.delete(`${off} by ${name}`);
    return '';
  }
  if (nodes[name]?.says === null && title !== 'say who it is') throw unreachable(name, new Error('no answer'));
  if (title === 'read the lease') {
    const value = Buffer.from(guarded.lease.holder).toString('base64');
    return JSON.stringify({ kvs: [{ mod_revision: guarded.lease.revision, value }] });
  }
  if (title === 'release the lease') {
    if (!options.stdin?.toString().includes(`= "${guarded.lease.revision}"\n`)) return 'FAILURE\n';
    if (!done.includes('released')) done.push('released');
    guarded.promote();
    return 'SUCCESS\n';
  }
  while (!signal?.aborted) {
    const node = guarded.nodes[name];
    if (node?.says && onLine) {
      onLine(node.says);
      node.beats += 1;
    }
    if (node?.says === 'primary' && title === 'wait for the primary') return '';
    await pause(50);
  }
  throw reasonOf(signal);
}
