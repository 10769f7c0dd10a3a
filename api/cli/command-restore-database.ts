import type { Command } from 'commander';
import type { RestoreDatabaseRequest } from '../../domain/schemas/database-restores';
import { psqlTo } from './called-as';
import { showPreview } from './cluster-text';
import { describe } from './help';
import { report, type WaitFlags, withWait } from './report';
import { type TargetFlags, targetOf, withTarget } from './restore-target';
import type { Open } from './run';

/** `restore database`: one database out of the backups of a cluster. */

interface DatabaseFlags extends WaitFlags, TargetFlags {
  readonly source?: string;
  readonly site?: string;
  readonly cluster?: string;
  readonly database?: string;
  readonly replace?: boolean;
  readonly preview?: boolean;
}

/** @param restore the command that it stands under. */
export function addRestoreDatabaseCommand(restore: Command, open: Open): void {
  const command = describe(
    restore.command('database'),
    'Restore one database of a cluster, as it was, beside what is there or into another cluster.',
    'restore database orders --time 2026-11-21T14:01:00+01:00 --database app_before --wait',
    'restore database orders --source sales --cluster orders-18 --preview',
  ).argument('<cluster>', 'Name of the cluster whose data it is, or its id: one that was deleted has only that.');
  withTarget(command)
    .option('--source <name>', "The database to take out of the backups; the cluster's first one by default.")
    .option('--site <site>', 'Read from this site; the first that can be read by default.')
    .option('--cluster <cluster>', 'Into this cluster; the one that it is from by default.')
    .option('--database <name>', 'Name that the database gets; the same by default.')
    .option('--replace', 'Drop a database of that name once the other one is restored.')
    .option('--preview', 'Only say what would be done.');
  withWait(command).action(async (cluster: string, flags: DatabaseFlags) => {
    const session = await open();
    const { source, site, cluster: into, database, replace, preview } = flags;
    const asked = { source, site, cluster: into, database, replace, target: targetOf(flags) };
    // What was not given is left out: defaults are the API's. Texts are checked there too, hence the wide types.
    const request = JSON.parse(JSON.stringify(asked)) as RestoreDatabaseRequest;
    if (preview) return showPreview(session.format, await session.client.previewRestoreDatabase(cluster, request));
    const operation = await session.client.restoreDatabase(cluster, request);
    // The operation is one of a cluster that is thrown away.
    const name = database ?? source ?? (await session.client.showCluster(cluster)).spec.database;
    await report(session, operation, flags, psqlTo(into ?? cluster, name));
  });
}
