import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeHostKey } from '../../activities/secrets/ssh-keys';
import { createSimulatedCloud } from './cloud';
import { readIfThere } from './files';
import { furnishPlain, halt } from './machine';
import { lookOver } from './photograph';
import type { SimulatedHost, World } from './world';

/**
 * Machines that somebody has, in one network: Debian 13 as far as anybody looks at it, without the golden image. The scripts
 * that install and remove it are the real ones; APT, which would take minutes, is a stand-in that writes into dpkg's own list.
 * Beside {@link SimulatedHost} it does not know: memory and CPUs are those of the machine that the test runs on.
 */

const GIB = 1024 ** 3;
/** Who may log in and become root. */
export const MACHINE_USER = 'ops';
export const LAN = 'machines/network';
const tokenOf = (number: number): string => `machines/m${number}`;
const isMachine = (token: string): boolean => /^machines\/m\d+$/.test(token);

/** Files of a machine that hold up what it does for as long as they are there: APT at work, connections to others, backups, dumps. */
export const HOLD = {
  packages: 'opt/simulation/hold-packages',
  connections: 'opt/simulation/hold-connections',
  backups: 'opt/simulation/hold-backups',
  dumps: 'opt/simulation/hold-dumps',
} as const;
/** While it is there, backups of the machine find pages that do not fit their checksums. */
export const DAMAGE = 'opt/simulation/damage-pages';
/** While it is there, pg_amcheck finds damage in whatever data the machine has. */
export const DAMAGED_DATA = 'opt/simulation/damage-data';
export type HoldPoint = keyof typeof HOLD;

/** What its mirrors have: all that the software comes from. */
const SUITES = [
  ['debian', 'trixie'],
  ['debian', 'bookworm'],
  ['debian', 'forky'],
  ['debian-security', 'trixie-security'],
  ['debian-security', 'bookworm-security'],
] as const;

/** What is promised of each when it is registered. */
export const MACHINE_SIZE = { memoryBytes: GIB, cpus: 1, storageBytes: 50 * GIB };

/**
 * Makes machines `m1`, `m2`, … of a world that has none.
 * @param block of addresses, which no other world has whose machines stand in the same inventory.
 */
export async function placeMachines(
  world: World,
  { count, block, authorizedKey }: { readonly count: number; readonly block: number; readonly authorizedKey: string },
): Promise<SimulatedHost[]> {
  const owner = createSimulatedCloud(world, 'docker', block);
  await owner.createNetwork({ token: LAN, tags: {} });
  for (let number = 1; number <= count; number++) {
    const { memoryBytes, cpus } = MACHINE_SIZE;
    await owner.createHost({
      token: tokenOf(number),
      tags: {},
      networkToken: LAN,
      hostname: `m${number}`,
      failureDomain: `rack-${number}`,
      memoryBytes,
      cpus,
      volumeBytes: null,
      publicPorts: [],
      hostKey: makeHostKey(),
      authorizedKey,
    });
  }
  for (const machine of machinesOf(world)) renew(world, machine);
  return machinesOf(world);
}

/** In order of their names. */
export function machinesOf(world: World): SimulatedHost[] {
  return world
    .hostTokens()
    .filter(isMachine)
    .sort()
    .map((token) => world.host(token))
    .filter((machine) => machine !== null);
}

/** As its owner installs it anew. */
export function renew(world: World, machine: SimulatedHost): void {
  const { root, privateAddress, token } = machine;
  halt(root);
  rmSync(root, { recursive: true, force: true });
  const hostname = token.slice(token.lastIndexOf('/') + 1);
  furnishPlain(root, { hostname, address: privateAddress, wire: world.wire(LAN) });
  const write = (path: string, content: string): void => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  write(
    'etc/os-release',
    'ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n',
  );
  write('etc/debian_version', '13.1\n');
  write('etc/machine-id', `${createHash('sha256').update(privateAddress).digest('hex').slice(0, 32)}\n`);
  write(`etc/sudoers.d/${MACHINE_USER}`, `${MACHINE_USER} ALL=(ALL) NOPASSWD: ALL\n`);
  // Mirrors that take no network to be looked at.
  write('etc/apt/sources.list', 'deb [trusted=yes] file:/srv/mirror/debian trixie main\n');
  for (const [mirror, suite] of SUITES) write(`srv/mirror/${mirror}/dists/${suite}/InRelease`, `Suite: ${suite}\n`);
  for (const folder of ['etc/default', 'etc/systemd/system/multi-user.target.wants', 'var/lib/dpkg/updates'])
    mkdirSync(join(root, folder), { recursive: true });
  write('var/lib/dpkg/info/format', '1\n');
  write('var/lib/dpkg/status', '');
  write('opt/simulation/plain', '');
  writeFileSync(pictureOf(machine), JSON.stringify(lookOver(root)));
}

/** What is on a machine that was not there when its owner installed it, and what is missing; nothing when it is clean. */
export function changesOf(machine: SimulatedHost): string[] {
  const before = new Set(JSON.parse(readIfThere(pictureOf(machine)) ?? '[]') as string[]);
  const now = new Set(lookOver(machine.root));
  return [
    ...[...before].filter((line) => !now.has(line)).map((line) => `- ${line}`),
    ...[...now].filter((line) => !before.has(line)).map((line) => `+ ${line}`),
  ];
}

const pictureOf = ({ folder }: SimulatedHost): string => join(folder, 'before.json');
