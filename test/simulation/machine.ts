import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { projectRoot } from '../../activities/project-root';
import { readIfThere } from './files';

/**
 * A simulated host: a folder that commands see as their whole file system. The tools are this machine's own, so commands
 * do what they do on a real host; only what would start services, packages or PostgreSQL is a small script of ours
 * (folder host/), which keeps its state in files and says what it did. Needs Linux, root and a merged /usr.
 */

const STAND_INS = join(projectRoot(), 'test', 'simulation', 'host');
/** Where a host has the stand-ins, and what other hosts of its network see of it. */
const FOLDER = '/opt/simulation';

/** Users and groups of any Debian, then those of the golden image, with ids of their own. */
const DEBIAN_USERS = ['root', 'daemon', 'bin', 'sys', 'adm', 'nobody'] as const;
const USERS = [...DEBIAN_USERS, 'postgres', 'etcd', 'haproxy', 'prometheus'] as const;
const idOf = (user: (typeof USERS)[number]): number => (user === 'root' ? 0 : 800 + USERS.indexOf(user));

const DEBIAN_FOLDERS = [
  ...['usr', 'proc', 'dev', 'run/systemd/system', 'root', 'home', 'tmp', 'etc', 'srv', 'mnt'],
  ...[
    'var/cache',
    'var/lib',
    'var/log',
    'var/tmp',
    'opt/simulation/wire',
    'opt/simulation/sites',
    'opt/simulation/bin',
  ],
];
const FOLDERS = [...DEBIAN_FOLDERS, 'var/lib/postgresql', 'var/lib/etcd', 'run/postgresql'];

export interface Furniture {
  readonly hostname: string;
  readonly address: string;
  /** Folder of what other hosts of its network see of it. */
  readonly wire: string;
}

/** Fills the folder of a host of the golden image that is about to boot for the first time. */
export function furnish(root: string, host: Furniture): void {
  furnishWith(root, host, FOLDERS, USERS);
  chownSync(join(root, 'var/lib/postgresql'), idOf('postgres'), idOf('postgres'));
}

/** As {@link furnish}, without the golden image: what any Debian has. */
export function furnishPlain(root: string, host: Furniture): void {
  furnishWith(root, host, DEBIAN_FOLDERS, DEBIAN_USERS);
}

function furnishWith(
  root: string,
  host: Furniture,
  folders: readonly string[],
  users: readonly (typeof USERS)[number][],
): void {
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
  for (const folder of ['tmp', 'var/tmp']) chmodSync(join(root, folder), 0o1777);
  for (const link of ['bin', 'sbin', 'lib', 'lib64'])
    if (existsSync(`/${link}`)) symlinkSync(readlinkSync(`/${link}`), join(root, link));
  symlinkSync('../run', join(root, 'var/run'));
  copyLinks('/etc/alternatives', join(root, 'etc/alternatives'));

  const write = (path: string, content: string): void => writeFileSync(join(root, path), content);
  write('etc/passwd', users.map((user) => `${user}:x:${idOf(user)}:${idOf(user)}::/:/bin/sh\n`).join(''));
  write('etc/group', users.map((user) => `${user}:x:${idOf(user)}:\n`).join(''));
  write('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files\n');
  write('etc/hosts', `127.0.0.1 localhost\n${host.address} ${host.hostname}\n`);
  write('etc/hostname', `${host.hostname}\n`);
  write('opt/simulation/address', `${host.address}\n`);
  write('opt/simulation/fstab', fstabOf(host.wire));
  mkdirSync(sitesOf(host.wire), { recursive: true });
  // Whoever does something on a host says so, also who is not root.
  const effects = join(host.wire, 'effects');
  writeFileSync(effects, '', { flag: 'a' });
  chmodSync(effects, 0o666);
  for (const tool of readdirSync(STAND_INS)) {
    copyFileSync(join(STAND_INS, tool), join(root, 'opt/simulation/bin', tool));
    chmodSync(join(root, 'opt/simulation/bin', tool), 0o755);
  }
}

/** What commands see of this machine, below the folder that they are in: one process mounts it all. */
const fstabOf = (wire: string): string =>
  [
    '/usr usr none bind,ro',
    '/proc proc none bind',
    '/dev dev none bind',
    `${inFstab(wire)} .${FOLDER}/wire none bind`,
    `${inFstab(sitesOf(wire))} .${FOLDER}/sites none bind`,
  ].join('\n') + '\n';

const inFstab = (path: string): string =>
  path.replace(/[\s\\#]/g, (sign) => `\\${sign.charCodeAt(0).toString(8).padStart(3, '0')}`);

/** The stores of the world, which all hosts reach. */
const sitesOf = (wire: string): string => join(dirname(dirname(wire)), 'sites');

function copyLinks(from: string, to: string): void {
  mkdirSync(to);
  for (const link of readdirSync(from, { withFileTypes: true }))
    if (link.isSymbolicLink()) symlinkSync(readlinkSync(join(from, link.name)), join(to, link.name));
}

/** Everything that needs power ends; what is on the disk stays. */
export function halt(root: string): void {
  const running = join(root, 'run/simulation/processes');
  for (const pid of existsSync(running) ? readdirSync(running) : []) {
    try {
      process.kill(-Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  rmSync(join(root, 'run'), { recursive: true, force: true });
  for (const folder of ['run/postgresql', 'run/systemd/system']) mkdirSync(join(root, folder), { recursive: true });
}

/** True when systemd of the host calls the service active. */
export function isActive(root: string, service: string): boolean {
  return readIfThere(join(root, 'run/simulation/units', service))?.trim() === 'active';
}

/*
 * The mounts are the command's own and end with it. Its file system is the host's, but for what it only reads.
 * `timeout` ends the command also when the one who asked for it is gone by then, as on a real host.
 */
const ENTER = `set -e
root=$1 seconds=$2 command=$3
cd "$root"
mount --all --fstab .${FOLDER}/fstab
exec chroot "$root" timeout -k 5 "$seconds" sh -c "$command"
`;

/** Starts a command on a host, in a process group of its own that outlives this process. */
export function enter(
  root: string,
  command: string,
  timeoutS: number,
  session: Readonly<Record<string, string>>,
): ChildProcess {
  const args = [
    '--mount',
    '--uts',
    '--propagation',
    'private',
    'sh',
    '-c',
    ENTER,
    'sh',
    root,
    String(timeoutS),
    command,
  ];
  return spawn('unshare', args, {
    detached: true,
    stdio: 'pipe',
    env: {
      PATH: `${FOLDER}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin`,
      HOME: '/root',
      LANG: 'C.UTF-8',
      ...session,
    },
  });
}
