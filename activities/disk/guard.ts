import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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
import { projectRoot } from '../project-root';

/** What keeps the volume of a data node from running full: a service on its host, that needs nobody. */

/**
 * It watches the volume for as long as its host is on: it looks four times a second, more often the fuller it is, and acts by itself,
 * whether anybody else is there or not. What it has set is what ALTER SYSTEM has written (postgresql.auto.conf) in its own spelling: it
 * can be killed at any moment, and whatever a restore or a copy of another node brought along is put right. What others had set before is
 * there again afterwards. Needs Python 3, which Patroni brings.
 */
export const DISK_GUARD_PROGRAM = readFileSync(join(projectRoot(), 'activities', 'disk', 'disk-guard.py'), 'utf8');

const SERVICE = 'holdfast-disk';
const PROGRAM_FILE = '/etc/holdfast/disk-guard.py';
const ORDERS_FILE = '/etc/holdfast/disk-guard.json';
/** Below /var/lib: what it did, one line each, the newest last. Not on the volume that it guards. */
const STATE_FOLDER = 'holdfast/disk';
export const DISK_ACTS_FILE = `/var/lib/${STATE_FOLDER}/acts`;

/**
 * Nobody else writes it so, and PostgreSQL keeps what it is given: by its spelling the program knows what it has set itself. What an
 * operator has set, such as `on`, is not its to take away.
 */
export const REFUSED = 'tru';

/** What {@link DISK_GUARD_PROGRAM} reads. */
export interface DiskOrders {
  readonly ladder: typeof DISK_LADDER;
  readonly volume: string;
  readonly data: string;
  readonly psql: string;
  readonly socket: string;
  readonly acts: string;
  /** Settings that refuse writes, and those that keep the log short; each in a spelling of its own. */
  readonly refusing: PostgresSettings;
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
    refusing: { default_transaction_read_only: REFUSED },
    // PostgreSQL itself allows no less than two segments.
    capped: { max_wal_size: inKilobytes(least), min_wal_size: inKilobytes('32MB') },
    patroni: `https://127.0.0.1:${PATRONI_REST_PORT}/cluster`,
    ca: CA_FILE,
  };
}

const inKilobytes = (megabytes: string | number): string => `${parseInt(String(megabytes), 10) * 1024}kB`;

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
