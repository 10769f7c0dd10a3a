import { SCRIPT_PHASES } from '../../domain/backup-hooks';
import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf } from '../fleet';
import { isOutOfReach } from '../host/errors';
import type { Host } from '../host/host';
import { stopService } from '../host/services';
import { sh } from '../host/shell';
import { certificateFile, keyFile } from '../host/tls-paths';
import { ARCHIVE_FETCH_FILE, IN_TROUBLE_FILE } from './archive-get';
import { ARCHIVE_PUSH_FILE } from './archive-push';
import { ARCHIVE_CONFIG_FILE, BACKUP_CONFIG_FILE, PUSH_CONFIG, PUSH_LOCKS, PUSH_SPOOL } from './config';
import { COPY_FILE } from './copy';
import { hookFile } from './hook-files';
import { stopOwnBackups } from './own-backups';

/** What the data nodes of a cluster know of its backups, taken away again. Its PostgreSQL archives into nothing by then. */

/**
 * Undoes tellDataNodes on every data node that answers. Nobody waits for one that is away, because it may be what an operation
 * is cancelled for: what it keeps opens nothing any more once the accounts are gone. Idempotent.
 */
export async function untellDataNodes(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  const untell = async (node: ReachableNode): Promise<void> => {
    const host = fencedHostOf(fleet, at, view, node);
    await stopOwnBackups(host);
    if (dataNodesOf(view).length > 1) await stopService(host, 'pgbackrest');
    await forgetFiles(host);
  };
  await each(dataNodesOf(view), (node) =>
    untell(node).catch(async (error: unknown) => {
      if (!isOutOfReach(error)) throw error;
      const told = `${node.name} does not answer, and keeps files of backups that are of no use to it`;
      await fleet.inventory.operations.recordProgress(at.operationId, at.stepId, told);
    }),
  );
}

const FILES = [
  ARCHIVE_CONFIG_FILE,
  BACKUP_CONFIG_FILE,
  ARCHIVE_PUSH_FILE,
  ARCHIVE_FETCH_FILE,
  IN_TROUBLE_FILE,
  COPY_FILE,
  certificateFile('pgbackrest'),
  keyFile('pgbackrest'),
  ...SCRIPT_PHASES.map(hookFile),
];

/*
 * What pushes a segment at this moment goes on without its files, and would leave it in a store that was emptied before: it
 * holds a lock until then. Authorities of stores stay, which may be what the cluster was restored with: they open nothing.
 */
const FORGET = `set -eu
locks=$1 config=$2 spool=$3
shift 3
for lock in "$locks"*/*.lock; do [ ! -e "$lock" ] || flock -w 50 -- "$lock" true; done
rm -rf -- "$@" "$config"*.conf "$spool"* "$locks"*`;

async function forgetFiles(host: Host): Promise<void> {
  await host.run(sh`sh -c ${FORGET} sh ${[PUSH_LOCKS, PUSH_CONFIG, PUSH_SPOOL, ...FILES]}`, {
    title: 'forget what backups are taken with',
  });
}
