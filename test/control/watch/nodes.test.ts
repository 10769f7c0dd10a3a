import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fleet } from '../../../activities/fleet';
import { unreachable } from '../../../activities/host/errors';
import type { OpenInventory } from '../../../activities/inventory/open';
import { NODES_PERIOD_MS } from '../../../activities/watch/activities';
import { createNodeWatch } from '../../../activities/watch/nodes';
import type { Condition, ConditionType } from '../../../domain/clusters';
import { openSimulatedFleet } from '../../simulation/fleet';
import type { BackedUpCluster } from '../../support/backups';
import { openBackedUpCluster } from '../../support/backups';
import type { ScratchInventory } from '../../support/inventory';
import { newSubmission, openScratchInventory } from '../../support/inventory';
import { scriptedSsh } from '../../support/scripted-ssh';
import type { SaidNode } from '../../support/said-nodes';
import { DATA, GATEWAYS, print, wellNode } from '../../support/said-nodes';

/** What the watch makes of what nodes say: a real inventory, and hosts that say what they are told. On real hosts: test/alone/ha/disk.ts. */

let opened: ScratchInventory;
let inventory: OpenInventory;
let folder: string;
let fleet: Fleet & { readonly inventory: OpenInventory };
let shop: BackedUpCluster;
let nodes: Record<string, SaidNode>;
/** Names of those that stream, with what they lag, and of those whose etcd answers. */
let standbys: Record<string, number>;
let members: readonly string[];
let leader: string;
let laterMs: number;
let commands: { readonly node: string; readonly command: string }[];
let look: () => Promise<void>;
let failures: unknown[];
let hangingCommand: string;

beforeAll(async () => {
  opened = await openScratchInventory();
  ({ inventory } = opened);
  folder = mkdtempSync(join(tmpdir(), 'holdfast-nodes-'));
  const simulated = await openSimulatedFleet(join(folder, 'world'), join(folder, 'home'), opened.scratch.url);
  const watchSsh = scriptedSsh((name, command) => {
    commands.push({ node: name, command });
    const node = nodes[name];
    if (node?.hangs || (hangingCommand !== '' && command.includes(hangingCommand)))
      return new Promise<string>(() => undefined);
    return node?.answers
      ? Promise.resolve(print(node, command, { standbys, members, leader }))
      : Promise.reject(unreachable(name, new Error('no answer')));
  });
  fleet = { ...simulated, watchSsh };
  const real = Date.now;
  jest.spyOn(Date, 'now').mockImplementation(() => real() + laterMs);
});
afterAll(async () => {
  jest.restoreAllMocks();
  await fleet?.inventory.close();
  rmSync(folder, { recursive: true, force: true });
  await opened.close();
});
beforeEach(async () => {
  laterMs = 0;
  hangingCommand = '';
  commands = [];
  await opened.scratch.query(`update clusters set state = 'deleted'`);
  shop = await openBackedUpCluster(opened);
  const addresses = `'10.0.0.' || n, '10.0.0.' || n, 22, 'key'`;
  await opened.scratch.query(
    `insert into nodes (cluster_id, name, role, failure_domain, private_address, ssh_host, ssh_port, host_key)
     select $1, 'pg-' || n, 'data', 'local', ${addresses} from generate_series(1, 3) n union all
     select $1, 'gw-' || n - 3, 'gateway', 'local', ${addresses} from generate_series(4, 5) n`,
    [shop.cluster.id],
  );
  nodes = Object.fromEntries([...DATA, ...GATEWAYS].map((name) => [name, wellNode()]));
  change('pg-1', { role: 'primary' });
  standbys = { 'pg-2': 0, 'pg-3': 0 };
  members = DATA;
  leader = 'pg-2';
  startWatch();
});

const change = (name: string, to: Partial<SaidNode>): void => void Object.assign(nodes[name] ?? {}, to);

/** As a worker that begins does: nothing is in its mind. */
function startWatch(): void {
  failures = [];
  const watch = createNodeWatch(fleet, new AbortController().signal, (error) => failures.push(error));
  look = async () => {
    for (const one of await inventory.watching.listReady()) await watch(one);
  };
}
async function looks(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await look();
}

async function told(type: ConditionType): Promise<Condition | undefined> {
  return (await inventory.clusters.get(shop.cluster.id))?.status.conditions.find(
    (condition) => condition.type === type,
  );
}
const reason = async (type: ConditionType): Promise<string | undefined> => (await told(type))?.reason;
const audited = async (): Promise<string[]> =>
  (
    await opened.scratch.query<{ text: string }>(
      `select action || coalesce(': ' || (details ->> 'reason'), ' by ' || (details ->> 'node')) as text
         from audit_log where subject = $1 and actor = 'autopilot' order by seq`,
      [shop.cluster.id],
    )
  ).map(({ text }) => text);
