import { pino } from 'pino';
import type { Cloud, HostSpec, Resource } from '../../../activities/cloud/cloud';
import { createStaticCloud } from '../../../activities/cloud/static';
import { createSshPool } from '../../../activities/host/ssh-pool';
import type { SshPool } from '../../../activities/host/ssh-pool';
import { createInventory } from '../../../activities/inventory/open';
import type { OpenInventory } from '../../../activities/inventory/open';
import { makeHostKey } from '../../../activities/secrets/ssh-keys';
import { newId, openScratchInventory } from '../../support/inventory';
import type { ScratchInventory } from '../../support/inventory';

/**
 * What of the contract of a cloud is about who has which machine: nobody is behind the addresses here, because nothing of
 * it touches a machine. What does is in the other tests of this folder.
 */

const GIB = 1024 ** 3;
const key = makeHostKey();
let scratch: ScratchInventory;
let second: OpenInventory;
let ssh: SshPool;
let cloud: Cloud;
let otherProcess: Cloud;

const cloudOn = ({ hosts, floatingAddresses: addresses }: OpenInventory): Cloud =>
  createStaticCloud({ hosts, addresses, ssh, ownMachineId: null, fence: null });

beforeAll(async () => {
  scratch = await openScratchInventory();
  second = createInventory(scratch.scratch.url);
  ssh = createSshPool({ controlKey: key.privatePem, logger: pino({ level: 'silent' }) });
  [cloud, otherProcess] = [cloudOn(scratch.inventory), cloudOn(second)];
});
afterAll(async () => {
  ssh.close();
  await second.close();
  await scratch.close();
});
beforeEach(async () => {
  for (let n = 1; n <= 6; n++) await register(n);
});
afterEach(async () => {
  await scratch.scratch.query('delete from hosts');
  await scratch.scratch.query('delete from floating_addresses');
});

/** On ports of loopback where nothing listens. */
async function register(n: number): Promise<void> {
  const { hosts } = scratch.inventory;
  const { id } = await hosts.register({
    id: newId('host'),
    projectId: scratch.project,
    name: `m${n}`,
    ssh: { host: '127.0.0.1', port: n, user: 'ops' },
    hostKey: `SHA256:${'a'.repeat(43)}`,
    zone: ['a', 'b', 'c'][n % 3] ?? 'a',
    size: { memoryBytes: GIB, cpus: 1, storageBytes: 10 * GIB },
  });
  await hosts.recordFacts(id, {
    machineId: `m${n}`,
    privateAddress: `192.0.2.${n}`,
    controlAddress: '192.0.2.200',
    sshPort: 22,
  });
}

const tags = (cluster = 'clu_one') => ({ 'holdfast.cluster': cluster, 'holdfast.project': scratch.project });
const spec = (token: string, change: Partial<HostSpec> = {}): HostSpec => ({
  token,
  tags: tags(),
  networkToken: 'clu_one/network',
  hostname: 'pg-1',
  failureDomain: 'a',
  memoryBytes: GIB,
  cpus: 1,
  volumeBytes: GIB,
  publicPorts: [],
  hostKey: key,
  authorizedKey: key.publicLine,
  ...change,
});
const kinds = (resources: readonly Resource[]): string[] => resources.map(({ kind }) => kind).sort();

test('it says what it cannot do, and where machines are', async () => {
  const traits = await cloud.describe(tags());
  expect(traits.failureDomains).toEqual(['a', 'b', 'c']);
  for (const trait of [traits.volumeSize, traits.resourceLimits, traits.floatingAddress]) {
    expect(trait).toMatchObject({ enforced: false, reason: expect.stringMatching(/.{20}/) as unknown });
  }
});

test('a token that is used again finds what the first call made, also in another process', async () => {
  const made = await cloud.createHost(spec('clu_one/pg-1'));
  expect(await cloud.createHost(spec('clu_one/pg-1'))).toEqual(made);
  expect(await otherProcess.createHost(spec('clu_one/pg-1'))).toEqual(made);
  expect(await cloud.findHost('clu_one/pg-1')).toEqual({ ...made, running: false });
});

test('five calls at once with one token, from two processes, take one machine', async () => {
  const callers = [cloud, otherProcess, cloud, otherProcess, cloud];
  const made = await Promise.all(callers.map((caller) => caller.createHost(spec('clu_one/pg-1'))));
  expect(new Set(made.map(({ id }) => id)).size).toBe(1);
  expect(kinds(await cloud.listByTags(tags()))).toEqual(['host']);
});

test('hosts that are made at once, of two clusters, have machines of their own; the next one finds none', async () => {
  const made = await Promise.all(
    [1, 2, 3].flatMap((n) => [
      cloud.createHost(spec(`clu_one/pg-${n}`)),
      otherProcess.createHost(spec(`clu_two/pg-${n}`, { tags: tags('clu_two') })),
    ]),
  );
  expect(new Set(made.map(({ id }) => id)).size).toBe(6);
  await expect(cloud.createHost(spec('clu_one/pg-4'))).rejects.toMatchObject({ code: 'CLOUD_FULL' });
});

