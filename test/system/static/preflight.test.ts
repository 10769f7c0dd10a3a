import type { HostCheck, RegisteredHost } from '../../../domain/hosts';
import { newId } from '../../support/inventory';
import type { Machine } from './machines';
import { differences, photograph } from './photograph';
import { GIB, openTwoMachines, whileBroken as whileMachineBroken } from './two-machines';
import type { Change, TwoMachines } from './two-machines';

/** What a look at a machine says when something is wrong with it, one thing at a time; and that looking changes nothing. */

jest.setTimeout(120_000);

let both: TwoMachines;
let machine: Machine;
let other: Machine;
let machineId: string;

beforeAll(async () => {
  both = await openTwoMachines();
  ({ first: machine, second: other } = both);
  machineId = machine.run('cat /etc/machine-id');
});
afterAll(() => both?.end());
afterEach(() => both.beginAnew());

async function look(change: Change = {}, ownMachineId?: string): Promise<readonly HostCheck[]> {
  return both.pool(ownMachineId).check(await both.register(machine, change));
}

const wrong = (checks: readonly HostCheck[]): (string | null)[][] =>
  checks.filter(({ ok }) => !ok).map(({ id, message, remedy }) => [id, message, remedy]);

const whileBroken = <T>(breaking: string, mending: string, act: () => Promise<T>): Promise<T> =>
  whileMachineBroken(machine, breaking, mending, act);

test('a machine that can be used is fine in every respect, and is after the look as it was before', async () => {
  const before = await photograph(machine);
  const checks = await look();
  expect(wrong(checks)).toEqual([]);
  expect(checks.map(({ id }) => id)).toEqual([
    ...['ssh', 'identity', 'distribution', 'systemd', 'clock', 'memory', 'cpus', 'disk'],
    ...['leftover', 'postgresql', 'software', 'ports', 'packages'],
  ]);
  expect(differences(before, await photograph(machine))).toEqual([]);
});

test('the public key of the host does as well as its fingerprint', async () => {
  expect(wrong(await look({ hostKey: machine.run('cat /etc/ssh/ssh_host_ed25519_key.pub') }))).toEqual([]);
});

test('nothing listens on the SSH port', async () => {
  expect(wrong(await look({ ssh: { port: 2222 } }))).toEqual([
    ['ssh', `Nothing listens on port 2222 of ${machine.address}.`, expect.stringContaining('Start sshd')],
  ]);
});

test('the machine does not answer', async () => {
  const control = machine.run('ip route show default').split(' ')[2] ?? '';
  await whileBroken(`ip route add blackhole ${control}/32`, `ip route del blackhole ${control}/32`, async () => {
    expect(wrong(await look())).toEqual([
      ['ssh', `${machine.address} does not answer on port 22.`, expect.stringContaining('firewall')],
    ]);
  });
});

test('it shows another host key', async () => {
  expect(wrong(await look({ hostKey: other.fingerprint }))).toEqual([
    ['host-key', 'It shows another host key than the registered one.', expect.stringContaining('ssh-keygen -lf')],
  ]);
});

test('the control key is not let in', async () => {
  expect(wrong(await look({ ssh: { user: 'nobody' } }))).toEqual([
    ['login', 'It does not let nobody in with the control key.', expect.stringContaining('holdfast host key')],
  ]);
});

test('the user may not become root', async () => {
  const found = await whileBroken('mv /etc/sudoers.d/ops /root/', 'mv /root/ops /etc/sudoers.d/', () => look());
  expect(wrong(found)).toEqual([
    [
      'sudo',
      expect.stringMatching(/^ops cannot become root without a password: sudo: /),
      expect.stringContaining('NOPASSWD'),
    ],
  ]);
});

test('it runs another distribution', async () => {
  const edit = `sed -i.kept 's/^VERSION_ID=.*/VERSION_ID="12"/; s/^PRETTY_NAME=.*/PRETTY_NAME="Debian GNU\\/Linux 12 (bookworm)"/'`;
  const found = await whileBroken(
    `${edit} /usr/lib/os-release`,
    'mv /usr/lib/os-release.kept /usr/lib/os-release',
    () => look(),
  );
  expect(wrong(found)).toEqual([
    ['distribution', 'It runs Debian GNU/Linux 12 (bookworm).', 'Install Debian 13 (trixie) on it.'],
  ]);
});

