import { makeHostKey } from '../../activities/secrets/ssh-keys';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Cloud, CloudHost, HostSpec, Network, Resource } from '../../activities/cloud/cloud';
import { untilSuccess } from '../support/eventually';
import type { SocketAddress } from '../../domain/clusters';
import { answers, ssh } from './support/ssh';
import type { SshTarget } from './support/ssh';

const MIB = 1024 ** 2;
const VOLUME_BYTES = 400 * MIB;
/** In the cloud's own words, for a host's shell: a TCP connection to sshd of another host within 2 s. */
const reaches = (address: string): string => `timeout 2 bash -c '</dev/tcp/${address}/22' && echo reached || echo lost`;

export interface CloudUnderTest {
  readonly cloud: Cloud;
  /** The same installation, as another process sees it. */
  readonly otherProcess: Cloud;
  /** How hosts are entered; default: by SSH. */
  readonly wire?: Wire;
  /** Takes all away that the test may have left. */
  end(): Promise<void>;
}

export interface Wire {
  /** Runs a command if the host shows the right key and knows ours; returns what it wrote, errors included. */
  shell(target: SshTarget, command: string): Promise<string>;
  /** True when something listens there. */
  answers(at: SocketAddress): Promise<boolean>;
}

export interface CloudKind {
  /** False for one that has no network: the claims about what reaches what can't be put to it. Default true. */
  readonly hasPackets?: boolean;
}

