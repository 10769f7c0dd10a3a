import type { HostCheck, HostNeeds, RegisteredHost } from '../../../domain/hosts';
import { HoldfastError } from '../../../domain/errors';
import type { NodeRole } from '../../../domain/topology';
import type { SshTrouble } from '../../host/errors';
import type { Inspection } from './inspect';
import { neededPorts } from './needed-ports';

/** What was seen on a machine, against what it needs, in plain words with the remedy. */

const DISTRIBUTION = 'debian 13';
const MAX_CLOCK_DIFFERENCE_S = 2;
/** Packages, unpacked, and the archives that they come in. */
const SOFTWARE_BYTES = 3 * 1024 ** 3;
/** The kernel keeps some of the memory that a machine has. */
const USABLE_MEMORY = 0.9;

export interface Wanted extends Omit<HostNeeds, 'role'> {
  readonly roles: readonly NodeRole[];
}

const check = (id: string, ok: boolean, good: string, bad: string, remedy: string): HostCheck =>
  ok ? { id, ok, message: good, remedy: null } : { id, ok, message: bad, remedy };

export const failed = (id: string, message: string, remedy: string): HostCheck => ({ id, ok: false, message, remedy });

/** With one full stop at its end, whatever the machine's own words end with. */
const sentence = (text: string): string => `${text.trimEnd().replace(/\.+$/, '')}.`;

const gib = (bytes: number): string => `${Number((bytes / 1024 ** 3).toFixed(1))} GiB`;

/** @param owner id of the cluster that has the machine; its own software is no obstacle. */
export function checksOf(seen: Inspection, wanted: Wanted, owner: string | null): HostCheck[] {
  const always = [
    check(
      'distribution',
      seen.distribution === DISTRIBUTION,
      'It runs Debian 13.',
      `It runs ${seen.distributionName}.`,
      'Install Debian 13 (trixie) on it.',
    ),
    check(
      'systemd',
      seen.systemd,
      'systemd runs it.',
      'systemd does not run it.',
      'Boot it with systemd as process 1.',
    ),
    check(
      'clock',
      Math.abs(seen.clockAheadS) <= MAX_CLOCK_DIFFERENCE_S,
      'Its clock is right.',
      `Its clock is ${Math.abs(seen.clockAheadS).toFixed(1)} s ${seen.clockAheadS > 0 ? 'ahead of' : 'behind'} the control plane's.`,
      'Let a time service set the clocks, such as systemd-timesyncd or chrony.',
    ),
    ...sizeChecks(seen, wanted),
  ];
  const running = seen.heldBy !== null && seen.heldBy === owner;
  return running ? always : [...always, ...emptinessChecks(seen, wanted)];
}

function sizeChecks(seen: Inspection, { memoryBytes, cpus, storageBytes }: Wanted): HostCheck[] {
  return [
    check(
      'memory',
      seen.memoryBytes >= memoryBytes * USABLE_MEMORY,
      `It has ${gib(seen.memoryBytes)} of memory.`,
      `It has ${gib(seen.memoryBytes)} of memory, ${gib(memoryBytes)} are needed.`,
      'Give it more, or register the size that it has and order a smaller plan.',
    ),
    check(
      'cpus',
      seen.cpus >= Math.floor(cpus),
      `It has ${seen.cpus} CPU(s).`,
      `It has ${seen.cpus} CPU(s), ${cpus} are needed.`,
      'Give it more, or register the size that it has and order a smaller plan.',
    ),
    check(
      'disk',
      seen.heldBy !== null || seen.diskBytes >= storageBytes + SOFTWARE_BYTES,
      `${gib(seen.diskBytes)} are free under /var/lib.`,
      `${gib(seen.diskBytes)} are free under /var/lib; ${gib(storageBytes)} for data and ${gib(SOFTWARE_BYTES)} for software are needed.`,
      'Free some, mount a bigger disk, or register the size that it has and order a smaller plan.',
    ),
  ];
}

