import type { ReachableNode } from '../fleet';
import { environmentFile } from '../host/config-text';
import { CA_FILE, certificateFile, keyFile } from '../host/tls-paths';

export const ETCD_CLIENT_PORT = 2379;
export const ETCD_PEER_PORT = 2380;
export const ETCD_ENVIRONMENT_FILE = '/etc/default/etcd';

/**
 * The environment file of Debian's etcd.service: TLS with client certificates both for peers and for clients.
 * Heartbeat and election times are for hosts that share a busy machine.
 */
export function etcdEnvironment(node: ReachableNode, members: readonly ReachableNode[], clusterToken: string): string {
  const url = (address: string, port: number): string => `https://${address}:${port}`;
  const settings: Record<string, string> = {
    ETCD_NAME: node.name,
    ETCD_DATA_DIR: '/var/lib/etcd/holdfast',
    ETCD_LISTEN_PEER_URLS: url(node.privateAddress, ETCD_PEER_PORT),
    ETCD_INITIAL_ADVERTISE_PEER_URLS: url(node.privateAddress, ETCD_PEER_PORT),
    ETCD_LISTEN_CLIENT_URLS: [node.privateAddress, '127.0.0.1']
      .map((address) => url(address, ETCD_CLIENT_PORT))
      .join(','),
    ETCD_ADVERTISE_CLIENT_URLS: url(node.privateAddress, ETCD_CLIENT_PORT),
    ETCD_INITIAL_CLUSTER: members
      .map((member) => `${member.name}=${url(member.privateAddress, ETCD_PEER_PORT)}`)
      .join(','),
    ETCD_INITIAL_CLUSTER_TOKEN: clusterToken,
    ETCD_INITIAL_CLUSTER_STATE: 'new',
    ETCD_HEARTBEAT_INTERVAL: '250',
    ETCD_ELECTION_TIMEOUT: '2500',
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
