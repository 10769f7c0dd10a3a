import type { Cluster } from '../../domain/clusters';
import { ETCD_CLIENT_PORT } from '../etcd/config';
import { CA_FILE, certificateFile, keyFile } from '../host/tls-paths';

/** What Patroni keeps in etcd, and how a data node gets at it. */

/** Where the keys of a cluster are, without the slash at the end. */
export const keysOf = ({ id }: Pick<Cluster, 'id'>): string => `/holdfast/${id}`;

export const ETCDCTL = [
  'etcdctl',
  `--endpoints=https://127.0.0.1:${ETCD_CLIENT_PORT}`,
  `--cacert=${CA_FILE}`,
  `--cert=${certificateFile('patroni')}`,
  `--key=${keyFile('patroni')}`,
] as const;
