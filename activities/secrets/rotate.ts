import { Client, DatabaseError } from 'pg';
import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { Database, Sql } from '../inventory/database';
import { isKeyRetired, translate } from '../inventory/errors';
import { insertHistoryKey } from './history-keys';
import { createKeyCommand } from './key-command';
import type { KeyLine } from './key-file';
import { makeKeyLine, readKeyFile, writeKeyFile } from './key-file';
import type { Keyring, KeyringOptions } from './keyring';
import { openKeyring } from './keyring';
import type { MasterKey } from './master-keys';
import { currentKey } from './master-keys';
import { rewrapHistoryKeys, rewrapSecrets } from './rewrap';

/**
 * Puts a new master key in the place of the one in use, while API and workers go on: they read the key file again when
 * they meet a key that they do not know. The old key is taken out of the file last, when nothing is encrypted under it
 * and nothing can be any more. A rotation that was killed anywhere is finished by the next call.
 */
export interface Rotation {
  /** The key in use now. */
  readonly keyId: string;
  /** True when a rotation that had been interrupted was finished and no other one was begun. */
  readonly finishedOnly: boolean;
  /** How many secrets and keys of histories were encrypted anew. */
  readonly rewrapped: number;
}

export interface RotateOptions extends KeyringOptions {
  readonly database: Database;
  /** Secrets in one transaction; default 100. */
  readonly batch?: number;
  /** Told after each thing that lasts: what would stay if the process ended now. */
  readonly onProgress?: (done: string) => Promise<void> | void;
}

interface Run extends RotateOptions {
  readonly keyring: Keyring;
  readonly report: (done: string) => Promise<void>;
}

const BATCH = 100;
const LOCK_WAIT_MS = 10_000;
const LOCK_NOT_AVAILABLE = '55P03';
const idRow = z.object({ id: z.string() }).transform(({ id }) => id);

/** @throws Error when another rotation runs; KEY_COMMAND_FAILED, MASTER_KEY_MISSING, SECRET_UNREADABLE. */
export async function rotateMasterKey(options: RotateOptions): Promise<Rotation> {
  return alone(options.database.url, async () => {
    const keyring = await openKeyring(options);
    const report = async (done: string): Promise<void> => options.onProgress?.(done);
    const run: Run = { ...options, keyring, report };
    const before = await currentKey(options.database, keyring);
    const finishedOnly = await isHalfDone(run, before.id);
    if (!finishedOnly) await takeIntoUse(run, await prepare(run, before.id));
    const now = await currentKey(options.database, keyring);
    const rewrapped = await rewrapAll(run, now);
    await forgetOldKeys(run, now.id);
    return { keyId: now.id, finishedOnly, rewrapped };
  });
}

/**
 * Only makes the new key and puts it into the file, which no process uses yet: where API and workers run on several
 * machines, the file is then copied to all of them before the rotation goes on. Idempotent. @returns id of that key.
 */
export async function prepareMasterKey(options: RotateOptions): Promise<string> {
  return alone(options.database.url, async () => {
    const keyring = await openKeyring(options);
    const { id } = await currentKey(options.database, keyring);
    return prepare({ ...options, keyring, report: async (done) => options.onProgress?.(done) }, id);
  });
}

/** The lines of the key file by their place relative to the key in use: older ones are done with, newer ones prepared. */
async function lines({ home, command }: KeyringOptions, currentId: string): Promise<[KeyLine[], KeyLine, KeyLine[]]> {
  const all = await readKeyFile(home, command === null ? null : createKeyCommand(command));
  const at = all.findIndex(({ id }) => id === currentId);
  const current = all[at];
  if (current === undefined) throw new HoldfastError('MASTER_KEY_MISSING', { key: currentId });
  return [all.slice(0, at), current, all.slice(at + 1)];
}

/** A new key is in use already, but the old one is not gone. */
async function isHalfDone(run: Run, currentId: string): Promise<boolean> {
  const [older] = await lines(run, currentId);
  const left = await run.database.rows(idRow, 'select id from master_keys where not current');
  return older.length > 0 || left.length > 0;
}

/** Puts a new key into the file, unless one that nobody uses yet stands there. It is lasting before anyone uses it. */
async function prepare(run: Run, currentId: string): Promise<string> {
  const [older, current, prepared] = await lines(run, currentId);
  const known = prepared.at(-1);
  if (known !== undefined) return known.id;
  const made = await makeKeyLine(run.command === null ? null : createKeyCommand(run.command));
  await writeKeyFile(run.home, [...older, current, made]);
  await run.report(`new key ${made.id} is in the key file`);
  return made.id;
}

async function takeIntoUse(run: Run, id: string): Promise<void> {
  const key = await run.keyring.find(id);
  if (key === null) throw new HoldfastError('MASTER_KEY_MISSING', { key: id });
  await run.database.transaction(async (sql) => {
    await sql.run('update master_keys set current = false where current');
    await sql.run('insert into master_keys (id, current) values ($1, true)', [id]);
    await insertHistoryKey(sql, { id, key });
  });
  await run.report(`key ${id} is in use`);
}

/** Until the old keys can be taken out of the table, which is when no row refers to them: PostgreSQL guards that. */
async function rewrapAll(run: Run, to: MasterKey): Promise<number> {
  let count = 0;
  for (;;) {
    for (const rewrap of [rewrapSecrets, rewrapHistoryKeys]) {
      for (let done = -1; done !== 0; count += done) {
        done = await run.database.transaction((sql: Sql) => rewrap(sql, run.keyring, to, run.batch ?? BATCH));
        if (done > 0) await run.report(`${done} more encrypted under key ${to.id}`);
      }
    }
    if (await retireOldKeys(run)) return count;
  }
}

/** @returns false when something was written under an old key in the meantime. */
async function retireOldKeys({ database, report }: Run): Promise<boolean> {
  try {
    await database.run('delete from master_keys where not current');
  } catch (error) {
    if (isKeyRetired(error)) return false;
    throw error;
  }
  await report('no secret is encrypted under another key');
  return true;
}

async function forgetOldKeys(run: Run, currentId: string): Promise<void> {
  const [, current, prepared] = await lines(run, currentId);
  await writeKeyFile(run.home, [current, ...prepared]);
  await run.report('the old key is out of the key file');
}

/** While `work` runs, no other rotation does; one that is nearly over is waited for. The lock ends with the connection, however this process ends. */
async function alone<T>(databaseUrl: string, work: () => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000, keepAlive: true });
  client.on('error', () => undefined); // Without the lock the statements of another rotation still find what is done.
  try {
    await client.connect();
    // A rotation that was just killed holds it until the server has noticed.
    await client.query(`set lock_timeout = ${LOCK_WAIT_MS}`);
    await client.query(`select pg_advisory_lock(hashtextextended('holdfast master key rotation', 0))`);
    return await work();
  } catch (error) {
    if (error instanceof DatabaseError && error.code === LOCK_NOT_AVAILABLE)
      throw new Error('another rotation of the master key is running', { cause: error });
    throw translate(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}
