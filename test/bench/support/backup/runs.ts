import { setTimeout as pause } from 'node:timers/promises';
import { BACKUP_CONFIG_FILE, ARCHIVE_CONFIG_FILE } from '../../../../activities/pgbackrest/config';
import type { OperationAnswer } from '../../../../domain/schemas/operations';
import { credentialsSchema } from '../../../../domain/schemas/credentials';
import { login, query } from '../../../system/support/endpoint';
import { longestGap, startWriter } from '../../../system/support/ledger';
import type { Client } from '../client';
import type { Database } from './database';
import { CLUSTER, transactionsPerSecond } from './database';

/** What is measured of backups and restores, and the same by hand with the tool alone. All times in milliseconds. */

export interface Runs {
  readonly client: Client;
  readonly database: Database;
  readonly say: (line: string) => void;
}

const FORK_PLAN = 'single-s';
const FORK_STORAGE = '20GiB';
/** pgbench runs for so long, without and with a backup beside it. */
const LOAD_S = 40;
const ASIDE = '/var/lib/postgresql/bench-aside';

async function timed(act: () => Promise<unknown>): Promise<number> {
  const beganAt = performance.now();
  await act();
  return performance.now() - beganAt;
}

const takeFull = (client: Client): Promise<OperationAnswer> =>
  client.ask(`/v1/clusters/${CLUSTER}/backups`, { type: 'full', description: 'benchmark' });

/** A full backup to all sites, from the request to its end. */
export const measureBackup = ({ client }: Runs): Promise<number> =>
  timed(async () => client.finish(await takeFull(client)));

/** The same with pgBackRest alone: the same settings, node and sites, to one after the other or to all at once. */
export async function measureBareBackup({ database }: Runs, how: 'in turn' | 'at once'): Promise<number> {
  const [newest] = await database.backups();
  if (!newest?.node) throw new Error('no backup to do likewise');
  const { node, timelineId, copies } = newest;
  const takings = [...copies.keys()].map((i) => () => {
    const options = `--repo=${i + 1} --type=full --backup-standby=prefer --log-level-console=warn`;
    return database.run(node, `pgbackrest --config=${BACKUP_CONFIG_FILE} --stanza=${timelineId} ${options} backup`);
  });
  return timed(async () => {
    if (how === 'at once') await Promise.all(takings.map((take) => take()));
    else for (const take of takings) await take();
  });
}

/** A restore of all that is there to a new cluster, until that is ready. @param backups its policy; undefined: as ordered. */
export async function measureRestore({ client }: Runs, name: string, backups?: null): Promise<number> {
  const request = { name, plan: FORK_PLAN, storage: FORK_STORAGE, ...(backups === null && { backups }) };
  const tookMs = await timed(async () => client.finish(await client.ask(`/v1/clusters/${CLUSTER}/restores`, request)));
  await client.remove(name);
  return tookMs;
}

/** `pgbackrest restore` of the newest backup into an empty folder, as a new cluster of that plan would: no log is replayed. */
export async function measureBareRestore({ database }: Runs): Promise<number> {
  const [newest] = await database.backups();
  if (!newest?.node) throw new Error('no backup to restore');
  const { node, timelineId } = newest;
  const options = `--repo=1 --pg1-path=${ASIDE} --process-max=2 --type=immediate --log-level-console=warn`;
  await database.run(node, `rm -rf ${ASIDE} && mkdir -m 700 ${ASIDE}`);
  const tookMs = await timed(() =>
    database.run(node, `pgbackrest --config=${ARCHIVE_CONFIG_FILE} --stanza=${timelineId} ${options} restore`),
  );
  await database.run(node, `rm -rf ${ASIDE}`);
  return tookMs;
}

/** A restore in place of all that is there: the longest time that a client at the endpoint was without a commit. */
export async function measureInPlace({ client }: Runs): Promise<number> {
  const path = `/v1/clusters/${CLUSTER}/restores`;
  const config = login(await client.get(credentialsSchema, `/v1/clusters/${CLUSTER}/credentials`), 'primaryPort');
  await query(config, 'drop table if exists ledger');
  await query(config, 'create table ledger (number int primary key)');
  const writer = startWriter(config);
  const beganAt = Date.now();
  let endedAt = beganAt;
  try {
    await client.finish(await client.ask(`${path}/in-place`, { target: { latest: true }, confirm: CLUSTER }));
    endedAt = Date.now();
  } finally {
    await writer.stop();
  }
  await client.finish(await client.ask(`${path}/confirm`, {}));
  return longestGap(writer.attempts, beganAt, endedAt);
}

export interface LoadRun {
  readonly quietTps: number;
  readonly busyTps: number;
  readonly bareTps: number;
}

/** pgbench on the primary: alone, while full backups are taken of a replica, and while pgBackRest alone takes the same. */
export async function measureLoad(runs: Runs): Promise<LoadRun> {
  const { client, database } = runs;
  return {
    quietTps: await transactionsPerSecond(database, LOAD_S),
    busyTps: await transactionsBeside(runs, async () => client.finish(await takeFull(client))),
    bareTps: await transactionsBeside(runs, () => measureBareBackup(runs, 'at once')),
  };
}

/** Transactions per second while one backup is taken after the other. */
async function transactionsBeside({ database }: Runs, takeBackup: () => Promise<unknown>): Promise<number> {
  let loaded = true;
  const backups = (async () => {
    while (loaded) await takeBackup();
  })();
  await pause(1_000);
  const tps = await transactionsPerSecond(database, LOAD_S);
  loaded = false;
  await backups;
  return tps;
}
