import { setTimeout as pause } from 'node:timers/promises';
import { BACKUP_CONFIG_FILE, ARCHIVE_CONFIG_FILE } from '../../../../activities/pgbackrest/config';
import type { OperationAnswer } from '../../../../domain/schemas/operations';
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

/** The same with pgBackRest alone: the same settings, node and sites, one after the other. */
export async function measureBareBackup({ database }: Runs): Promise<number> {
  const [newest] = await database.backups();
  if (!newest?.node) throw new Error('no backup to do likewise');
  const { node, timelineId, copies } = newest;
  return timed(async () => {
    for (const repository of copies.keys()) {
      const options = `--repo=${repository + 1} --type=full --backup-standby=prefer --log-level-console=warn`;
      await database.run(node, `pgbackrest --config=${BACKUP_CONFIG_FILE} --stanza=${timelineId} ${options} backup`);
    }
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

const [FIRST, LAST] = ['stop PostgreSQL on every data node', 'write and read through every port'];

/**
 * A restore in place of all that is there: for how long nobody could write at most, which is from the stop of the old data to a
 * write through every port on the new.
 */
export async function measureInPlace({ client }: Runs): Promise<number> {
  const path = `/v1/clusters/${CLUSTER}/restores`;
  const { steps } = await client.finish(await client.ask(`${path}/in-place`, { confirm: CLUSTER }));
  await client.finish(await client.ask(`${path}/confirm`, {}));
  const from = steps.find(({ title }) => title === FIRST)?.startedAt;
  const to = steps.find(({ title }) => title === LAST)?.finishedAt;
  if (!from || !to) throw new Error(`a restore in place without "${FIRST}" or "${LAST}"`);
  return Date.parse(to) - Date.parse(from);
}

export interface LoadRun {
  readonly quietTps: number;
  readonly busyTps: number;
}

/** pgbench on the primary, alone and while full backups are taken of a replica. */
export async function measureLoad({ client, database }: Runs): Promise<LoadRun> {
  const quietTps = await transactionsPerSecond(database, LOAD_S);
  let loaded = true;
  const backups = (async () => {
    while (loaded) await client.finish(await takeFull(client));
  })();
  await pause(1_000);
  const busyTps = await transactionsPerSecond(database, LOAD_S);
  loaded = false;
  await backups;
  return { quietTps, busyTps };
}
