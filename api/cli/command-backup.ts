import type { Command } from 'commander';
import type { BackupAnswer, TakeBackupRequest } from '../../domain/schemas/backups';
import { addBackupPolicyCommands } from './command-backup-policy';
import { CLUSTER } from './command-cluster';
import { showPreview } from './cluster-text';
import { describe } from './help';
import { bytes, duration, printJson, printList, printOne } from './output';
import { report, type WaitFlags, withWait } from './report';
import type { Open } from './run';

/** `backup`: physical backups of a cluster. */

const EXAMPLE_ID = 'bkp_01m7xfpycdf6dnev2ndz8p0wht';

interface CreateOptions extends WaitFlags {
  readonly type?: string;
  readonly description?: string;
  readonly preview?: boolean;
}

export function addBackupCommands(program: Command, open: Open): void {
  const backup = describe(program.command('backup'), 'Take and look at backups of a cluster.', 'backup list orders');
  describe(
    backup.command('list'),
    'List the newest backups of a cluster.',
    'backup list orders',
    'backup list orders --limit 200 -o json',
  )
    .argument('<cluster>', CLUSTER)
    .option('--limit <number>', 'At most this many, 200 at the most.', Number, 50)
    .action(async (cluster: string, { limit }: { limit: number }) => {
      const { client, format } = await open();
      await printList(format, await client.listBackups(cluster, limit), {
        backup: (item) => item.id,
        type: (item) => item.type,
        state: (item) => item.state,
        database: (item) => item.databaseBytes && bytes(item.databaseBytes),
        stored: (item) => bytes(storedBytes(item)),
        sites: (item) =>
          kept(item)
            .map(({ site }) => site)
            .join(',') || '-',
        started: (item) => item.startedAt,
        took: (item) => took(item),
        by: (item) => item.requestedBy,
        description: (item) => item.description,
      });
    });
  addCreate(backup, open);
  addBackupPolicyCommands(backup, open);
  describe(backup.command('show'), 'Show a backup with its copy on each site.', `backup show orders ${EXAMPLE_ID}`)
    .argument('<cluster>', CLUSTER)
    .argument('<backup>', `Id of the backup, such as ${EXAMPLE_ID}.`)
    .action(async (cluster: string, id: string) => {
      const { client, format } = await open();
      const found = await client.showBackup(cluster, id);
      if (format === 'json') return printJson(found);
      await showBackup(found);
    });
}

function addCreate(backup: Command, open: Open): void {
  const command = describe(
    backup.command('create'),
    'Take a backup of a cluster now.',
    'backup create orders --wait',
    "backup create orders --type full --description 'before the migration' --wait",
  )
    .argument('<cluster>', CLUSTER)
    .option('--type <type>', 'What it copies: full, differential or incremental (the default).')
    .option('--description <text>', 'A line that says what it is for.')
    .option('--preview', 'Only say what would be done.');
  withWait(command).action(async (cluster: string, flags: CreateOptions) => {
    const session = await open();
    const { type, description, preview } = flags;
    // What was not given is left out. Texts are checked by the API, hence the wide types.
    const request = JSON.parse(JSON.stringify({ type, description })) as TakeBackupRequest;
    if (preview) return showPreview(session.format, await session.client.previewBackup(cluster, request));
    await report(session, await session.client.takeBackup(cluster, request), flags);
  });
}

const kept = ({ copies }: BackupAnswer): BackupAnswer['copies'] => copies.filter(({ removedAt }) => removedAt === null);

const storedBytes = (backup: BackupAnswer): number => kept(backup).reduce((sum, copy) => sum + copy.storedBytes, 0);

const took = ({ startedAt, finishedAt }: { startedAt: string; finishedAt: string | null }): string | null =>
  finishedAt === null ? null : duration(Date.parse(finishedAt) - Date.parse(startedAt));

async function showBackup(backup: BackupAnswer): Promise<void> {
  await printOne('table', backup, {
    backup: backup.id,
    type: backup.type,
    state: backup.state,
    ...(backup.error === null ? {} : { error: `${backup.error.code}: ${backup.error.message}` }),
    ...(backup.description === null ? {} : { description: backup.description }),
    'requested by': backup.requestedBy,
    operation: backup.operationId,
    'taken from': backup.node === null ? null : `${backup.node}, the ${backup.nodeRole ?? 'node'}`,
    version: `PostgreSQL ${backup.version}`,
    tool: backup.tool,
    database: backup.databaseBytes && bytes(backup.databaseBytes),
    started: backup.startedAt,
    finished: backup.finishedAt,
    took: took(backup),
    timeline: backup.timelineId,
  });
  await printList('table', backup.copies, {
    site: (copy) => copy.site,
    type: (copy) => copy.type,
    set: (copy) => copy.setId,
    stored: (copy) => bytes(copy.storedBytes),
    'from lsn': (copy) => copy.startLsn,
    'to lsn': (copy) => copy.stopLsn,
    finished: (copy) => copy.finishedAt,
    removed: (copy) => copy.removedAt,
  });
}
