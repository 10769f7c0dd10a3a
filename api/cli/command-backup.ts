import type { Command } from 'commander';
import { endInWords } from '../../domain/backup-hooks';
import type { BackupAnswer, TakeBackupRequest } from '../../domain/schemas/backups';
import { addBackupPolicyCommands } from './command-backup-policy';
import { CLUSTER, NEWEST } from './command-cluster';
import { showPreview } from './cluster-text';
import { describe } from './help';
import { keptInWords, typeInWords } from '../../domain/backup-words';
import { bytes, duration, print, printJson, printList, printOne } from './output';
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
    'List the backups of a cluster, the newest first.',
    'backup list orders',
    'backup list orders --limit 20 -o json',
  )
    .argument('<cluster>', CLUSTER)
    .option(...NEWEST)
    .action(async (cluster: string, { limit }: { limit?: number }) => {
      const { client, format } = await open();
      await printList(format, await client.listBackups(cluster, limit), {
        backup: (item) => item.id,
        type: (item) => typeInWords(item),
        state: (item) => item.state,
        database: (item) => item.databaseBytes && bytes(item.databaseBytes),
        stored: (item) => bytes(item.storedBytes),
        sites: (item) =>
          kept(item)
            .map(({ site }) => site)
            .join(',') || '-',
        started: (item) => item.startedAt,
        took: (item) => took(item),
        'kept until': (item) => keptInWords(item),
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

const took = ({ durationMs }: BackupAnswer): string | null => (durationMs === null ? null : duration(durationMs));

/** `zst, aes-256-cbc, bundle, block, 2 processes`. */
function parametersInWords(parameters: BackupAnswer['parameters']): string | null {
  if (parameters === null) return null;
  const { compressType, cipherType, bundle, block, processMax } = parameters;
  const words = [compressType, cipherType, bundle && 'bundle', block && 'block', `${processMax} processes`];
  return words.filter((word) => word !== false).join(', ');
}

async function showBackup(backup: BackupAnswer): Promise<void> {
  await printOne('table', backup, {
    backup: backup.id,
    type: backup.type,
    state: backup.state,
    ...(backup.error === null ? {} : { error: errorInWords(backup, backup.error) }),
    ...(backup.description === null ? {} : { description: backup.description }),
    'requested by': backup.requestedBy,
    schedule: backup.schedule,
    operation: backup.operationId,
    'taken from': backup.node === null ? null : `${backup.node}, the ${backup.nodeRole ?? 'node'}`,
    version: `PostgreSQL ${backup.version}`,
    tool: backup.tool,
    parameters: parametersInWords(backup.parameters),
    database: backup.databaseBytes && bytes(backup.databaseBytes),
    stored: bytes(backup.storedBytes),
    started: backup.startedAt,
    finished: backup.finishedAt,
    took: took(backup),
    ...(backup.range === null
      ? {}
      : {
          'copied from': `${backup.range.from}, ${backup.range.fromLsn}`,
          'consistent at': `${backup.range.to}, ${backup.range.toLsn}`,
        }),
    'kept until': keptInWords(backup),
    verified: backup.lastVerifiedAt,
    timeline: backup.timelineId,
  });
  await showCopies(backup);
  showScripts(backup);
}

/** What its script wrote stands below: the error's own sentence leads to where the reader is. */
function errorInWords({ scripts }: BackupAnswer, { code, message }: NonNullable<BackupAnswer['error']>): string {
  const pre = scripts.find(({ phase }) => phase === 'pre');
  if (code !== 'BACKUP_SCRIPT_FAILED' || !pre) return `${code}: ${message}`;
  return `${code}: No backup was taken: the script before it ${endInWords(pre)} on ${pre.node}.`;
}

function showScripts({ scripts }: BackupAnswer): void {
  for (const run of scripts) {
    const { phase, node, output } = run;
    print(`\nThe script ${phase === 'pre' ? 'before' : 'after'} it ${endInWords(run)} on ${node}:\n${output}`);
  }
}

async function showCopies({ copies }: BackupAnswer): Promise<void> {
  if (copies.length === 0) return;
  await printList('table', copies, {
    site: (copy) => copy.site,
    type: (copy) => copy.type,
    set: (copy) => copy.setId,
    database: (copy) => copy.databaseBytes && bytes(copy.databaseBytes),
    stored: (copy) => bytes(copy.storedBytes),
    'from lsn': (copy) => copy.startLsn,
    'to lsn': (copy) => copy.stopLsn,
    finished: (copy) => copy.finishedAt,
    took: (copy) => duration(copy.durationMs),
    'kept until': (copy) => keptInWords(copy),
    verified: (copy) => copy.lastVerifiedAt,
    removed: (copy) => copy.removedAt,
  });
  await printList('table', copies, {
    site: (copy) => copy.site,
    path: (copy) => copy.path,
    'sha-256 of the manifest': (copy) => copy.manifestSha256,
  });
}
