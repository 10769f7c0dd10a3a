import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { look } from '../../activities/cloud/static/preflight';
import type { Host } from '../../activities/host/host';
import { rootFile } from '../../activities/host/services';
import { sh } from '../../activities/host/shell';
import { makeHostKey } from '../../activities/secrets/ssh-keys';
import { readUninstall, SOFTWARE_FOLDER, softwareFiles } from '../../activities/software/files';
import type { RegisteredHost } from '../../domain/hosts';
import { createSimulatedHosts } from '../simulation/hosts';
import { changesOf, MACHINE_SIZE, MACHINE_USER, placeMachines } from '../simulation/machines';
import type { SimulatedHost } from '../simulation/world';
import { openWorld } from '../simulation/world';

/**
 * What the product's look and the product's scripts make of a simulated machine, which is what they make of a real one
 * (test/system/static).
 */

const folder = mkdtempSync(join(tmpdir(), 'holdfast-machine-'));
const key = makeHostKey('control');
const world = openWorld(folder);
const pool = createSimulatedHosts(world, key.privatePem);
let machine: SimulatedHost;
let registered: RegisteredHost;
let host: Host;

beforeAll(async () => {
  const [first] = await placeMachines(world, { count: 1, block: 0, authorizedKey: key.publicLine });
  if (!first) throw new Error('one of one');
  machine = first;
  registered = {
    id: 'host_m1',
    projectId: 'prj_tests',
    name: 'm1',
    ssh: { host: machine.privateAddress, port: 22, user: MACHINE_USER },
    hostKey: machine.hostKey,
    zone: 'rack-1',
    size: MACHINE_SIZE,
    facts: null,
    cluster: null,
    nodes: [],
    registeredAt: '2026-01-01T00:00:00.000Z',
  };
  host = pool.host({ label: 'm1', ssh: registered.ssh, hostKey: machine.hostKey });
});
afterAll(() => rmSync(folder, { recursive: true }));

const connect = ({ ssh, hostKey, name }: RegisteredHost): Host => pool.host({ label: name, ssh, hostKey });
const recordFacts = (): Promise<void> => Promise.resolve();
async function wrong(change: Partial<RegisteredHost> = {}): Promise<string[]> {
  const asked = { ...registered, ...change };
  const inspector = { hosts: { recordFacts }, connect, ownMachineId: null };
  const { checks } = await look(inspector, asked, { ...asked.size, roles: ['data', 'gateway'] });
  return checks.flatMap(({ id, ok, message }) => (ok ? [] : [`${id}: ${message}`]));
}
const at = (path: string): string => join(machine.root, path);

test('it can be used, and is after the look as it was before', async () => {
  expect(await wrong()).toEqual([]);
  expect(changesOf(machine)).toEqual([]);
});

test('its host key is looked at, and who may log in', async () => {
  expect(await wrong({ hostKey: makeHostKey().publicLine })).toEqual([expect.stringMatching(/^host-key: /)]);
  expect(await wrong({ ssh: { ...registered.ssh, port: 2222 } })).toEqual([expect.stringMatching(/^ssh: /)]);
  expect(await wrong({ ssh: { ...registered.ssh, user: 'guest' } })).toEqual([
    expect.stringMatching(/^sudo: guest cannot become root without a password: sudo: /),
  ]);
});

test('its system, its mirror and its ports are looked at', async () => {
  writeFileSync(at('etc/os-release.other'), 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n');
  renameSync(at('etc/os-release'), at('etc/os-release.kept'));
  renameSync(at('etc/os-release.other'), at('etc/os-release'));
  renameSync(at('srv/mirror'), at('srv/away'));
  const gone = new AbortController();
  const listen = `use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => "${machine.privateAddress}", LocalPort => 2379, Listen => 1) or die; print "on"; sleep 60`;
  const listening = host.run(sh`perl -e ${listen}`, { signal: gone.signal });
  await host.run(sh`sh -c ${'until ss -Hltnp | grep -q :2379; do sleep 0.05; done'}`);
  expect(await wrong()).toEqual([
    'distribution: It runs Debian 12.',
    'ports: Ports are taken: 2379 by perl.',
    expect.stringMatching(/^packages: Its packages cannot be fetched: file:/),
  ]);
  gone.abort(new Error('enough'));
  await expect(listening).rejects.toThrow('enough');
  renameSync(at('srv/away'), at('srv/mirror'));
  renameSync(at('etc/os-release.kept'), at('etc/os-release'));
  expect(await wrong()).toEqual([]);
});

test('its mirrors are looked at for what the software will come from, beside what it has itself', async () => {
  renameSync(at('srv/mirror/debian/dists/forky'), at('srv/forky'));
  renameSync(at('srv/mirror/debian-security'), at('srv/security'));
  const [trouble, ...others] = await wrong();
  renameSync(at('srv/forky'), at('srv/mirror/debian/dists/forky'));
  renameSync(at('srv/security'), at('srv/mirror/debian-security'));
  expect(others).toEqual([]);
  expect(trouble?.match(/file:\S*?(?=: )/g)).toEqual([
    'file:/srv/mirror/debian-security/dists/bookworm-security/InRelease',
    'file:/srv/mirror/debian-security/dists/trixie-security/InRelease',
    'file:/srv/mirror/debian/dists/forky/InRelease',
  ]);
  expect([await wrong(), changesOf(machine)]).toEqual([[], []]);
});

test('the software comes once, is seen, and goes without a trace', async () => {
  const effects = (): string[] => world.effects(machine.networkToken).filter((effect) => effect.includes('packages'));
  const install = async (): Promise<string> =>
    host.run(sh`env HOST_KIND=static bash ${`${SOFTWARE_FOLDER}/install.sh`} 2>&1`);
  const uninstall = async (): Promise<string> => host.run(sh`bash -s 2>&1`, { stdin: await readUninstall() });

  await host.putFiles([rootFile('/var/lib/holdfast/cluster', 'clu_one\n'), ...(await softwareFiles())]);
  const foretold = await host.run(sh`bash ${`${SOFTWARE_FOLDER}/install.sh`} sources`);
  await install();
  await install();
  expect(readFileSync(at('etc/apt/sources.list.d/holdfast.sources'), 'utf8').trim()).toBe(foretold.trim());
  expect(effects()).toEqual(['m1 run job holdfast-packages', 'm1 installs packages']);
  expect(await wrong()).toEqual([
    'leftover: The software of cluster clu_one is still on it.',
    expect.stringMatching(/^postgresql: /),
    expect.stringMatching(/^software: /),
  ]);
  expect(await wrong({ cluster: 'clu_one' })).toEqual([]);

  await uninstall();
  expect(await uninstall()).toContain('nothing was installed');
  expect(effects().slice(2)).toEqual(['m1 removes packages']);
  expect([await wrong(), changesOf(machine)]).toEqual([[], []]);
});
