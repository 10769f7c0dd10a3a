import { DISK_LADDER } from '../../domain/disk-ladder';
import { sizeSettings } from '../../domain/postgres-settings';
import type { PostgresSettings } from '../../domain/postgres-settings';
import type { ClusterView } from '../fleet';
import type { HostFile } from '../host/host';
import type { Services } from '../host/services';
import { rootFile } from '../host/services';
import { CA_FILE } from '../host/tls-paths';
import { PATRONI_REST_PORT } from '../patroni/config';
import { binariesOf, DATA_FOLDER, dataDirectory, SOCKET_FOLDER } from '../postgres/paths';
import { DISK_GUARD_PROGRAM } from './guard-program';

/** What keeps the volume of a data node from running full: a service on its host, that needs nobody. */

const SERVICE = 'holdfast-disk';
const PROGRAM_FILE = '/etc/holdfast/disk-guard.py';
const ORDERS_FILE = '/etc/holdfast/disk-guard.json';
/** Below /var/lib: what it did, one line each, the newest last. Not on the volume that it guards. */
const STATE_FOLDER = 'holdfast/disk';
export const DISK_ACTS_FILE = `/var/lib/${STATE_FOLDER}/acts`;

/** What {@link DISK_GUARD_PROGRAM} reads. */
export interface DiskOrders {
  readonly ladder: typeof DISK_LADDER;
  readonly volume: string;
  readonly data: string;
  readonly psql: string;
  readonly socket: string;
  readonly acts: string;
  /** Settings that keep the log short. */
  readonly capped: PostgresSettings;
  /** Where Patroni says which members are alive, and who certifies it. */
  readonly patroni: string;
  readonly ca: string;
}

export function diskOrders({ cluster, plan }: ClusterView): DiskOrders {
  const { version, storageBytes } = cluster.spec;
  const { min_wal_size: least = '80MB' } = sizeSettings(plan, storageBytes);
  return {
    ladder: DISK_LADDER,
    volume: DATA_FOLDER,
    data: dataDirectory(version),
    psql: `${binariesOf(version)}/psql`,
    socket: SOCKET_FOLDER,
    acts: DISK_ACTS_FILE,
    // PostgreSQL itself allows no less than two segments.
    capped: { max_wal_size: least, min_wal_size: '32MB' },
    patroni: `https://127.0.0.1:${PATRONI_REST_PORT}/cluster`,
    ca: CA_FILE,
  };
}

/** Of PostgreSQL's user, who may log in as superuser through the socket. */
const UNIT = `[Unit]
Description=Holdfast: keep the volume from running full
StartLimitIntervalSec=0

[Service]
User=postgres
StateDirectory=${STATE_FOLDER}
ExecStart=/usr/bin/python3 ${PROGRAM_FILE} ${ORDERS_FILE}
Restart=always
RestartSec=1s

[Install]
WantedBy=multi-user.target
`;

const files = (view: ClusterView): HostFile[] => [
  rootFile(`/etc/systemd/system/${SERVICE}.service`, UNIT),
  rootFile(PROGRAM_FILE, DISK_GUARD_PROGRAM),
  rootFile(ORDERS_FILE, `${JSON.stringify(diskOrders(view), null, 2)}\n`),
];

/** The service with its files. It should be there before PostgreSQL is. */
export const diskGuard = (view: ClusterView): Services => ({ [SERVICE]: files(view) });
