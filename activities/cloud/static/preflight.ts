import type { FloatingAddress, HostCheck, RegisteredHost } from '../../../domain/hosts';
import { HoldfastError } from '../../../domain/errors';
import type { Host } from '../../host/host';
import type { HostClaim, HostTable } from '../../inventory/host-tables';
import type { Obstacle } from '../cloud';
import { sameNetwork } from './addresses';
import { accessCheck, checksOf, failed } from './checks';
import type { Wanted } from './checks';
import { inspect } from './inspect';
import type { Inspection } from './inspect';
import { PEER_PORTS } from './needed-ports';
import type { Peer } from './reach';
import { findUnreachable } from './reach';

/** Looks at machines before anything is done to them. */

export interface Inspector {
  readonly hosts: Pick<HostTable, 'recordFacts'>;
  readonly connect: (host: RegisteredHost) => Host;
  /** Of the machine that this runs on; null where it has none. */
  readonly ownMachineId: string | null;
}

interface Looked {
  readonly checks: readonly HostCheck[];
  /** Null when nobody could get in. */
  readonly seen: Inspection | null;
}

/** All that is looked at on one machine. What it says of itself is written down when it is the one it should be. */
export async function look(inspector: Inspector, host: RegisteredHost, wanted: Wanted): Promise<Looked> {
  let seen: Inspection;
  try {
    seen = await inspect(inspector.connect(host));
  } catch (error) {
    return { checks: [accessCheck(host, error)], seen: null };
  }
  const access: HostCheck = { id: 'ssh', ok: true, message: `${host.ssh.user} gets in and is root.`, remedy: null };
  const identity = await identityCheck(inspector, host, seen);
  return { checks: [access, identity, ...checksOf(seen, wanted, host.cluster)], seen };
}

async function identityCheck(inspector: Inspector, host: RegisteredHost, seen: Inspection): Promise<HostCheck> {
  const { machineId, privateAddress, controlAddress, sshPort } = seen;
  if (machineId === '') return failed('identity', 'It has no machine id.', 'Run systemd-machine-id-setup on it.');
  if (machineId === inspector.ownMachineId)
    return failed('identity', 'It is the machine of the control plane itself.', 'Register another machine.');
  try {
    await inspector.hosts.recordFacts(host.id, { machineId, privateAddress, controlAddress, sshPort });
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'HOST_EXISTS') throw error;
    return failed(
      'identity',
      'This very machine is registered already under another address.',
      'Remove one of the two. A machine that was cloned needs an id of its own: rm /etc/machine-id /var/lib/dbus/machine-id, then systemd-machine-id-setup.',
    );
  }
  return { id: 'identity', ok: true, message: 'No other registered host is this machine.', remedy: null };
}

/** What keeps these machines from being the hosts of one cluster. */
export async function findObstacles(
  inspector: Inspector,
  claims: readonly HostClaim[],
  floating: FloatingAddress | null,
): Promise<Obstacle[]> {
  const machines = byMachine(claims);
  const looked = await Promise.all(
    machines.map(async ({ machine, wanted }) => ({
      machine,
      wanted,
      ...(await look(inspector, machine, wanted)),
    })),
  );
  const own = looked.flatMap(({ machine, checks }) =>
    checks.filter(({ ok }) => !ok).map((check): Obstacle => ({ ...check, host: machine.name })),
  );
  const address = addressObstacles(
    machines,
    looked.map(({ seen }) => seen),
    floating,
  );
  // Machines that can't be used one by one are not asked about one another.
  if (own.length > 0) return [...own, ...address];
  const peers = looked.flatMap(({ machine, wanted, seen }): Peer[] => {
    if (!seen || seen.heldBy !== null) return [];
    const ports = wanted.roles.includes('data') ? PEER_PORTS : [];
    return [{ name: machine.name, host: inspector.connect(machine), address: seen.privateAddress, ports }];
  });
  const lost = await findUnreachable(peers);
  return [
    ...address,
    ...lost.map(({ from, to, ports }): Obstacle => ({
      host: from,
      ...failed(
        'reach',
        `It does not reach ${to} on port(s) ${ports.join(', ')}.`,
        'Let the machines reach one another in their firewalls and networks.',
      ),
    })),
  ];
}

interface MachineUse {
  readonly machine: RegisteredHost;
  readonly wanted: Wanted;
}

/** What each machine is wanted for, all its nodes together. */
function byMachine(claims: readonly HostClaim[]): MachineUse[] {
  const ids = [...new Set(claims.map(({ machine }) => machine.id))];
  return ids.flatMap((id) => {
    const mine = claims.filter(({ machine }) => machine.id === id);
    const [first] = mine;
    if (!first) return [];
    const most = (of: (claim: HostClaim) => number): number => Math.max(...mine.map(of));
    const wanted: Wanted = {
      roles: [...new Set(mine.map(({ needs }) => needs.role))],
      memoryBytes: most(({ needs }) => needs.memoryBytes),
      cpus: most(({ needs }) => needs.cpus),
      storageBytes: most(({ needs }) => needs.storageBytes),
    };
    return [{ machine: first.machine, wanted }];
  });
}

/** Gateways that share a machine with PostgreSQL can't serve on its address: port 5432 is taken there. */
function addressObstacles(
  machines: readonly MachineUse[],
  seen: readonly (Inspection | null)[],
  floating: FloatingAddress | null,
): Obstacle[] {
  if (floating === null) {
    const shared = machines.some(({ wanted }) => wanted.roles.length > 1);
    if (!shared) return [];
    return [
      {
        host: null,
        ...failed(
          'floating-address',
          'The gateways share machines with data nodes, and so need an address that floats.',
          "Register a free address of the machines' network with holdfast address add, or register machines for the gateways too.",
        ),
      },
    ];
  }
  const outside = machines.filter((_, i) => {
    const address = seen[i]?.privateAddress;
    return address !== undefined && !sameNetwork(address, floating);
  });
  return outside.map(({ machine }) => ({
    host: machine.name,
    ...failed(
      'floating-address',
      `It is not in the network of the floating address ${floating.address}/${floating.prefixLength}.`,
      "Register an address of the machines' own network.",
    ),
  }));
}