test('it is smaller than what was registered', async () => {
  const found = await look({ size: { memoryBytes: 4096 * GIB, cpus: 1024, storageBytes: 4096 * 1024 * GIB } });
  expect(wrong(found).map(([id]) => id)).toEqual(['memory', 'cpus', 'disk']);
  expect(wrong(found)[0]?.[1]).toMatch(/^It has [\d.]+ GiB of memory, 4096 GiB are needed\.$/);
});

test('ports that are needed are taken; it says by what', async () => {
  const listen = `systemd-run --quiet --unit taker perl -MIO::Socket::INET -e 'my @s = map { IO::Socket::INET->new(LocalPort => $_, Listen => 1) } 5432, 6432; sleep 600'`;
  machine.run(listen);
  const found = await whileBroken('until ss -Hltn | grep -q :6432; do sleep 0.1; done', 'systemctl stop taker', () =>
    look(),
  );
  expect(wrong(found)).toEqual([
    ['ports', 'Ports are taken: 5432 by perl, 6432 by perl.', expect.stringContaining('Stop what listens there')],
  ]);
});

test('packages cannot be fetched', async () => {
  const found = await whileBroken(
    `echo 'Acquire::http::Proxy "http://127.0.0.1:9";' >/etc/apt/apt.conf.d/broken`,
    'rm /etc/apt/apt.conf.d/broken',
    () => look(),
  );
  expect(wrong(found)).toEqual([
    [
      'packages',
      expect.stringMatching(/^Its packages cannot be fetched: http.*(127\.0\.0\.1|refused)/),
      expect.stringContaining('apt-get update'),
    ],
  ]);
});

