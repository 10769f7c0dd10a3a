import Docker from 'dockerode';
import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, troubleOf } from '../../../../activities/cloud/docker/errors';
import { createLimits } from '../../../../activities/cloud/docker/limits';
import { objectName } from '../../../../activities/cloud/docker/names';
import { once } from '../../../../activities/cloud/docker/once';
import { powerOff } from '../../../../activities/cloud/docker/power';
import { placeFromLabels, placeLabels, portBindings } from '../../../../activities/cloud/docker/places';
import { floatingAddress, freeSubnets, hostAddresses, overlap } from '../../../../activities/cloud/docker/subnets';

describe('subnets of private networks', () => {
  test('overlap when one holds the other, in either order, and never with IPv6', () => {
    expect(overlap('10.213.4.0/26', '10.213.0.0/16')).toBe(true);
    expect(overlap('10.0.0.0/8', '10.213.4.0/26')).toBe(true);
    expect(overlap('10.213.4.0/26', '10.213.4.64/26')).toBe(false);
    expect(overlap('10.213.4.0/26', 'fd00::/8')).toBe(false);
  });

  test('are all of the pool but those in use, each once, beginning elsewhere for each seed', () => {
    const free = [...freeSubnets('one', ['10.213.0.0/17'])].map(({ cidr }) => cidr);
    expect(new Set(free).size).toBe(512);
    expect(free.filter((cidr) => overlap(cidr, '10.213.128.0/17'))).toHaveLength(512);
    const [first] = freeSubnets('two', []);
    expect(first?.cidr).not.toBe(free[0]);
    expect([...freeSubnets('one', ['10.0.0.0/8'])]).toEqual([]);
  });

  test('begin with the one that is preferred, as long as it is one of them and free', () => {
    const cidrs = (used: string[], preferred: string): string[] =>
      [...freeSubnets('one', used, preferred)].map(({ cidr }) => cidr);
    const usual = cidrs([], '192.0.2.0/26');
    expect(cidrs([], '10.213.7.64/26')[0]).toBe('10.213.7.64/26');
    expect(new Set(cidrs([], '10.213.7.64/26'))).toEqual(new Set(usual));
    expect(cidrs(['10.213.7.64/26'], '10.213.7.64/26')[0]).toBe(usual[0]);
    expect(usual[0]).toBe([...freeSubnets('one', [])][0]?.cidr);
  });

  test('have a gateway, hosts and a floating address, all apart', () => {
    const [subnet] = freeSubnets('one', []);
    if (!subnet) throw new Error('no subnet is free');
    const addresses = [subnet.gateway, ...hostAddresses(subnet.cidr), floatingAddress(subnet.cidr)];
    expect(new Set(addresses).size).toBe(62);
    expect(addresses.every((address) => overlap(`${address}/32`, subnet.cidr))).toBe(true);
    expect(addresses.some((address) => /\.(0|63|64|127|128|191|192|255)$/.test(address))).toBe(false);
  });
});

describe('names of resources', () => {
  test('differ between installations and tokens that look alike', () => {
    const names = [objectName('a', 'b/c'), objectName('a', 'b-c'), objectName('a-b', 'c'), objectName('a', 'b_c')];
    expect(names[0]).toBe('holdfast-a.b.c');
    expect(new Set(names).size).toBe(4);
  });

  test.each(['', 'a/../b', 'a.b', '/a', 'a b'])('are refused for the token %j', (token) => {
    expect(() => objectName('a', token)).toThrow(/refused to name a resource/);
  });
});

describe('the place of a host', () => {
  test('comes back from its labels', () => {
    const place = {
      address: '10.213.0.2',
      ports: { 22: { host: '127.0.0.1', port: 20000 }, 5432: { host: '127.0.0.1', port: 20001 } },
    };
    expect(placeFromLabels(placeLabels(place))).toEqual(place);
    expect(portBindings(place)).toEqual({
      '22/tcp': [{ HostIp: '127.0.0.1', HostPort: '20000' }],
      '5432/tcp': [{ HostIp: '127.0.0.1', HostPort: '20001' }],
    });
  });

  test('publishes nothing when it is reached directly', () => {
    expect(portBindings({ address: '10.213.0.2', ports: { 22: { host: '10.213.0.2', port: 22 } } })).toEqual({});
  });
});

