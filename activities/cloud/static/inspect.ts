import type { Host } from '../../host/host';
import { sh } from '../../host/shell';
import { packageProbe } from './package-probe';

/** What a machine says of itself. Looks only; needs no more than any Debian has. */
export interface Inspection {
  readonly distribution: string;
  readonly distributionName: string;
  readonly systemd: boolean;
  readonly machineId: string;
  /** Addresses of both ends of the connection, as the machine sees them. */
  readonly controlAddress: string;
  readonly privateAddress: string;
  readonly sshPort: number;
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Free under /var/lib. */
  readonly diskBytes: number;
  /** What listens on TCP, by port: the process's name, or empty where it is not known. */
  readonly listeners: ReadonlyMap<number, string>;
  /** Names of packages that Holdfast brings and that are there already. */
  readonly packages: readonly string[];
  /** Holdfast's software is there, put there for this cluster. */
  readonly heldBy: string | null;
  /** Why packages can't be had, from its own sources or from those that it will get; null when they can. */
  readonly packageTrouble: string | null;
  /** By how many seconds its clock is ahead of the control plane's. */
  readonly clockAheadS: number;
}

/** Where prepareHosts leaves the id of the cluster that the machine belongs to. */
export const MARKER_FILE = '/var/lib/holdfast/cluster';

/** A machine that is reached at all answers within this time; one that boots is not waited for. */
const CONNECT_MS = 3_000;
const INSPECT_MS = 90_000;

const LOOK = `say() { printf '%s=%s\\n' "$1" "$2"; }
( . /etc/os-release && say distribution "$ID $VERSION_ID" && say name "$PRETTY_NAME" ) 2>/dev/null
if [ -d /run/systemd/system ]; then say systemd yes; fi
say machine "$(cat /etc/machine-id 2>/dev/null)"
say connection "$SSH_CONNECTION"
say memory "$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)"
say cpus "$(nproc)"
say disk "$(df -B1 --output=avail /var/lib | tail -n 1)"
say held "$(cat "$1" 2>/dev/null)"
ss -Hltnp 2>/dev/null | while read -r _ _ _ local _ process; do
  name=\${process#*((\\"}
  [ "$name" = "$process" ] && name=
  say listener "\${local##*:} \${name%%\\"*}"
done
dpkg-query -W -f '\${db:Status-Status} \${Package}\\n' 'postgresql-[0-9]*' patroni etcd-server haproxy keepalived pgbouncer 2>/dev/null |
  while read -r status package; do
    case $package in *-doc* | *-client* | *-jit*) continue ;; esac
    [ "$status" = not-installed ] || say package "$package"
  done
`;

/** @throws as {@link Host.run}: HOST_COMMAND_FAILED also when the user can't become root. */
export async function inspect(host: Host): Promise<Inspection> {
  const options = { connectTimeoutMs: CONNECT_MS };
  // The first command connects; the second one's round trip is short, and so the clocks can be compared.
  await host.run(sh`true`, { ...options, title: 'log in and become root' });
  const before = Date.now();
  const clock = await host.run(sh`date +%s.%N`, { ...options, title: 'look at the clock' });
  const clockAheadS = Number(clock) - (before + Date.now()) / 2000;
  const said = await host.run(sh`sh -s ${MARKER_FILE}`, {
    ...options,
    stdin: `${LOOK}${await packageProbe()}`,
    timeoutMs: INSPECT_MS,
    title: 'look at the machine',
  });
  return { ...read(said), clockAheadS };
}

function read(said: string): Omit<Inspection, 'clockAheadS'> {
  const lines = said.split('\n').map((line) => {
    const [key = '', ...rest] = line.split('=');
    return { key, value: rest.join('=').trim() };
  });
  const all = (key: string): string[] => lines.filter((line) => line.key === key).map(({ value }) => value);
  const one = (key: string): string => all(key)[0] ?? '';
  const [controlAddress = '', , privateAddress = '', sshPort = ''] = one('connection').split(' ');
  return {
    distribution: one('distribution'),
    distributionName: one('name') || 'an unknown system',
    systemd: one('systemd') === 'yes',
    machineId: one('machine'),
    controlAddress: controlAddress.replace(/^::ffff:/, ''),
    privateAddress: privateAddress.replace(/^::ffff:/, ''),
    sshPort: Number(sshPort),
    memoryBytes: Number(one('memory')) * 1024,
    cpus: Number(one('cpus')),
    diskBytes: Number(one('disk')),
    listeners: new Map(all('listener').map(readListener)),
    packages: all('package'),
    heldBy: one('held') || null,
    packageTrouble: all('packages').join('; ') || null,
  };
}

function readListener(text: string): [number, string] {
  const [port = '', name = ''] = text.split(' ');
  return [Number(port), name];
}
