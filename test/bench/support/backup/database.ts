import { z } from 'zod';
import { binariesOf } from '../../../../activities/postgres/paths';
import { backupSchema } from '../../../../domain/schemas/backups';
import type { BackupAnswer } from '../../../../domain/schemas/backups';
import { clusterDetailSchema } from '../../../../domain/schemas/clusters';
import { runAsPostgres } from '../../../system/support/image-tools';
import type { Client } from '../client';
import * as pgbench from '../pgbench';
import { DATABASE, psql, until } from '../pgbench';

/** The cluster that is backed up and restored: three data nodes with pgbench's tables. */

export const CLUSTER = 'bench';
const PLAN = 'ha-s';
/** Room for the data twice, and its log. */
const STORAGE = '20GiB';
const MAJOR = '18';

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
  await pgbench.fillDatabase((script) => database.run(primary, script), MAJOR, scale);
  return database;
}

function openDatabase(client: Client, hosts: ReadonlyMap<string, string>, signal: AbortSignal): Database {
  const run: Database['run'] = (node, script) => {
    const host = hosts.get(node);
    if (!host) throw new Error(`${CLUSTER} has no node ${node}`);
    return runAsPostgres(host, script, signal);
  };
  return {
    run,
    async primary() {
      for (const node of [...hosts.keys()].filter((name) => name.startsWith('pg-')))
        if ((await run(node, psql(MAJOR, 'SELECT pg_is_in_recovery()'))).trim() === 'f') return node;
      throw new Error(`${CLUSTER} has no primary`);
    },
    async backups() {
      const page = z.object({ items: z.array(backupSchema) });
      return (await client.get(page, `/v1/clusters/${CLUSTER}/backups`)).items;
    },
  };
}

/** Size of pgbench's database in bytes. */
export async function sizeOf(database: Database): Promise<number> {
  const primary = await database.primary();
  return pgbench.sizeOf((script) => database.run(primary, script), MAJOR);
}

/** Transactions per second of pgbench on the primary, for so many seconds. */
export async function transactionsPerSecond(database: Database, seconds: number): Promise<number> {
  const load = `${binariesOf(MAJOR)}/pgbench -n -c 4 -j 2 -T ${seconds} ${DATABASE} 2>&1`;
  const printed = await database.run(await database.primary(), load);
  const tps = /^tps = ([\d.]+)/m.exec(printed)?.[1];
  if (tps === undefined) throw new Error(`pgbench printed no tps: ${printed}`);
  return Number(tps);
}
