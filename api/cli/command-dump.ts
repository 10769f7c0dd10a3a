import type { Command } from 'commander';
import type { DumpAnswer, RestoreDumpRequest, TakeDumpRequest } from '../../domain/schemas/dumps';
import { psqlTo } from './called-as';
import { CLUSTER, NEWEST } from './command-cluster';
import { showPreview } from './cluster-text';
import { describe } from './help';
import { bytes, duration, printJson, printList, printOne } from './output';
import { report, type WaitFlags, withWait } from './report';
import type { Open } from './run';

/** `dump`: logical dumps of databases. */

const EXAMPLE_ID = 'dmp_01m7xfpycdf6dnev2ndz8p0wht';
const DUMP = `Id of the dump, such as ${EXAMPLE_ID}.`;

interface CreateFlags extends WaitFlags {
  readonly database?: string;
  readonly all?: boolean;
  readonly description?: string;
  readonly preview?: boolean;
}

interface DownloadFlags {
  readonly file?: string;
  readonly force?: boolean;
  readonly site?: string;
  readonly printUrl?: boolean;
  readonly expires?: number;
}

interface RestoreFlags extends WaitFlags {
  readonly cluster?: string;
  readonly source?: string;
  readonly database?: string;
  readonly replace?: boolean;
  readonly preview?: boolean;
}

export function addDumpCommands(program: Command, open: Open): void {
  const dump = describe(
    program.command('dump'),
    'Take, fetch and restore logical dumps of databases.',
    'dump create orders --wait',
  );
  addCreate(dump, open);
  addList(dump, open);
  addShow(dump, open);
  addDownload(dump, open);
  addDelete(dump, open);
  addRestore(dump, open);
}

function addCreate(dump: Command, open: Open): void {
  const command = describe(
    dump.command('create'),
    'Dump a database of a cluster, or all of them with the roles.',
    'dump create orders --wait',
    "dump create orders --database 'sales 2026' --description 'before the migration' --wait",
    'dump create orders --all --preview',
  )
    .argument('<cluster>', CLUSTER)
    .option('--database <name>', "The database; the cluster's first one by default.")
    .option('--all', 'All databases, with the roles.')
    .option('--description <text>', 'A line that says what it is for.')
    .option('--preview', 'Only say what would be done.');
  withWait(command).action(async (cluster: string, flags: CreateFlags) => {
    const session = await open();
    const { database, all, description, preview } = flags;
    const request = given<TakeDumpRequest>({ database, all, description });
    if (preview) return showPreview(session.format, await session.client.previewDump(cluster, request));
    await report(session, await session.client.takeDump(cluster, request), flags);
  });
}

function addList(dump: Command, open: Open): void {
  describe(
    dump.command('list'),
    'List the dumps of a cluster or of all, the newest first.',
    'dump list orders',
    'dump list -o json',
  )
    .argument('[cluster]', CLUSTER)
    .option(...NEWEST)
    .action(async (cluster: string | undefined, { limit }: { limit?: number }) => {
      const { client, format } = await open();
      await printList(format, await client.listDumps(cluster, limit), {
        dump: (item) => item.id,
        ...(cluster === undefined && { cluster: (item) => item.clusterName }),
        of: (item) => item.selection?.join(',') ?? item.database ?? 'all databases',
        state: (item) => item.state,
        size: (item) => item.sizeBytes && bytes(item.sizeBytes),
        sites: (item) => sitesOf(item),
        version: (item) => item.version,
        started: (item) => item.startedAt,
        took: (item) => item.durationMs && duration(item.durationMs),
        by: (item) => item.requestedBy,
        description: (item) => item.description,
      });
    });
}

const sitesOf = ({ copies }: DumpAnswer): string => copies.map(({ site }) => site).join(',') || '-';

