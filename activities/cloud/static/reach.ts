import type { Host } from '../../host/host';
import { sh } from '../../host/shell';

/** Whether machines reach one another on the ports that they are going to use. */

export interface Peer {
  readonly name: string;
  readonly host: Host;
  readonly address: string;
  /** Ports that the others must reach; none for a machine that nobody connects to. */
  readonly ports: readonly number[];
}

export interface Lost {
  readonly from: string;
  readonly to: string;
  readonly ports: readonly number[];
}

const LISTEN_S = 30;
const TRY_S = 6;

/**
 * perl-base is on every Debian. A connection is made by the kernel: nobody needs to accept it. It says something all the
 * time and ends when nobody hears it any more: a worker that died must not leave ports taken that the next one wants free.
 */
const LISTEN = `use IO::Socket::INET; my $address = shift; my $for = shift;
my @open = map { IO::Socket::INET->new(LocalAddr => $address, LocalPort => $_, Listen => 16, ReuseAddr => 1) or die "$address:$_: $@\\n" } @ARGV;
for (1 .. 5 * $for) { syswrite STDOUT, '.' or exit; select undef, undef, undef, 0.2 }`;
const CONNECT = `limit=$1; shift
for target; do
  (
    until timeout 1 bash -c '</dev/tcp/$1/$2' sh "\${target%:*}" "\${target#*:}" 2>/dev/null; do
      [ "$SECONDS" -lt "$limit" ] || { echo "$target"; exit; }
      sleep 0.2
    done
  ) &
done
wait
`;

/** Listens on all ports of all machines for a moment, and connects from each to the others. */
export async function findUnreachable(peers: readonly Peer[]): Promise<Lost[]> {
  const enough = new AbortController();
  const listeners = peers
    .filter(({ ports }) => ports.length > 0)
    .map(({ host, address, ports }) =>
      host.run(sh`perl -e ${LISTEN} ${address} ${LISTEN_S} ${ports}`, {
        signal: enough.signal,
        title: 'listen on the ports that are needed',
      }),
    );
  // A listener that fails, or that nobody needs any more, shows as ports that can't be reached, or not at all.
  const listening = Promise.allSettled(listeners);
  try {
    const lost = await Promise.all(peers.map((peer) => connectToOthers(peer, peers)));
    return lost.flat();
  } finally {
    enough.abort();
    await listening;
  }
}

async function connectToOthers(from: Peer, peers: readonly Peer[]): Promise<Lost[]> {
  const others = peers.filter((peer) => peer !== from);
  const targets = others.flatMap(({ address, ports }) => ports.map((port) => `${address}:${port}`));
  if (targets.length === 0) return [];
  const said = await from.host.run(sh`bash -s ${TRY_S} ${targets}`, { stdin: CONNECT, title: 'connect to the others' });
  const lost = said.split('\n');
  return others.flatMap(({ name, address, ports }) => {
    const closed = ports.filter((port) => lost.includes(`${address}:${port}`));
    return closed.length === 0 ? [] : [{ from: from.name, to: name, ports: closed }];
  });
}
