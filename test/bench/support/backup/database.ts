import { z } from 'zod';
import { runCommand } from '../../../../infra/local/command';
import { backupSchema } from '../../../../domain/schemas/backups';
import type { BackupAnswer } from '../../../../domain/schemas/backups';
import { clusterDetailSchema } from '../../../../domain/schemas/clusters';
import type { Client } from '../client';

/** The cluster that is backed up and restored: three data nodes with pgbench's tables. */

export const CLUSTER = 'bench';
const PLAN = 'ha-s';
/** Room for the data twice, and its log. */
const STORAGE = '20GiB';
const MAJOR = '18';
const BINARIES = `/usr/lib/postgresql/${MAJOR}/bin`;
const DATABASE = 'pgbench';
/** Pause between two looks at what has no events. */
const LOOK_MS = 500;

export interface Database {
  /** Runs a script as `postgres` on a data node. @returns what it printed. @throws Error when it fails. */
  run(node: string, script: string): Promise<string>;
  /** The data node that takes writes. */
  primary(): Promise<string>;
  /** Newest first. */
  backups(): Promise<BackupAnswer[]>;
}

/** Orders the cluster, waits for its first backup, and fills it. @param scale of pgbench: 15 MB each. */
export async function fillDatabase(client: Client, scale: number, signal: AbortSignal): Promise<Database> {
  const never = { full: null, differential: null, incremental: null };
  await client.finish(await client.order(CLUSTER, PLAN, { storage: STORAGE, backups: { schedule: never } }));
  const { nodes } = await client.get(clusterDetailSchema, `/v1/clusters/${CLUSTER}`);
  const hosts = new Map(nodes.map(({ name, hostId }) => [name, hostId ?? '']));
  const database = openDatabase(client, hosts, signal);
  await until(async () => (await database.backups()).some(({ state }) => state === 'succeeded'));
  const primary = await database.primary();
  await database.run(primary, `${BINARIES}/createdb ${DATABASE}`);
  await database.run(primary, `${BINARIES}/pgbench -q -i -I dtGvp -s ${scale} ${DATABASE} 2>&1`);
  await database.run(primary, `${psql('CHECKPOINT')} && ${psql('SELECT pg_switch_wal()')}`);
  // What is archived late would be measured as part of the first backup.
  const waiting = psql(`SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'`);
  await until(async () => (await database.run(primary, waiting)).trim() === '0');
  return database;
}

function openDatabase(client: Client, hosts: ReadonlyMap<string, string>, signal: AbortSignal): Database {
  const run: Database['run'] = async (node, script) => {
    const host = hosts.get(node);
    if (!host) throw new Error(`${CLUSTER} has no node ${node}`);
    const args = ['exec', '-i', host, 'runuser', '-u', 'postgres', '--', 'sh', '-eu'];
    const { exitCode, stdout, stderr } = await runCommand('docker', args, { stdin: script, signal });
    if (exitCode !== 0) throw new Error(`${node}: exit code ${exitCode}: ${stdout.slice(-500)} ${stderr.slice(-500)}`);
    return stdout;
  };
  return {
    run,
    async primary() {
      for (const node of [...hosts.keys()].filter((name) => name.startsWith('pg-')))
        if ((await run(node, psql('SELECT pg_is_in_recovery()'))).trim() === 'f') return node;
      throw new Error(`${CLUSTER} has no primary`);
    },
    async backups() {
      const page = z.object({ items: z.array(backupSchema) });
      return (await client.get(page, `/v1/clusters/${CLUSTER}/backups`)).items;
    },
  };
}

const psql = (statement: string): string => `${BINARIES}/psql -XAtqc "${statement}" postgres`;

async function until(reached: () => Promise<boolean>): Promise<void> {
  while (!(await reached())) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

/** Size of pgbench's database in bytes. */
export async function sizeOf(database: Database): Promise<number> {
  return Number(await database.run(await database.primary(), psql(`SELECT pg_database_size('${DATABASE}')`)));
}

/** Transactions per second of pgbench on the primary, for so many seconds. */
export async function transactionsPerSecond(database: Database, seconds: number): Promise<number> {
  const load = `${BINARIES}/pgbench -n -c 4 -j 2 -T ${seconds} ${DATABASE} 2>&1`;
  const printed = await database.run(await database.primary(), load);
  const tps = /^tps = ([\d.]+)/m.exec(printed)?.[1];
  if (tps === undefined) throw new Error(`pgbench printed no tps: ${printed}`);
  return Number(tps);
}
