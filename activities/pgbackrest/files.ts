import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import type { HostFile } from '../host/host';
import { rootFile } from '../host/services';
import { tlsFiles } from '../secrets/node-certificate';
import {
  ARCHIVE_CONFIG_FILE,
  archiveConfig,
  ASIDE_CONFIG_FILE,
  asideConfig,
  BACKUP_CONFIG_FILE,
  backupConfig,
  RESTORE_CONFIG_FILE,
  restoreConfig,
  siteCaFile,
} from './config';
import type { Lineage } from './config';

/** Files of pgBackRest that a data node needs, each for what it is used for. */

/** For archiving: before PostgreSQL starts. */
export const archiveFiles = (view: ClusterView, lineage: Lineage): HostFile[] => [
  secretFile(ARCHIVE_CONFIG_FILE, archiveConfig(view, lineage)),
  ...authorityFiles(lineage),
];

/** For taking backups, also from a replica. */
export async function backupFiles(
  fleet: Fleet,
  view: ClusterView,
  node: ReachableNode,
  lineage: Lineage,
): Promise<HostFile[]> {
  return [
    ...(await tlsFiles(fleet, view, node, { pgbackrest: 'postgres:postgres' })),
    secretFile(BACKUP_CONFIG_FILE, backupConfig(view, node, lineage)),
    ...archiveFiles(view, lineage),
  ];
}

/** For restoring another lineage. */
export const restoreFiles = (view: ClusterView, source: Lineage): HostFile[] => [
  secretFile(RESTORE_CONFIG_FILE, restoreConfig(view, source)),
  ...authorityFiles(source),
];

/** For restoring the cluster's own lineage beside its data. */
export const asideFiles = (view: ClusterView, lineage: Lineage, folder: string): HostFile[] => [
  secretFile(ASIDE_CONFIG_FILE, asideConfig(view, lineage, folder)),
  ...authorityFiles(lineage),
];

/** For `postgres` alone. */
export const secretFile = (path: string, content: string): HostFile => ({
  path,
  content,
  mode: 0o600,
  owner: 'postgres:postgres',
});

/** Of stores that are not certified by an authority that the host knows anyway. */
function authorityFiles({ repositories }: Lineage): HostFile[] {
  return repositories.flatMap(({ place }) =>
    place.caPem === null ? [] : [rootFile(siteCaFile(place.site), place.caPem)],
  );
}