test('a project never gets the machines of another', async () => {
  const { id } = await scratch.inventory.projects.ensure('another');
  const theirs = { ...tags(), 'holdfast.project': id };
  await expect(cloud.createHost(spec('clu_one/pg-1', { tags: theirs }))).rejects.toMatchObject({ code: 'CLOUD_FULL' });
});

test('the network is that of the machines; a floating address belongs to one network', async () => {
  const { floatingAddresses } = scratch.inventory;
  await floatingAddresses.register({
    id: newId('fip'),
    projectId: scratch.project,
    address: '192.0.2.100',
    prefixLength: 24,
  });
  await cloud.createHost(spec('clu_one/pg-1'));
  const network = { token: 'clu_one/network', cidr: '192.0.2.0/24', controlAddress: '192.0.2.200' };
  for (const caller of [cloud, otherProcess]) {
    expect(await caller.createNetwork({ token: network.token, tags: tags() })).toEqual(network);
    expect(await caller.reserveAddress(network.token)).toBe('192.0.2.100');
  }
  await cloud.createHost(spec('clu_two/pg-1', { tags: tags('clu_two') }));
  await cloud.createNetwork({ token: 'clu_two/network', tags: tags('clu_two') });
  expect(await cloud.reserveAddress('clu_two/network')).toBeNull();
  expect(kinds(await cloud.listByTags(tags()))).toEqual(['address', 'host']);
});

test('a network gets the floating address that it prefers where that is free, else another one', async () => {
  const { floatingAddresses } = scratch.inventory;
  for (const address of ['192.0.2.101', '192.0.2.102', '192.0.2.103'])
    await floatingAddresses.register({ id: newId('fip'), projectId: scratch.project, address, prefixLength: 24 });
  const preferred = { cidr: '192.0.2.0/24', floatingAddress: '192.0.2.102' };
  const addressOf = async (cluster: string): Promise<string | null> => {
    await cloud.createHost(spec(`${cluster}/pg-1`, { tags: tags(cluster) }));
    await cloud.createNetwork({ token: `${cluster}/network`, tags: tags(cluster), preferred });
    return cloud.reserveAddress(`${cluster}/network`);
  };
  expect(await addressOf('clu_one')).toBe('192.0.2.102');
  expect(['192.0.2.101', '192.0.2.103']).toContain(await addressOf('clu_two'));
});

test('what is deleted twice is gone, nothing is left, and the machine is free again', async () => {
  await cloud.createHost(spec('clu_one/pg-1'));
  await cloud.createNetwork({ token: 'clu_one/network', tags: tags() });
  for (const caller of [cloud, otherProcess]) {
    await caller.deleteHost('clu_one/pg-1');
    await caller.deleteNetwork('clu_one/network');
  }
  expect(await cloud.findHost('clu_one/pg-1')).toBeNull();
  expect(await cloud.listByTags(tags())).toEqual([]);
  expect((await scratch.inventory.hosts.list(scratch.project)).every(({ cluster }) => cluster === null)).toBe(true);
});

test('a machine that does not answer is neither called off nor switched on: nobody knows, and nobody can', async () => {
  await cloud.createHost(spec('clu_one/pg-1'));
  await expect(cloud.powerOff('clu_one/pg-1')).rejects.toMatchObject({ code: 'CLOUD_REFUSED' });
  await expect(cloud.powerOn('clu_one/pg-1')).rejects.toMatchObject({
    code: 'CLOUD_REFUSED',
    message: expect.stringContaining('nobody but you can switch') as unknown,
  });
});

describe('with a fence command', () => {
  /** What it was asked for, in order. */
  let asked: string[];
  const fencing = (answers: boolean): Cloud => {
    const note =
      (verb: string) =>
      ({ name }: { name: string }): Promise<void> =>
        Promise.resolve(void asked.push(`${verb} ${name}`));
    const { hosts, floatingAddresses: addresses } = scratch.inventory;
    const fence = { off: note('off'), on: note('on') };
    return createStaticCloud({
      ...{ hosts, addresses, ssh, ownMachineId: null, fence },
      answers: () => Promise.resolve(answers),
    });
  };
  beforeEach(() => {
    asked = [];
  });

  test('a machine is switched off and on by it, whether it answers or not', async () => {
    const able = fencing(false);
    expect([cloud.fences, able.fences]).toEqual([false, true]);
    await able.createHost(spec('clu_one/pg-1'));
    await able.powerOff('clu_one/pg-1');
    await able.powerOn('clu_one/pg-1');
    expect(asked).toEqual([expect.stringMatching(/^off m\d$/), expect.stringMatching(/^on m\d$/)]);
  });

  test('one that still answers is not off, whatever the command says', async () => {
    const lying = fencing(true);
    await lying.createHost(spec('clu_one/pg-1'));
    await expect(lying.powerOff('clu_one/pg-1')).rejects.toMatchObject({
      code: 'CLOUD_UNAVAILABLE',
      message: expect.stringMatching(/m\d still answers, though the fence command says that it is off/) as unknown,
    });
  });
});
