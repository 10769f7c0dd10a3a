import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import type { HostFile } from '../host/host';
import { rootFile } from '../host/services';
import { tlsFiles } from '../secrets/node-certificate';
import { ARCHIVE_FETCH_FILE, ARCHIVE_FETCH_SCRIPT, ARCHIVE_GET_FILE, ARCHIVE_GET_SCRIPT } from './archive-get';
import { ARCHIVE_PUSH_FILE, archivePushScript } from './archive-push';
import {
  ARCHIVE_CONFIG_FILE,
  archiveConfig,
  ASIDE_CONFIG_FILE,
  asideConfig,
  BACKUP_CONFIG_FILE,
  backupConfig,
  pushConfig,
  pushConfigFile,
  RESTORE_CONFIG_FILE,
  restoreConfig,
  siteCaFile,
} from './config';
import type { Lineage } from './config';
import { COPY_FILE, copyOrders, copyProgram } from './copy';
import { hookFiles } from './hook-files';
import { ownBackupFiles, ownOrders } from './own-backups';

/** Files of pgBackRest that a data node needs, each for what it is used for. */

/** For archiving: before PostgreSQL starts. */
export const archiveFiles = (view: ClusterView, lineage: Lineage): HostFile[] => [
  secretFile(ARCHIVE_CONFIG_FILE, archiveConfig(view, lineage)),
  ...lineage.timeline.sites.map((site) => secretFile(pushConfigFile(site), pushConfig(view, lineage, site))),
  secretFile(ARCHIVE_PUSH_FILE, archivePushScript(lineage)),
  secretFile(ARCHIVE_FETCH_FILE, ARCHIVE_FETCH_SCRIPT),
  secretFile(COPY_FILE, copyProgram(copyOrders(view, lineage))),
  ...authorityFiles(lineage),
];

/** For taking backups, also from a replica, and also by the host itself. */
export async function backupFiles(
  fleet: Fleet,
  view: ClusterView,
  node: ReachableNode,
  lineage: Lineage,
): Promise<HostFile[]> {
  const { backups: policy } = view.cluster.spec;
  return [
    ...(await tlsFiles(fleet, view, node, { pgbackrest: 'postgres:postgres' })),
    secretFile(BACKUP_CONFIG_FILE, backupConfig(view, node, lineage)),
    ...archiveFiles(view, lineage),
    ...(policy ? [...ownBackupFiles(ownOrders(view, node, lineage, policy)), ...hookFiles(policy)] : []),
  ];
}

/** For restoring another lineage. */
export const restoreFiles = (view: ClusterView, source: Lineage): HostFile[] => [
  secretFile(RESTORE_CONFIG_FILE, restoreConfig(view, source)),
  secretFile(ARCHIVE_GET_FILE, ARCHIVE_GET_SCRIPT),
  ...authorityFiles(source),
];

/** For restoring the cluster's own lineage beside its data. */
export const asideFiles = (view: ClusterView, lineage: Lineage, folder: string): HostFile[] => [
  secretFile(ASIDE_CONFIG_FILE, asideConfig(view, lineage, folder)),
  secretFile(ARCHIVE_GET_FILE, ARCHIVE_GET_SCRIPT),
  ...authorityFiles(lineage),
];

/** Of these, what nobody needs when that is done. */
export const ASIDE_FILES = [ASIDE_CONFIG_FILE, ARCHIVE_GET_FILE] as const;

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