function addShow(dump: Command, open: Open): void {
  describe(dump.command('show'), 'Show a dump with its copies.', `dump show ${EXAMPLE_ID}`)
    .argument('<dump>', DUMP)
    .action(async (id: string) => {
      const { client, format } = await open();
      const found = await client.showDump(id);
      if (format === 'json') return printJson(found);
      await printOne('table', found, {
        dump: found.id,
        of: found.selection?.join(', ') ?? found.database ?? 'all databases, with the roles',
        state: found.state,
        ...(found.error === null ? {} : { error: `${found.error.code}: ${found.error.message}` }),
        ...(found.description === null ? {} : { description: found.description }),
        databases: found.databases.join(', '),
        'requested by': found.requestedBy,
        operation: found.operationId,
        'taken from': found.node === null ? null : `${found.node}, the ${found.nodeRole ?? 'node'}`,
        version: `PostgreSQL ${found.version}`,
        size: found.sizeBytes && bytes(found.sizeBytes),
        database: found.databaseBytes && bytes(found.databaseBytes),
        'sha-256': found.checksum,
        sites: sitesOf(found),
        started: found.startedAt,
        finished: found.finishedAt,
        took: found.durationMs && duration(found.durationMs),
      });
    });
}

function addDownload(dump: Command, open: Open): void {
  describe(
    dump.command('download'),
    'Fetch a dump into a file, and check it.',
    `dump download ${EXAMPLE_ID}`,
    `dump download ${EXAMPLE_ID} --file orders.tar --site secondary`,
    `dump download ${EXAMPLE_ID} --print-url --expires 86400`,
  )
    .argument('<dump>', DUMP)
    .option('--file <path>', 'Where to write it, if nothing is there yet; the id of the dump and .tar by default.')
    .option('--force', 'Put it in the place of a file that is there.')
    .option('--site <site>', 'From this site; the first that has it by default.')
    .option('--print-url', 'Only print a URL that it can be fetched from.')
    .option('--expires <seconds>', 'How long the URL works; an hour by default.', Number)
    .action(async (id: string, { file, force = false, site, printUrl, expires }: DownloadFlags) => {
      const { client, format } = await open();
      const download = await client.downloadDump(id, given({ site, expiresInSeconds: expires }));
      const { fileName, sizeBytes, checksum } = download;
      if (printUrl)
        return printOne(format, download, { url: download.url, expires: download.expiresAt, 'sha-256': checksum });
      const { fetchDump } = await import('./fetch-dump.js');
      const path = file ?? fileName;
      await fetchDump(download, path, force);
      await printOne(
        format,
        { file: path, sizeBytes, checksum },
        { file: path, size: bytes(sizeBytes), 'sha-256': checksum },
      );
    });
}

function addDelete(dump: Command, open: Open): void {
  const command = describe(
    dump.command('delete'),
    'Delete a dump from all its sites.',
    `dump delete ${EXAMPLE_ID} --wait`,
  ).argument('<dump>', DUMP);
  withWait(command).action(async (id: string, flags: WaitFlags) => {
    const session = await open();
    await report(session, await session.client.deleteDump(id), flags);
  });
}

function addRestore(dump: Command, open: Open): void {
  const command = describe(
    dump.command('restore'),
    'Restore a database from a dump, beside what is there.',
    `dump restore ${EXAMPLE_ID} --database app_before --wait`,
    `dump restore ${EXAMPLE_ID} --cluster orders-18 --wait`,
    `dump restore ${EXAMPLE_ID} --replace --preview`,
  )
    .argument('<dump>', DUMP)
    .option('--cluster <cluster>', 'Into this cluster; the one that was dumped by default.')
    .option('--source <name>', 'Which database of the dump, where it has several.')
    .option('--database <name>', 'Name that the database gets; the same by default.')
    .option('--replace', 'Drop a database of that name once the dump is restored.')
    .option('--preview', 'Only say what would be done.');
  withWait(command).action(async (id: string, flags: RestoreFlags) => {
    const session = await open();
    const { cluster, source, database, replace, preview } = flags;
    const request = given<RestoreDumpRequest>({ cluster, source, database, replace });
    if (preview) return showPreview(session.format, await session.client.previewDumpRestore(id, request));
    const operation = await session.client.restoreDump(id, request);
    // Where nobody named one, the dump has one only.
    const name = database ?? source ?? (await session.client.showDump(id)).databases[0] ?? '';
    await report(session, operation, flags, psqlTo(operation.clusterName, name));
  });
}

/** What was not given is left out: defaults are the API's. */
function given<T extends object>(flags: { readonly [Key in keyof T]: T[Key] | undefined }): T {
  return JSON.parse(JSON.stringify(flags)) as T;
}