const WATCHED = ['DiskSpace', 'StandbysStream', 'EtcdWhole', 'GatewaysServe', 'CertificatesValid'] as const;

test('a cluster that is well is told to be so within two looks, which is no news, with one command for each node', async () => {
  await look();
  expect(commands.map(({ node }) => node).sort()).toEqual([...GATEWAYS, ...DATA]);
  await look();
  for (const type of WATCHED) expect(await told(type)).toMatchObject({ type, status: true });
  const before = (await inventory.clusters.get(shop.cluster.id))?.status.conditions;
  await looks(3);
  expect((await inventory.clusters.get(shop.cluster.id))?.status.conditions).toEqual(before);
  expect(await audited()).toEqual([]);
});

test('a volume that fills is told rung by rung, and back again, each once', async () => {
  await look();
  const rungs: [Partial<SaidNode>, string][] = [
    [{ used: 810 }, 'Filling'],
    [{ used: 910 }, 'NearlyFull'],
    [{ used: 951, refuses: true }, 'WritesRefused'],
    [{ used: 995, role: null }, 'Full'],
    [{ used: 850, role: 'primary', refuses: false }, 'Filling'],
    [{ used: 500 }, 'Enough'],
  ];
  for (const [to, wanted] of rungs) {
    change('pg-1', to);
    await looks(2);
    expect(await reason('DiskSpace')).toBe(wanted);
  }
  expect((await audited()).filter((text) => text.startsWith('disk'))).toEqual(
    rungs.map(([, wanted]) => `disk space changed: ${wanted}`),
  );
});

test.each<[ConditionType, () => void, () => void, string, RegExp]>([
  [
    'StandbysStream',
    () => (standbys = { 'pg-2': 0 }),
    () => (standbys = { 'pg-2': 0, 'pg-3': 0 }),
    'NotStreaming',
    /^pg-3 /,
  ],
  [
    'StandbysStream',
    () => (standbys = { 'pg-2': 1e9, 'pg-3': 0 }),
    () => (standbys = { 'pg-2': 0, 'pg-3': 0 }),
    'Lagging',
    /^pg-2 /,
  ],
  ['EtcdWhole', () => (members = ['pg-1', 'pg-2']), () => (members = DATA), 'MembersAway', /pg-3/],
  [
    'GatewaysServe',
    () => change('gw-2', { deaf: ['6432'] }),
    () => change('gw-2', { deaf: [] }),
    'NotServing',
    /gw-2 \(6432\)/,
  ],
  [
    'GatewaysServe',
    () => change('gw-1', { answers: false }),
    () => change('gw-1', { answers: true }),
    'NotServing',
    /gw-1 \(host\)/,
  ],
])('%s comes and goes by itself, when it was seen twice', async (type, breaks, mends, wanted, message) => {
  await looks(2);
  const well = await reason(type);
  breaks();
  await look();
  expect(await reason(type)).toBe(well);
  await look();
  expect(await told(type)).toMatchObject({
    status: false,
    reason: wanted,
    message: expect.stringMatching(message) as string,
  });
  mends();
  await looks(2);
  expect(await told(type)).toMatchObject({ status: true, reason: well });
  expect(await audited()).toHaveLength(2);
});

test('a data node that does not answer keeps nobody from the others', async () => {
  change('pg-3', { answers: false });
  standbys = { 'pg-2': 0 };
  change('pg-1', { used: 910 });
  await looks(2);
  expect(await told('DiskSpace')).toMatchObject({ reason: 'NearlyFull' });
  expect(await told('StandbysStream')).toMatchObject({ reason: 'NotStreaming' });
});

const NONSENSE: readonly [string, string, Partial<SaidNode>][] = [
  ['pg-3', 'prints no line that is known', { babble: 'Segmentation fault' }],
  ['pg-2', 'prints half of what PostgreSQL told', { babble: 'volume 1000 700\npostgres {"isPri' }],
  ['gw-1', 'has a certificate that ends at no time', { babble: 'notAfter=never\n' }],
  ['pg-3', 'did what no row can hold', { acts: [{ at: '2026-11-23T04:00:00.123Z', act: 'a\0b', detail: '' }] }],
];
test.each(NONSENSE)('%s, which %s, keeps nobody from the others, and is told of', async (name, _, to) => {
  change(name, to);
  change('pg-1', { used: 910 });
  standbys = { 'pg-2': 0 };
  await looks(2);
  expect(await told('DiskSpace')).toMatchObject({ reason: 'NearlyFull' });
  expect(await told('StandbysStream')).toMatchObject({ reason: 'NotStreaming' });
  expect(failures).toHaveLength(2);
});

