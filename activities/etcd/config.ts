import type { ReachableNode } from '../fleet';
import { environmentFile } from '../host/config-text';
import { CA_FILE, certificateFile, keyFile } from '../host/tls-paths';

export const ETCD_CLIENT_PORT = 2379;
export const ETCD_PEER_PORT = 2380;
export const ETCD_ENVIRONMENT_FILE = '/etc/default/etcd';

/** For hosts that share a busy machine. One that is alone asks nobody, and waits that long when it starts all the same. */
const TIMES_MS = { heartbeat: 250, election: 2500 };
const TIMES_ALONE_MS = { heartbeat: 50, election: 500 };

const url = (address: string, port: number): string => `https://${address}:${port}`;

/** By which the members know one another. */
export const peerUrlOf = ({ privateAddress }: Pick<ReachableNode, 'privateAddress'>): string =>
  url(privateAddress, ETCD_PEER_PORT);

/** One of those that a member is told of at its first start. */
export interface InitialMember {
  readonly name: string;
  readonly peerUrl: string;
}
export const memberOf = (node: ReachableNode): InitialMember => ({ name: node.name, peerUrl: peerUrlOf(node) });

/**
 * The environment file of Debian's etcd.service: TLS with client certificates both for peers and for clients.
 *
 * @param state `existing`: it joins others that have let it in. Default: all begin together.
 */
export function etcdEnvironment(
  node: ReachableNode,
  members: readonly InitialMember[],
  clusterToken: string,
  state: 'new' | 'existing' = 'new',
): string {
  const times = members.length === 1 ? TIMES_ALONE_MS : TIMES_MS;
  const settings: Record<string, string> = {
    ETCD_NAME: node.name,
    ETCD_DATA_DIR: '/var/lib/etcd/holdfast',
    ETCD_LISTEN_PEER_URLS: peerUrlOf(node),
    ETCD_INITIAL_ADVERTISE_PEER_URLS: peerUrlOf(node),
    ETCD_LISTEN_CLIENT_URLS: [node.privateAddress, '127.0.0.1']
      .map((address) => url(address, ETCD_CLIENT_PORT))
      .join(','),
    ETCD_ADVERTISE_CLIENT_URLS: url(node.privateAddress, ETCD_CLIENT_PORT),
    ETCD_INITIAL_CLUSTER: members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(','),
    ETCD_INITIAL_CLUSTER_TOKEN: clusterToken,
    ETCD_INITIAL_CLUSTER_STATE: state,
    ETCD_HEARTBEAT_INTERVAL: String(times.heartbeat),
    ETCD_ELECTION_TIMEOUT: String(times.election),
    ETCD_AUTO_COMPACTION_MODE: 'periodic',
    ETCD_AUTO_COMPACTION_RETENTION: '15m',
    ETCD_CLIENT_CERT_AUTH: 'true',
    ETCD_TRUSTED_CA_FILE: CA_FILE,
    ETCD_CERT_FILE: certificateFile('etcd'),
    ETCD_KEY_FILE: keyFile('etcd'),
    ETCD_PEER_CLIENT_CERT_AUTH: 'true',
    ETCD_PEER_TRUSTED_CA_FILE: CA_FILE,
    ETCD_PEER_CERT_FILE: certificateFile('etcd'),
    ETCD_PEER_KEY_FILE: keyFile('etcd'),
    ETCD_TLS_MIN_VERSION: 'TLS1.2',
  };
  return environmentFile(settings);
}