describe("the engine's errors", () => {
  const said = (statusCode: number, message: string): Error => Object.assign(new Error(message), { statusCode });

  test.each([
    [new Error('connect ECONNREFUSED'), 'unreachable', 'CLOUD_UNAVAILABLE'],
    [said(503, 'starting'), 'unreachable', 'CLOUD_UNAVAILABLE'],
    [said(500, 'cgroup busy'), 'failed', 'CLOUD_UNAVAILABLE'],
    [said(500, 'write /x: no space left on device'), 'full', 'CLOUD_FULL'],
    [said(403, 'Pool overlaps with other one on this address space'), 'overlap', 'CLOUD_REFUSED'],
    [said(403, 'Address already in use'), 'address taken', 'CLOUD_REFUSED'],
    [said(500, 'Bind for 127.0.0.1:1 failed: port is already allocated'), 'address taken', 'CLOUD_REFUSED'],
    [said(404, 'No such container'), 'absent', 'CLOUD_REFUSED'],
    [said(409, 'Conflict'), 'exists', 'CLOUD_REFUSED'],
    [said(400, 'bad parameter'), 'refused', 'CLOUD_REFUSED'],
  ])('case %# is told apart by status and sentence', async (error, trouble, code) => {
    expect(troubleOf(error)).toBe(trouble);
    const thrown: unknown = await ask('try', Promise.reject(error)).catch((caught: unknown) => caught);
    expect(thrown).toMatchObject({ code });
    expect(troubleOf(thrown)).toBe(trouble);
  });
});

describe('what is asked once', () => {
  test('is not asked again, unless it failed or the answer may change', async () => {
    const answers = [() => Promise.reject(new Error('away')), () => Promise.resolve(1), () => Promise.resolve(2)];
    const question = once(
      () => answers.shift()?.() ?? Promise.resolve(3),
      (answer) => answer > 1,
    );
    await expect(question()).rejects.toThrow('away');
    expect(await question()).toBe(1);
    expect([await question(), await question()]).toEqual([2, 2]);
  });
});

describe('memory and CPU limits', () => {
  const folder = mkdtempSync(join(tmpdir(), 'limits-'));
  const socketPath = join(folder, 'docker.sock');
  let info: object;
  // Not every machine that tests run on has an engine with the controllers, and one without: only what it says counts.
  const engine = createServer((_, response) => response.end(JSON.stringify(info)));
  beforeAll(() => new Promise<void>((done) => engine.listen(socketPath, done)));
  afterAll(async () => {
    await new Promise((done) => engine.close(done));
    rmSync(folder, { recursive: true });
  });
  const limits = (): ReturnType<typeof createLimits> => createLimits(new Docker({ socketPath }));

  test('are set and enforced where the engine has both controllers, with no more CPUs than there are', async () => {
    info = { MemoryLimit: true, CpuCfsQuota: true, NCPU: 2 };
    expect(await limits().enforcement()).toEqual({ enforced: true });
    expect(await limits().of({ memoryBytes: 1024, cpus: 8 })).toEqual({
      Memory: 1024,
      MemorySwap: 1024,
      NanoCpus: 2e9,
    });
  });

  test.each([{ MemoryLimit: false, CpuCfsQuota: true }, { MemoryLimit: true, CpuCfsQuota: false }, {}])(
    'are neither set nor claimed where it says %j',
    async (traits) => {
      info = { ...traits, NCPU: 2 };
      expect(await limits().enforcement()).toEqual({
        enforced: false,
        reason: expect.stringContaining('no memory and CPU controllers') as string,
      });
      expect(await limits().of({ memoryBytes: 1024, cpus: 1 })).toEqual({});
    },
  );
});

describe('a power-off', () => {
  const folder = mkdtempSync(join(tmpdir(), 'power-off-'));
  const socketPath = join(folder, 'docker.sock');
  const options = {
    ...{ docker: new Docker({ socketPath }), installId: 'a', home: folder },
    ...{ reach: 'direct' as const, image: () => Promise.resolve('') },
  };
  let looks: object[] = [];
  let asked: string[] = [];
  const engine = createServer((request, response) => {
    const [what = ''] = /[^/]+$/.exec(request.url?.split('?')[0] ?? '') ?? [];
    asked.push(what);
    if (what === 'json') response.end(JSON.stringify({ State: looks.shift() ?? { Running: false } }));
    if (what === 'kill') response.writeHead(204).end();
    // Nothing else is answered.
  });
  beforeAll(() => new Promise<void>((done) => engine.listen(socketPath, done)));
  afterAll(async () => {
    engine.closeAllConnections();
    await new Promise((done) => engine.close(done));
    rmSync(folder, { recursive: true });
  });

  test.each([
    ['at once', [{ Running: true }], ['json', 'kill', 'json']],
    [
      'after a while',
      [{ Running: true }, { Running: true }, { Restarting: true }],
      ['json', 'kill', 'json', 'kill', 'json', 'kill', 'json'],
    ],
    ['before it is asked', [], ['json']],
  ])('is over when the engine says that the host does not run: %s', async (_when, states, expected) => {
    [looks, asked] = [[...states], []];
    await powerOff(options, 'shop/pg-1');
    expect(asked).toEqual(expected);
  });

  test('is given up when the host runs on: whoever started it anew would lose it', async () => {
    [looks, asked] = [Array.from({ length: 9 }, () => ({ Running: true })), []];
    const now = Date.now();
    jest.spyOn(Date, 'now').mockImplementation(() => now + asked.length * 10_000);
    await expect(powerOff(options, 'shop/pg-1')).rejects.toMatchObject({ code: 'CLOUD_UNAVAILABLE' });
    expect(asked).toEqual(['json', 'kill', 'json', 'kill', 'json']);
    jest.restoreAllMocks();
  });
});