test.each([
  ['its mirror lacks a suite that the software comes from', /\/debian\/dists\/forky\//, ['forky']],
  ['the suites for security cannot be reached', /-security\/dists\//, ['bookworm-security', 'trixie-security']],
])('%s: each is named, and nothing is changed', async (_, withheld, suites) => {
  const before = await photograph(machine);
  both.machines.packages.withhold(withheld);
  const found = wrong(await look().finally(() => both.machines.packages.withhold(null)));
  expect(found).toEqual([['packages', expect.any(String), expect.stringContaining('proxy')]]);
  const told = found[0]?.[1] ?? '';
  expect(told).toMatch(/^Its packages cannot be fetched: .*404.*[^.]\.$/);
  expect([...told.matchAll(/https?:\S*\/dists\/(\S+)\/InRelease: /g)].map(([, suite]) => suite)).toEqual(suites);
  expect(differences(before, await photograph(machine))).toEqual([]);
});

test('a PostgreSQL is on it already', async () => {
  const entry =
    'Package: postgresql-17\\nStatus: install ok installed\\nMaintainer: me\\nArchitecture: all\\nVersion: 17.1\\nDescription: one\\n';
  const found = await whileBroken(
    `cp /var/lib/dpkg/status /root/status; printf '\\n${entry}' >>/var/lib/dpkg/status; touch /var/lib/dpkg/info/postgresql-17.list; printf 'x  usr/x\\n' >/var/lib/dpkg/info/postgresql-17.md5sums`,
    'mv /root/status /var/lib/dpkg/status; rm -f /var/lib/dpkg/info/postgresql-17.*',
    () => look(),
  );
  expect(wrong(found)).toContainEqual([
    'postgresql',
    'A PostgreSQL is on it already (postgresql-17).',
    expect.stringContaining('another machine'),
  ]);
});

test('the software of an earlier cluster is on it', async () => {
  const found = await whileBroken(
    'install -d /var/lib/holdfast; echo clu_before >/var/lib/holdfast/cluster',
    'rm -r /var/lib/holdfast',
    () => look(),
  );
  expect(wrong(found)).toEqual([
    ['leftover', 'The software of cluster clu_before is still on it.', expect.stringContaining('uninstall.sh')],
  ]);
});

test('its clock is off by more than two seconds', async () => {
  const fast = `printf '#!/bin/sh\\nexec /usr/bin/date -d "+10 seconds" "$@"\\n' >/usr/local/bin/date; chmod 755 /usr/local/bin/date`;
  const found = await whileBroken(fast, 'rm /usr/local/bin/date', () => look());
  expect(wrong(found)).toEqual([
    [
      'clock',
      expect.stringMatching(/^Its clock is (9\.[5-9]|10\.[0-5]) s ahead of the control plane's\.$/),
      expect.stringContaining('systemd-timesyncd'),
    ],
  ]);
});

test('it is the machine of the control plane itself', async () => {
  expect(wrong(await look({}, machineId))).toEqual([
    ['identity', 'It is the machine of the control plane itself.', 'Register another machine.'],
  ]);
});

test('it is registered already under another address', async () => {
  await look();
  const again = await both.register(machine, { name: 'again', ssh: { host: 'm1.test' } });
  const here: RegisteredHost = { ...again, ssh: { ...again.ssh, host: machine.address } };
  expect(wrong(await both.pool().check(here))).toEqual([
    [
      'identity',
      'This very machine is registered already under another address.',
      expect.stringContaining('Remove one'),
    ],
  ]);
});

describe('of all machines of a cluster together', () => {
  const tags = (): Record<string, string> => ({
    'holdfast.cluster': 'clu_together',
    'holdfast.project': both.scratch.project,
  });
  const claim = async (): Promise<void> => {
    for (const one of both.machines.all) await both.register(one);
    const needs = { memoryBytes: GIB, cpus: 1, storageBytes: GIB };
    const wanted = [
      { token: 'clu_together/pg-1', needs: { ...needs, role: 'data' as const } },
      { token: 'clu_together/pg-2', needs: { ...needs, role: 'data' as const } },
      { token: 'clu_together/gw-1', needs: { role: 'gateway' as const, memoryBytes: 1, cpus: 0.5, storageBytes: 0 } },
    ];
    await both.scratch.inventory.hosts.claim({
      projectId: both.scratch.project,
      cluster: 'clu_together',
      tags: tags(),
      wanted,
    });
  };
  const reserveAddress = async (cidr: string): Promise<void> => {
    const [address = '', bits] = cidr.split('/');
    const { floatingAddresses } = both.scratch.inventory;
    const owner = { projectId: both.scratch.project, network: 'clu_together/network', cluster: 'clu_together' };
    await floatingAddresses.register({
      id: newId('fip'),
      projectId: both.scratch.project,
      address,
      prefixLength: Number(bits),
    });
    await floatingAddresses.claim({ ...owner, tags: tags() });
  };
  afterEach(() => both.scratch.scratch.query('delete from floating_addresses'));

  test('nothing is in the way when they reach one another and have an address that floats', async () => {
    await claim();
    await reserveAddress(both.machines.floatingAddress);
    const before = await photograph(machine);
    expect(await both.pool().preflight(tags())).toEqual([]);
    expect(differences(before, await photograph(machine))).toEqual([]);
  });

  test('gateways that share machines with data nodes need an address that floats', async () => {
    await claim();
    expect(await both.pool().preflight(tags())).toEqual([
      expect.objectContaining({
        host: null,
        id: 'floating-address',
        remedy: expect.stringContaining('holdfast address add') as unknown,
      }),
    ]);
  });

  test('the floating address is of another network', async () => {
    await claim();
    await reserveAddress('203.0.113.9/24');
    expect((await both.pool().preflight(tags())).map(({ host, id }) => [host, id])).toEqual([
      ['m1', 'floating-address'],
      ['m2', 'floating-address'],
    ]);
  });

  test('one does not reach the other', async () => {
    await claim();
    await reserveAddress(both.machines.floatingAddress);
    const route = `${other.address}/32`;
    const found = await whileBroken(`ip route add blackhole ${route}`, `ip route del blackhole ${route}`, () =>
      both.pool().preflight(tags()),
    );
    expect(found.map(({ host, message }) => [host, message])).toEqual([
      ['m1', 'It does not reach m2 on port(s) 5432, 2379, 2380, 8008, 8432, 5434.'],
      ['m2', 'It does not reach m1 on port(s) 5432, 2379, 2380, 8008, 8432, 5434.'],
    ]);
  });

  test('everything that is wrong with any of them is told at once', async () => {
    await claim();
    await reserveAddress(both.machines.floatingAddress);
    other.run('mv /etc/sudoers.d/ops /root/');
    const found = await whileBroken('systemctl stop ssh ssh.socket', 'systemctl start ssh', () =>
      both.pool().preflight(tags()),
    ).finally(() => other.run('mv /root/ops /etc/sudoers.d/'));
    expect(found.map(({ host, id }) => [host, id])).toEqual([
      ['m1', 'ssh'],
      ['m2', 'sudo'],
    ]);
  });
});