/** What must not be there yet. */
function emptinessChecks(seen: Inspection, { roles }: Wanted): HostCheck[] {
  const taken = neededPorts(roles).filter((port) => seen.listeners.has(port));
  const takers = taken.map((port) => `${port} by ${seen.listeners.get(port) || 'a process that it does not name'}`);
  const postgres = seen.packages.filter((name) => name.startsWith('postgresql-'));
  const others = seen.packages.filter((name) => !name.startsWith('postgresql-'));
  return [
    check(
      'leftover',
      seen.heldBy === null,
      'No software of an earlier cluster is on it.',
      `The software of cluster ${seen.heldBy ?? ''} is still on it.`,
      'When nobody needs that cluster any more, run on the machine: sudo bash /var/lib/holdfast/software/uninstall.sh',
    ),
    check(
      'postgresql',
      postgres.length === 0,
      'No PostgreSQL is on it.',
      `A PostgreSQL is on it already (${postgres.join(', ')}).`,
      'Move its data elsewhere and purge these packages, or register another machine.',
    ),
    check(
      'software',
      others.length === 0,
      'Nothing that Holdfast brings is on it.',
      `It already has ${others.join(', ')}, which Holdfast configures for itself.`,
      'Purge these packages, or register another machine.',
    ),
    check(
      'ports',
      taken.length === 0,
      'The ports that are needed are free.',
      `Ports are taken: ${takers.join(', ')}.`,
      'Stop what listens there, or register another machine.',
    ),
    check(
      'packages',
      seen.packageTrouble === null,
      'Its packages can be fetched.',
      sentence(`Its packages cannot be fetched: ${seen.packageTrouble ?? ''}`),
      'Run apt-get update on it and mend what that says: sources, proxy, name resolution, firewall.',
    ),
  ];
}

/** What an error of SSH or sudo means for a machine. Other errors are thrown again. */
export function accessCheck(host: RegisteredHost, error: unknown): HostCheck {
  if (!(error instanceof HoldfastError)) throw error;
  const { user } = host.ssh;
  if (error.code === 'HOST_KEY_MISMATCH') {
    return failed(
      'host-key',
      'It shows another host key than the registered one.',
      'Make sure that it is your machine; then remove it and add it with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says there.',
    );
  }
  if (error.code === 'HOST_LOGIN_REFUSED') {
    return failed(
      'login',
      `It does not let ${user} in with the control key.`,
      `Append the line that \`holdfast host key\` prints to ~${user}/.ssh/authorized_keys on the machine.`,
    );
  }
  if (error.code === 'HOST_COMMAND_FAILED') return rootCheck(user, error);
  if (error.code === 'HOST_UNREACHABLE') return wayCheck(host, error);
  throw error;
}

function wayCheck({ ssh: { user, host: address, port } }: RegisteredHost, error: HoldfastError): HostCheck {
  switch (error.values['trouble'] satisfies unknown as SshTrouble) {
    case 'refused':
      return failed(
        'ssh',
        `Nothing listens on port ${port} of ${address}.`,
        'Start sshd there, or add the machine with the right port.',
      );
    case 'silent':
      return failed(
        'ssh',
        `${address} does not answer on port ${port}.`,
        'Switch the machine on, and let the control plane through its firewall.',
      );
    case 'cut':
      return failed(
        'ssh',
        `sshd on ${address} cuts the connection before anybody can log in.`,
        'After failed log-ins it does so for some minutes: wait and look again. Else the log of sshd on the machine tells why.',
      );
    case 'other':
      return failed(
        'ssh',
        sentence(`SSH does not work: ${error.values['detail']}`),
        `See what this says: ssh -p ${port} ${user}@${address}`,
      );
  }
}

function rootCheck(user: string, error: HoldfastError): HostCheck {
  const output = String(error.values['output']);
  if (/sudo/.test(output)) {
    return failed(
      'sudo',
      sentence(`${user} cannot become root without a password: ${output.split('\n')[0] ?? ''}`),
      `Install sudo and put this line into /etc/sudoers.d/holdfast: ${user} ALL=(ALL) NOPASSWD: ALL`,
    );
  }
  return failed('commands', sentence(`A command fails on it: ${output}`), 'Mend what it says.');
}
