import { execFile, execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { untilSuccess } from '../../support/eventually';
import { startPackageCache } from './package-cache';
import type { PackageCache } from './package-cache';

/** Plain Debian machines as users have them, reached through SSH by a user who may use sudo. */

const ADMIN = 'ops';
const MAX_OUTPUT = 64 * 1024 ** 2;
const executeFile = promisify(execFile);
/** What a server has after a small installation of Debian. */
const DOCKERFILE = `ARG BASE
FROM $BASE
ENV container=docker
STOPSIGNAL SIGRTMIN+3
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \\
    ca-certificates dbus iproute2 netbase openssh-server procps sudo systemd systemd-sysv && \\
  apt-get clean && rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_* /var/lib/dbus/machine-id && : >/etc/machine-id && \\
  useradd -m -s /bin/bash ${ADMIN} && echo '${ADMIN} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/${ADMIN} && \\
  echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/thrown-away-soon
# A machine has keys of its own from its first boot on.
CMD ["/bin/sh", "-c", "ssh-keygen -A >/dev/null; exec /sbin/init"]
`;
/** The bases that build.sh uses: the one of a registry, or the one that it made itself where none is reachable. */
const BASES = ['holdfast/base:trixie', 'debian:trixie-slim'] as const;

export interface Machine {
  readonly name: string;
  readonly container: string;
  readonly address: string;
  readonly user: string;
  /** `SHA256:…` of its ed25519 host key. */
  readonly fingerprint: string;
  /** Runs a command as root, as its owner would at the console, and returns what it printed. */
  run(command: string): string;
  /** The same without holding up everything else meanwhile: for what takes seconds. */
  ask(command: string): Promise<string>;
}

export interface Machines {
  readonly all: readonly Machine[];
  /** A free address of their network, with its prefix length. */
  readonly floatingAddress: string;
  /** Where their packages come from, by a proxy. */
  readonly packages: Pick<PackageCache, 'withhold'>;
  /** Removes the machines and their network. */
  end(): Promise<void>;
}

/** Makes machines in a network of their own and lets the owner of `authorizedKey` log in. */
export async function makeMachines(count: number, authorizedKey: string): Promise<Machines> {
  const image = buildImage();
  const network = `holdfast-machines-${randomBytes(4).toString('hex')}`;
  const containers: string[] = [];
  docker('network', 'create', network);
  const cache = await startPackageCache(gatewayOf(network));
  const end = async (): Promise<void> => {
    if (containers.length > 0) docker('rm', '-f', '-v', ...containers);
    docker('network', 'rm', network);
    await cache.end();
  };
  try {
    for (let n = 1; n <= count; n++) containers.push(boot(image, network, `m${n}`));
    const all = await Promise.all(containers.map((container, i) => setUp(container, `m${i + 1}`, authorizedKey)));
    for (const machine of all) machine.run(`echo 'Acquire::http::Proxy "${cache.url}";' >/etc/apt/apt.conf.d/90proxy`);
    return { all, floatingAddress: floatingAddressOf(network), packages: cache, end };
  } catch (error) {
    await end();
    throw error;
  }
}

function buildImage(): string {
  const base = BASES.find((name) => docker('image', 'ls', '-q', name) !== '') ?? 'debian:trixie-slim';
  const hash = createHash('sha256').update(`${base}\n${DOCKERFILE}`).digest('hex').slice(0, 12);
  const image = `holdfast/test-machine:${hash}`;
  if (docker('image', 'ls', '-q', image) === '') {
    execFileSync('docker', ['build', '-q', '-t', image, '--build-arg', `BASE=${base}`, '-'], {
      input: DOCKERFILE,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  }
  return image;
}

/** As much privilege as systemd needs to run as process 1, and keepalived to move an address. */
function boot(image: string, network: string, name: string): string {
  const options = ['--cap-add=SYS_ADMIN', '--cap-add=NET_ADMIN', '--cap-add=SYS_TIME', '--cgroupns=host'];
  const security = ['--security-opt=seccomp=unconfined', '--security-opt=apparmor=unconfined'];
  const mounts = ['--tmpfs=/run', '--tmpfs=/run/lock', '--tmpfs=/tmp', '-v=/sys/fs/cgroup:/sys/fs/cgroup:rw'];
  return docker('run', '-d', `--network=${network}`, `--hostname=${name}`, ...options, ...security, ...mounts, image);
}

async function setUp(container: string, name: string, authorizedKey: string): Promise<Machine> {
  const run = (command: string): string => docker('exec', container, 'bash', '-euc', command);
  // While its process 1 begins, the machine refuses to be asked.
  await untilSuccess(() => Promise.resolve().then(() => run('systemctl is-active --quiet ssh')), { everyMs: 250 });
  run(`install -d -m 700 -o ${ADMIN} -g ${ADMIN} /home/${ADMIN}/.ssh`);
  run(`echo '${authorizedKey}' >/home/${ADMIN}/.ssh/authorized_keys`);
  const fingerprint = run('ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub').split(' ')[1] ?? '';
  const address = run('hostname -I 2>/dev/null || ip -o -4 address show eth0').split(' ')[0] ?? '';
  const ask: Machine['ask'] = async (command) =>
    (
      await executeFile('docker', ['exec', container, 'bash', '-euc', command], { maxBuffer: MAX_OUTPUT })
    ).stdout.trim();
  return { name, container, address, user: ADMIN, fingerprint, run, ask };
}

function gatewayOf(network: string): string {
  return docker('network', 'inspect', network, '--format', '{{(index .IPAM.Config 0).Gateway}}');
}

/** Docker hands out addresses from below; this one is near the end. */
function floatingAddressOf(network: string): string {
  const subnet = docker('network', 'inspect', network, '--format', '{{(index .IPAM.Config 0).Subnet}}');
  const [first = '', bits = '24'] = subnet.split('/');
  const parts = first.split('.').map(Number);
  const third = Number(bits) <= 16 ? 255 : (parts[2] ?? 0);
  return `${parts[0] ?? 0}.${parts[1] ?? 0}.${third}.200/${bits}`;
}

export function docker(...args: readonly string[]): string {
  return execFileSync('docker', args, {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT,
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}