test.each(['pg-3', 'gw-2'])(
  '%s, which hangs, keeps nobody from the others: a look ends before the next',
  async (name) => {
    change(name, { hangs: true });
    change('pg-1', { used: 910 });
    standbys = { 'pg-2': 0 };
    for (let i = 0; i < 2; i++) {
      const beganAt = performance.now();
      await look();
      expect(performance.now() - beganAt).toBeLessThan(NODES_PERIOD_MS);
    }
    expect(await told('DiskSpace')).toMatchObject({ reason: 'NearlyFull' });
    expect(await told('StandbysStream')).toMatchObject({ reason: 'NotStreaming' });
    expect(failures).toEqual([]);
  },
);

test('what is done for a cluster beside its looks holds up none of them, and is not begun twice', async () => {
  leader = 'pg-1';
  await look();
  const moves = (): number => commands.filter(({ command }) => command.includes('move-leader')).length;
  expect(moves()).toBe(1);
  hangingCommand = 'move-leader';
  await looks(3);
  expect(moves()).toBe(2);
});

test('while nobody is the primary, or the control plane hears nobody, nothing is said of standbys, etcd and gateways', async () => {
  await looks(2);
  change('pg-1', { role: 'standby' });
  for (const name of GATEWAYS) change(name, { deaf: ['5432', '5433', '6432'] });
  standbys = {};
  await looks(3);
  for (const name of [...DATA, ...GATEWAYS]) change(name, { answers: false });
  await looks(3);
  for (const type of WATCHED) expect(await told(type)).toMatchObject({ status: true });
  expect(await audited()).toEqual([]);
});

test('while an operation works on the cluster only its volumes and certificates are told of, and nothing is done', async () => {
  await looks(2);
  leader = 'pg-1';
  await inventory.operations.submit(null, newSubmission(shop.cluster, 'switchover'));
  standbys = {};
  change('pg-1', { used: 910 });
  await looks(3);
  expect(await reason('StandbysStream')).toBe('Streaming');
  expect(await reason('DiskSpace')).toBe('NearlyFull');
  const moves = (): unknown[] =>
    commands.filter(({ node, command }) => node === 'pg-1' && command.includes('move-leader b'));
  expect(moves()).toEqual([]);
  await opened.scratch.query(`update operations set state = 'succeeded', finished_at = now()`);
  await look();
  expect(moves()).toHaveLength(1);
});

test('certificates are asked for once in an hour, and told of a month before the first of them ends', async () => {
  const asked = (): number => commands.filter(({ command }) => /\/tls( |$)/.test(command)).length;
  await looks(3);
  expect(asked()).toBe(5);
  change('gw-2', { certificateEndsAt: new Date(Date.now() + 10 * 86_400_000) });
  await look();
  expect(await reason('CertificatesValid')).toBe('Valid');
  laterMs += 3_600_000;
  await look();
  expect(asked()).toBe(10);
  expect(await told('CertificatesValid')).toMatchObject({ status: false, reason: 'EndSoon' });
  expect((await told('CertificatesValid'))?.message).toContain('gw-2 on');
});

test('after a day without a control plane the next look tells what is, and what hosts have done meanwhile, with their own times, once', async () => {
  await looks(2);
  const act = (hour: number, what: string) => ({ at: `2026-11-22T0${hour}:00:00.000Z`, act: what, detail: 'x' });
  change('pg-1', {
    used: 960,
    refuses: true,
    acts: [act(1, 'writes refused'), act(2, 'writes allowed'), act(5, 'writes refused')],
  });
  change('pg-2', { acts: [act(3, 'log kept short')] });
  laterMs += 86_400_000;
  startWatch();
  await looks(3);
  expect(await reason('DiskSpace')).toBe('WritesRefused');
  expect(await audited()).toEqual([
    'writes refused by pg-1',
    'writes allowed by pg-1',
    'writes refused by pg-1',
    'log kept short by pg-2',
    'disk space changed: WritesRefused',
  ]);
  const times = await opened.scratch.query<{ at: string }>(
    `select details ->> 'at' as at from audit_log where subject = $1 and details ? 'at' order by seq`,
    [shop.cluster.id],
  );
  expect(times.map(({ at }) => at)).toEqual([1, 2, 5, 3].map((hour) => act(hour, '').at));
});

test('a cluster that is being deleted is not looked at, and nothing is told of it any more', async () => {
  const [ready] = await inventory.watching.listReady();
  await opened.scratch.query(`update clusters set state = 'deleting' where id = $1`, [shop.cluster.id]);
  expect(await inventory.watching.listReady()).toEqual([]);
  change('pg-1', { used: 960 });
  if (!ready) throw new Error('no cluster');
  await createNodeWatch(fleet, new AbortController().signal, (error) => failures.push(error))(ready);
  expect(await told('DiskSpace')).toBeUndefined();
});
