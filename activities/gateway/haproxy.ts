import { maxConnections } from '../../domain/postgres-settings';
import type { ClusterView, ReachableNode } from '../fleet';
import { dataNodesOf } from '../fleet';
import { PATRONI_REST_PORT } from '../patroni/config';
import type { NodeName } from '../../domain/topology';
import { plainWord } from '../host/config-text';
import type { ShellCommand } from '../host/shell';
import { sh } from '../host/shell';
import { CA_FILE } from '../host/tls-paths';
import { ADMIN_SOCKET, CUT_SESSIONS_FILE } from './cut-sessions';
import { GATEWAY_PORTS, PGBOUNCER_LOCAL_PORT, PRIMARY_LOCAL_PORT } from './ports';

export const HAPROXY_CONFIG_FILE = '/etc/haproxy/haproxy.cfg';
export const ALLOWED_IPS_FILE = '/etc/haproxy/allowed-ips.lst';

/** Where a gateway serves. */
export interface GatewayPlace {
  /** The one address to serve on, because the others are PostgreSQL's; null for all. */
  readonly bindAddress: string | null;
}
export const ON_ITS_OWN: GatewayPlace = { bindAddress: null };

/** One address or block a line; whoever is not in it is refused on every port, before TLS. */
export function allowedIpsFile(view: ClusterView): string {
  const always = ['127.0.0.0/8', ...(view.network ? [`${view.network.controlAddress}/32`] : [])];
  return [...always, ...view.cluster.spec.allowedIps].map((block) => `${plainWord(block)}\n`).join('');
}

/**
 * Before the first look at a server HAProxy takes it for healthy: after a start all of them are the primary for a moment. A client that
 * a replica took then would be cut again by that look; one who is refused connects anew. `max-spread-checks` has all looks begin at once,
 * rather than spread over a second.
 */
const TO_THE_ONE_PRIMARY = ['tcp-request connection reject if { nbsrv(primary) gt 1 }', 'default_backend primary'];

/** Hosts that lost their power say no farewell: without these what they held would be kept for two hours. */
const CLIENT_KEEPALIVE = ['option clitcpka', 'clitcpka-idle 30s', 'clitcpka-intvl 5s', 'clitcpka-cnt 3'];
const SERVER_KEEPALIVE = ['option srvtcpka', 'srvtcpka-idle 5s', 'srvtcpka-intvl 1s', 'srvtcpka-cnt 5'];

/**
 * TCP only: TLS is between the client and PostgreSQL (or PgBouncer), the gateway can't read it. Patroni tells which
 * node is what; when a node stops being the primary its sessions are cut, so that no client goes on talking to it.
 */
export function haproxyConfig(view: ClusterView, gateway: GatewayPlace = ON_ITS_OWN): string {
  const nodes = dataNodesOf(view);
  const connections = maxConnections(view.plan);
  return [
    section('global', [
      'maxconn 4000',
      'user haproxy',
      'group haproxy',
      `stats socket ${ADMIN_SOCKET} user haproxy group haproxy mode 660 level admin`,
      'max-spread-checks 50ms',
      `lua-load ${CUT_SESSIONS_FILE}`,
    ]),
    section('defaults', [
      'mode tcp',
      'timeout connect 1s',
      'timeout client 24h',
      'timeout server 24h',
      'timeout check 2s',
      ...CLIENT_KEEPALIVE,
      ...SERVER_KEEPALIVE,
      'retries 0',
    ]),
    frontend('primary', bind(gateway, GATEWAY_PORTS.primary), TO_THE_ONE_PRIMARY),
    ...(gateway.bindAddress === null ? [] : [localPrimary()]),
    frontend('replica', bind(gateway, GATEWAY_PORTS.replica), [
      'use_backend replica if { nbsrv(replica) gt 0 }',
      'default_backend primary',
    ]),
    frontend('pooled', bind(gateway, GATEWAY_PORTS.pooled), ['default_backend pooler']),
    backend('primary', nodes, connections),
    backend('replica', nodes, connections),
    section('backend pooler', [`server pgbouncer 127.0.0.1:${PGBOUNCER_LOCAL_PORT}`]),
  ].join('\n');
}

const TELL = `use IO::Socket::UNIX; my ($path, @orders) = @ARGV;
my $haproxy = IO::Socket::UNIX->new(Peer => $path) or die "$path: $!\n";
print $haproxy join('; ', @orders), "\n"; 1 while <$haproxy>;`;

/**
 * Leads to another primary, or to the same one again, or away from one that is none any more, whose sessions end: at once, rather than with
 * the next look at its health, which has the last word all the same. Where HAProxy does not run there is nothing to lead.
 */
export function leadTo({ from, to }: Lead): ShellCommand {
  const orders = [
    ...(from ? [`set server primary/${from} health down`] : []),
    ...(to ? [`set server primary/${to} health up`] : []),
  ];
  return sh`{ perl -e ${TELL} ${ADMIN_SOCKET} ${orders} || :; }`;
}

/** Whom to lead clients away from, and to: one of them at least. */
export type Lead =
  { readonly from: NodeName; readonly to?: NodeName } | { readonly from?: NodeName; readonly to: NodeName };

/** `transparent`: also while the address is on another gateway. */
const bind = ({ bindAddress }: GatewayPlace, port: number): string =>
  bindAddress === null ? `bind :${port}` : `bind ${plainWord(bindAddress)}:${port} transparent`;

/** For PgBouncer beside a PostgreSQL, whose port 5432 on loopback is that PostgreSQL's own. */
const localPrimary = (): string =>
  section('frontend local', [`bind 127.0.0.1:${PRIMARY_LOCAL_PORT}`, ...TO_THE_ONE_PRIMARY]);

function frontend(name: string, bindLine: string, route: readonly string[]): string {
  return section(`frontend ${name}`, [
    bindLine,
    `tcp-request connection reject unless { src -f ${ALLOWED_IPS_FILE} }`,
    ...route,
  ]);
}

/**
 * Of its status alone Patroni makes a standby the primary as soon as it has the lease: until its promotion has ended that one refuses writes,
 * and does not show yet all that was acknowledged. What PostgreSQL itself says is in the body.
 */
function backend(role: 'primary' | 'replica', nodes: readonly ReachableNode[], connections: number): string {
  return section(`backend ${role}`, [
    'balance leastconn',
    `option httpchk GET /${role}`,
    'http-check expect status 200',
    `http-check expect string '"role": "${role}"'`,
    `default-server inter 1s fastinter 200ms downinter 1s fall 2 rise 1 tcp-ut 10s observe layer4 error-limit 1 on-error sudden-death maxconn ${connections}`,
    ...nodes.map(
      (node) =>
        `server ${plainWord(node.name)} ${plainWord(node.privateAddress)}:5432 check port ${PATRONI_REST_PORT} check-ssl verify required ca-file ${CA_FILE} verifyhost ${node.name}`,
    ),
  ]);
}

function section(title: string, lines: readonly string[]): string {
  return [title, ...lines.map((line) => `  ${line}`), ''].join('\n');
}