/** What every cloud must hold to (activities/cloud/cloud.ts): the claims that operations are built on. */
export function describeCloudContract(
  name: string,
  makeCloud: () => Promise<CloudUnderTest>,
  { hasPackets = true }: CloudKind = {},
): void {
  describe(`the contract of a cloud, held by ${name}`, () => {
    const tags = { 'holdfast.cluster': `clu_${randomBytes(8).toString('hex')}` };
    const clientKey = makeHostKey();
    const keys = { 'a/pg-1': makeHostKey(), 'a/gw-1': makeHostKey(), 'b/pg-1': makeHostKey() } as const;
    type Token = keyof typeof keys;
    let env: CloudUnderTest;
    let cloud: Cloud;
    let wire: Wire;
    let networkA: Network;
    let networkB: Network;

    const spec = (token: Token): HostSpec => ({
      token,
      tags,
      networkToken: token.startsWith('a/') ? 'a/network' : 'b/network',
      hostname: token.replace('/', '-'),
      failureDomain: 'domain-of-the-test',
      memoryBytes: 256 * MIB,
      cpus: 0.5,
      volumeBytes: token.endsWith('pg-1') ? VOLUME_BYTES : null,
      publicPorts: token === 'a/gw-1' ? [5432, 6432] : [],
      hostKey: keys[token],
      authorizedKey: clientKey.publicLine,
    });
    const host = async (token: Token): Promise<CloudHost> => {
      const found = await cloud.findHost(token);
      if (!found) throw new Error(`there is no host ${token}`);
      return found;
    };
    const target = async (token: Token) => ({ at: (await host(token)).ssh, hostKey: keys[token], clientKey });
    const runWhenUp = (at: SshTarget, command: string): Promise<string> =>
      untilSuccess(() => wire.shell(at, command), { limitMs: 60_000 });
    const run = async (token: Token, command: string): Promise<string> =>
      (await runWhenUp(await target(token), command)).trim();
    const ofKind = (resources: Resource[], kind: Resource['kind']): Resource[] =>
      resources.filter((r) => r.kind === kind);

    beforeAll(async () => {
      env = await makeCloud();
      cloud = env.cloud;
      wire = env.wire ?? { shell: ssh, answers };
      [networkA, networkB] = await Promise.all([
        cloud.createNetwork({ token: 'a/network', tags }),
        cloud.createNetwork({ token: 'b/network', tags }),
      ]);
      await Promise.all([
        cloud.createHost(spec('a/pg-1')),
        cloud.createHost(spec('a/gw-1')),
        cloud.createHost(spec('b/pg-1')),
      ]);
    }, 120_000);
    afterAll(() => env.end(), 120_000);

    test('it says what it can and cannot do', async () => {
      const traits = await cloud.describe();
      expect(traits.failureDomains.length).toBeGreaterThan(0);
      for (const trait of [traits.volumeSize, traits.resourceLimits, traits.floatingAddress]) {
        expect(trait.enforced || trait.reason.length > 20).toBe(true);
      }
    });

    test('a host answers over SSH with the key that was made for it, under its name', async () => {
      expect(await run('a/pg-1', 'hostname; whoami')).toBe('a-pg-1\nroot');
    });

    test('a host that shows another key than the expected one is not spoken to', async () => {
      await run('a/pg-1', 'true');
      const wrong = { ...(await target('a/pg-1')), hostKey: makeHostKey() };
      await expect(wire.shell(wrong, 'true')).rejects.toThrow(/verification failed/i);
    });

    test('another key than the authorized one may not log in', async () => {
      await run('a/pg-1', 'true');
      const stranger = { ...(await target('a/pg-1')), clientKey: makeHostKey() };
      await expect(wire.shell(stranger, 'true')).rejects.toThrow(/authentication methods failed/i);
    });

    test('a token that is used again finds what the first call made', async () => {
      const before = await host('a/pg-1');
      expect(await cloud.createNetwork({ token: 'a/network', tags })).toEqual(networkA);
      expect(await cloud.createHost(spec('a/pg-1'))).toEqual(before);
      expect(await env.otherProcess.createHost(spec('a/pg-1'))).toEqual(before);
    });

    test('five calls at once with one token, from two processes, make one host and one network', async () => {
      const once = { 'holdfast.cluster': `clu_${randomBytes(8).toString('hex')}` };
      const callers = [cloud, env.otherProcess, cloud, env.otherProcess, cloud];
      const networks = await Promise.all(
        callers.map((caller) => caller.createNetwork({ token: 'c/network', tags: once })),
      );
      const wanted: HostSpec = { ...spec('a/pg-1'), token: 'c/pg-1', networkToken: 'c/network', tags: once };
      const hosts = await Promise.all(callers.map((caller) => caller.createHost(wanted)));
      const found = await cloud.listByTags(once);

      expect(new Set(networks.map(({ cidr }) => cidr)).size).toBe(1);
      expect(new Set(hosts.map(({ id }) => id)).size).toBe(1);
      expect([ofKind(found, 'host').length, ofKind(found, 'network').length]).toEqual([1, 1]);
      expect(ofKind(found, 'loop device').length).toBeLessThanOrEqual(1);

      await Promise.all(callers.map((caller) => caller.deleteHost('c/pg-1')));
      await Promise.all(callers.map((caller) => caller.deleteNetwork('c/network')));
      expect(await cloud.listByTags(once)).toEqual([]);
    }, 120_000);

    test('a network that was deleted comes back as it was for whoever prefers it, until somebody has taken it', async () => {
      const once = { 'holdfast.cluster': `clu_${randomBytes(8).toString('hex')}` };
      const { cidr } = await cloud.createNetwork({ token: 'e/network', tags: once });
      const floatingAddress = await cloud.reserveAddress('e/network');
      const preferred = { cidr, floatingAddress };
      await cloud.deleteNetwork('e/network');
      const again = await cloud.createNetwork({ token: 'f/network', tags: once, preferred });
      expect([again.cidr, await cloud.reserveAddress('f/network')]).toEqual([cidr, floatingAddress]);
      const other = await cloud.createNetwork({ token: 'g/network', tags: once, preferred });
      expect(other.cidr).not.toBe(cidr);
      await Promise.all(['f/network', 'g/network'].map((token) => cloud.deleteNetwork(token)));
      expect(await cloud.listByTags(once)).toEqual([]);
    });

    test('hosts made at once have addresses of their own', async () => {
      const once = { 'holdfast.cluster': `clu_${randomBytes(8).toString('hex')}` };
      await cloud.createNetwork({ token: 'd/network', tags: once });
      const wanted = (n: number): HostSpec => ({
        ...spec('a/gw-1'),
        token: `d/gw-${n}`,
        networkToken: 'd/network',
        tags: once,
      });
      const made = await Promise.all([1, 2, 3, 4].map((n) => (n % 2 ? cloud : env.otherProcess).createHost(wanted(n))));
      expect(new Set(made.map(({ privateAddress }) => privateAddress)).size).toBe(4);
      expect(
        new Set(
          made.flatMap(({ ssh, publicPorts }) =>
            [ssh, ...Object.values(publicPorts)].map((at) => `${at.host}:${at.port}`),
          ),
        ).size,
      ).toBe(12);
      await Promise.all([1, 2, 3, 4].map((n) => cloud.deleteHost(`d/gw-${n}`)));
      await cloud.deleteNetwork('d/network');
    }, 120_000);

    test('a host knows its failure domain', async () => {
      expect((await host('a/pg-1')).failureDomain).toBe('domain-of-the-test');
    });

    if (hasPackets) {
      test('the machine reaches public ports, and is seen from the control address', async () => {
        await run('a/gw-1', `systemd-run --unit contract-5432 python3 -m http.server 5432`);
        const { publicPorts } = await host('a/gw-1');
        const postgres = publicPorts[5432];
        if (!postgres) throw new Error('port 5432 is not public');
        await untilSuccess(async () => {
          const answer = await fetch(`http://${postgres.host}:${postgres.port}/etc/hostname`);
          expect(answer.status).toBe(200);
        });
        expect(await run('a/gw-1', 'journalctl -u contract-5432 --no-pager -o cat')).toContain(
          `${networkA.controlAddress} - - `,
        );
      });

      test('a host reaches a server on the machine at the control address', async () => {
        const server = createServer((socket) => socket.end('from the machine'));
        await new Promise<void>((resolve) => server.listen(0, networkA.controlAddress, resolve));
        const { port } = server.address() as AddressInfo; // It listens on TCP: never a pipe's name.
        expect(await run('a/pg-1', `bash -c 'cat </dev/tcp/${networkA.controlAddress}/${port}'`)).toBe(
          'from the machine',
        );
        await new Promise((resolve) => server.close(resolve));
      });

      test('hosts of one network reach one another', async () => {
        const [pg, gw] = [await host('a/pg-1'), await host('a/gw-1')];
        expect(await run('a/pg-1', reaches(gw.privateAddress))).toContain('reached');
        expect(await run('a/gw-1', reaches(pg.privateAddress))).toContain('reached');
      });

      test('hosts of another network are out of reach, in both directions', async () => {
        const [ours, theirs] = [await host('a/pg-1'), await host('b/pg-1')];
        await Promise.all([run('a/pg-1', 'true'), run('b/pg-1', 'true')]);
        expect(networkB.cidr).not.toBe(networkA.cidr);
        expect(await run('b/pg-1', reaches(theirs.privateAddress))).toContain('reached');
        expect(await run('a/pg-1', reaches(theirs.privateAddress))).toContain('lost');
        expect(await run('b/pg-1', reaches(ours.privateAddress))).toContain('lost');
      });
    }

    test('the floating address belongs to no host, and reaches the one that takes it', async () => {
      const [address, { floatingAddress }] = [await cloud.reserveAddress('a/network'), await cloud.describe()];
      expect(address !== null).toBe(floatingAddress.enforced);
      if (address === null) return;
      expect(await env.otherProcess.reserveAddress('a/network')).toBe(address);
      expect([(await host('a/pg-1')).privateAddress, (await host('a/gw-1')).privateAddress]).not.toContain(address);

      if (!hasPackets) return;
      expect(await wire.answers({ host: address, port: 22 })).toBe(false);
      await run('a/gw-1', `ip address add ${address}/32 dev eth0`);
      const floating = { ...(await target('a/gw-1')), at: { host: address, port: 22 } };
      expect((await runWhenUp(floating, 'hostname')).trim()).toBe('a-gw-1');
    });

    test('a data volume is an XFS of the size asked for, and full when it is full', async () => {
      const { volumeSize } = await cloud.describe();
      if (!volumeSize.enforced) return;
      const fileSystem = await run('a/pg-1', 'findmnt -n -o FSTYPE,MAJ:MIN /var/lib/postgresql');
      const [, device] = /^xfs +(\d+:\d+)$/.exec(fileSystem) ?? [];
      const sectors = await run('a/pg-1', `cat /sys/dev/block/${device}/size`);
      expect(Number(sectors) * 512).toBe(VOLUME_BYTES);

      await run('a/pg-1', 'fallocate -l 200M /var/lib/postgresql/fits');
      expect(await run('a/pg-1', 'fallocate -l 200M /var/lib/postgresql/too-much')).toContain(
        'No space left on device',
      );
      await run('a/pg-1', 'rm -f /var/lib/postgresql/fits /var/lib/postgresql/too-much');
    });

    test("a data volume is PostgreSQL's", async () => {
      expect(await run('a/pg-1', 'stat -c "%U:%G %a" /var/lib/postgresql')).toBe('postgres:postgres 755');
    });

    test('memory of the plan is a limit, where it is enforced', async () => {
      const { resourceLimits } = await cloud.describe();
      if (!resourceLimits.enforced) return;
      const group = await run(
        'a/pg-1',
        `cat /sys/fs/cgroup"$(sed 's|^0::||; s|/init.scope.*||' /proc/1/cgroup)"/memory.max`,
      );
      expect(group).toBe(String(256 * MIB));
    });

    test('power-off is confirmed; a host that returns has its addresses and its data', async () => {
      const before = await host('a/pg-1');
      await run('a/pg-1', 'echo kept >/var/lib/postgresql/kept; sync /var/lib/postgresql/kept');
      await cloud.powerOff('a/pg-1');
      expect(await host('a/pg-1')).toEqual({ ...before, running: false });
      expect(await wire.answers(before.ssh)).toBe(false);
      await cloud.powerOff('a/pg-1');

      await cloud.powerOn('a/pg-1');
      expect(await host('a/pg-1')).toEqual(before);
      expect(await run('a/pg-1', 'cat /var/lib/postgresql/kept; hostname -I')).toMatch(
        new RegExp(`^kept\\n${before.privateAddress.replaceAll('.', '\\.')} *$`),
      );
      await cloud.powerOn('a/pg-1');
    }, 120_000);

    test('creating a host that is off finds it, with its data, and starts it', async () => {
      await run('a/pg-1', 'echo kept >/var/lib/postgresql/again; sync /var/lib/postgresql/again');
      const before = await host('a/pg-1');
      await cloud.powerOff('a/pg-1');
      expect(await env.otherProcess.createHost(spec('a/pg-1'))).toEqual(before);
      expect(await run('a/pg-1', 'cat /var/lib/postgresql/again')).toBe('kept');
    }, 120_000);

    test('what is deleted twice is gone, nothing is left, and what was there was listed', async () => {
      const kinds = (await cloud.describe()).volumeSize.enforced ? ['host', 'volume', 'network'] : ['host', 'network'];
      const before = await cloud.listByTags(tags);
      expect(before.map(({ kind }) => kind)).toEqual(expect.arrayContaining(kinds));
      expect(await cloud.listByTags({ ...tags, 'holdfast.cluster': 'clu_another' })).toEqual([]);

      for (const caller of [cloud, env.otherProcess]) {
        for (const token of ['a/pg-1', 'a/gw-1', 'b/pg-1']) await caller.deleteHost(token);
        for (const token of ['a/network', 'b/network']) await caller.deleteNetwork(token);
      }
      expect(await cloud.findHost('a/pg-1')).toBeNull();
      expect(await cloud.listByTags(tags)).toEqual([]);
    }, 120_000);
  });
}
