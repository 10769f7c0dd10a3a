import type { Command } from 'commander';
import type { RestoreWindowAnswer } from '../../domain/schemas/restore-window';
import type { OperationSummaryAnswer } from '../../domain/schemas/operations';
import type { RestoreClusterRequest } from '../../domain/schemas/restores';
import { backupsOf, type BackupFlags, withBackups } from './backup-options';
import { toType } from './called-as';
import { CLUSTER, collect, NEWEST } from './command-cluster';
import { addRestoreDatabaseCommand } from './command-restore-database';
import { addInPlaceCommands } from './command-restore-in-place';
import { addRestorePointCommands } from './command-restore-point';
import { showPreview } from './cluster-text';
import { describe } from './help';
import { printList, printOne } from './output';
import { report, type WaitFlags, withWait } from './report';
import { type TargetFlags, targetOf, withTarget } from './restore-target';
import type { Open } from './run';

/** `restore`: the data of a cluster again, in a new cluster or in its own place. */

interface CreateOptions extends WaitFlags, BackupFlags, TargetFlags {
  readonly site?: string;
  readonly plan?: string;
  readonly storage?: string;
  readonly version?: string;
  readonly allowIp?: string[];
  readonly protect?: boolean;
  readonly credentials?: string;
  readonly preview?: boolean;
}

export function addRestoreCommands(program: Command, open: Open): void {
  const restore = describe(
    program.command('restore'),
    'Get the data of a cluster back, as it was at a time of its past.',
    'restore window orders',
    'restore create orders orders-again --time 2026-11-21T14:01:00+01:00 --wait',
  );
  addWindow(restore, open);
  addCreate(restore, open);
  addInPlaceCommands(restore, open);
  addRestorePointCommands(restore, open);
  addRestoreDatabaseCommand(restore, open);
  addList(restore, open);
}

function addWindow(restore: Command, open: Open): void {
  describe(restore.command('window'), 'Show from where to where a cluster can be restored.', 'restore window orders')
    .argument('<cluster>', CLUSTER)
    .action(async (cluster: string) => {
      const { client, format } = await open();
      const window = await client.showRestoreWindow(cluster);
      await printOne(format, window, {
        earliest: window.earliest ?? 'nothing can be restored yet',
        latest: latestInWords(window),
        'first lsn': window.firstLsn,
        'last lsn': window.lastLsn,
        'last transaction': window.lastTransaction,
        gaps: window.gaps.map(gapInWords).join(', ') || 'none',
        'as of': window.asOf,
        timeline: window.timelineId,
      });
    });
}

/** `shop`, `shop / app_1402` of one database. */
const intoWords = ({ restores, clusterName }: OperationSummaryAnswer): string =>
  [restores?.into ?? clusterName, ...(restores?.database ? [restores.database] : [])].join(' / ');

function addList(restore: Command, open: Open): void {
  describe(
    restore.command('list'),
    'List the restores of the data of a cluster, the newest first: into new ones, in place, and of one database.',
    'restore list orders',
  )
    .argument('<cluster>', CLUSTER)
    .option(...NEWEST)
    .action(async (cluster: string, { limit }: { limit?: number }) => {
      const { client, format } = await open();
      await printList(format, await client.listRestores(cluster, limit), {
        operation: (item) => item.id,
        kind: (item) => item.kind,
        into: (item) => intoWords(item),
        'as of': (item) => item.restores && (item.restores.target ?? 'before the restore in place'),
        state: (item) => item.state,
        step: (item) => item.currentStep,
        by: (item) => item.requestedBy,
        created: (item) => item.createdAt,
      });
    });
}

/** That nothing was archived does not mean that nothing can be restored. */
function latestInWords({ earliest, latest, asOf }: RestoreWindowAnswer): string | null {
  if (earliest === null || latest !== null) return latest;
  const later = asOf === 'now' ? '; a later time is looked for when it is ordered' : '';
  return `nothing was committed and archived since the oldest backup yet${later}`;
}

/** Its ends can be restored: by `--time` or, where a time is not exact enough, by `--lsn`. */
const gapInWords = ({ from, fromLsn, to, toLsn }: RestoreWindowAnswer['gaps'][number]): string =>
  `${from} (${fromLsn}) to ${to} (${toLsn})`;

function addCreate(restore: Command, open: Open): void {
  const command = describe(
    restore.command('create'),
    'Order a new cluster with the data of another one, which goes on undisturbed.',
    'restore create orders orders-again --wait',
    'restore create orders orders-again --time 2026-11-21T14:01:00+01:00 --preview',
    'restore create orders orders-again --backup bkp_01m7xfpycdf6dnev2ndz8p0wht --plan ha-s --wait',
  )
    .argument('<cluster>', 'Name of the cluster whose data it is, or its id: one that was deleted has only that.')
    .argument('<name>', 'Name of the new cluster, unique in its project.');
  withTarget(command)
    .option('--site <site>', 'Read from this site; the first that can be read by default.')
    .option('-p, --plan <plan>', `Topology and size, as ${toType('plan list')} shows them; the source's by default.`)
    .option('--storage <size>', "Storage of each data node, such as 20GiB; the source's by default.")
    .option('--version <major>', "Major version of PostgreSQL: the source's, a restore can't change it.")
    .option('--allow-ip <cidr>', "Network that may connect; can be repeated; the source's by default.", collect)
    .option('--protect', 'Refuse to delete the new cluster until it is unprotected.')
    .option('--credentials <choice>', "What becomes of the owner's password: keep (the default) or rotate.")
    .option('--preview', 'Only say what would be done.');
  withWait(withBackups(command)).action(async (cluster: string, name: string, flags: CreateOptions) => {
    const session = await open();
    const request = requestOf(name, flags);
    if (flags.preview) return showPreview(session.format, await session.client.previewRestore(cluster, request));
    const operation = await session.client.restoreCluster(cluster, request);
    await report(session, operation, flags, toType(`psql ${name}`));
  });
}

/** What was not given is left out: defaults are the API's. Texts are checked there too, hence the wide types. */
function requestOf(name: string, flags: CreateOptions): RestoreClusterRequest {
  const { site, plan, storage, version, allowIp, protect, credentials } = flags;
  const given = {
    name,
    target: targetOf(flags),
    site,
    plan,
    storage,
    version,
    allowedIps: allowIp,
    deletionProtection: protect,
    credentials,
    backups: backupsOf(flags),
  };
  return JSON.parse(JSON.stringify(given)) as RestoreClusterRequest;
}
