import type { Host } from '../../host/host';
import { sh } from '../../host/shell';

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
  /** Why packages can't be had; null when they can. */
  readonly packageTrouble: string | null;
  /** By how many seconds its clock is ahead of the control plane's. */
  readonly clockAheadS: number;
}

/** Where prepareHosts leaves the id of the cluster that the machine belongs to. */
export const MARKER_FILE = '/var/lib/holdfast/cluster';

/** A machine that is reached at all answers within this time; one that boots is not waited for. */
const CONNECT_MS = 3_000;
const INSPECT_MS = 90_000;

const SCRIPT = `say() { printf '%s=%s\\n' "$1" "$2"; }
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
if ! command -v apt-get >/dev/null; then say packages 'it has no APT'; exit 0; fi
broken=$(dpkg --audit 2>&1 | head -n 1)
if [ -n "$broken" ]; then say packages "dpkg is in the middle of something: $broken"; exit 0; fi
mirror=$(apt-get indextargets --no-release-info -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \\
  --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -m1 -E '/debian/*$')
if [ -z "$mirror" ]; then say packages 'APT knows no Debian mirror (a URI that ends in /debian)'; exit 0; fi
# Into a folder of its own: the machine's own lists stay as they are.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
for uri in $(apt-get update --print-uris 2>/dev/null | sed -n "s/^'\\([^']*InRelease\\)'.*/\\1/p" | head -n 6); do
  said=$(/usr/lib/apt/apt-helper -o Acquire::Retries=0 -o Acquire::http::Timeout=8 -o Acquire::https::Timeout=8 \\
    -o APT::Sandbox::User=root download-file "$uri" "$folder/file" 2>&1) && continue
  say packages "$uri: $(printf '%s\\n' "$said" | sed -n 's/^[EW]: //p' | head -n 1)"
  break
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
    stdin: SCRIPT,
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
    packageTrouble: one('packages') || null,
  };
}

function readListener(text: string): [number, string] {
  const [port = '', name = ''] = text.split(' ');
  return [Number(port), name];
}
