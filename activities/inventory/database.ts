import { Pool } from 'pg';
import type { PoolClient, PoolConfig } from 'pg';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { translate } from './errors';
import type { Circumstance } from './errors';

/** Values of a statement: what the driver turns into parameters. Arrays become PostgreSQL arrays; jsonb is given as text. */
export type SqlValue = string | number | boolean | null | Buffer | readonly string[] | readonly number[];

/** What can run a statement: the database itself or a transaction. Values travel as parameters only. */
export interface Sql {
  /** Rows, each parsed by `row`: the edge at which columns become domain types. */
  rows<T>(row: z.ZodType<T>, text: string, values?: readonly SqlValue[]): Promise<T[]>;
  /** Number of rows that the statement touched. */
  run(text: string, values?: readonly SqlValue[]): Promise<number>;
}

export interface Database extends Sql {
  readonly url: string;
  /** Commits when `work` returns, rolls back when it throws. */
  transaction<T>(work: (sql: Sql) => Promise<T>, circumstance?: Circumstance): Promise<T>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** Most connections of this process; default 10. More do not help while commits are the bottleneck. */
  readonly connections?: number;
  /** Where broken idle connections are told. */
  readonly logger?: Pick<Logger, 'warn'>;
}

/** The first row of those that a statement gave, or null. */
export const first = <T>(rows: readonly T[]): T | null => rows[0] ?? null;

/** Opens a pool; connects at the first statement, so that it also opens while the server is down. */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const pool = openPool(url, options);
  return {
    url,
    ...sqlOn(pool),
    transaction: (work, circumstance) => inTransaction(pool, work, circumstance),
    close: once(() => pool.end()),
  };
}

function openPool(url: string, options: DatabaseOptions): Pool {
  const config: PoolConfig = {
    connectionString: url,
    max: options.connections ?? 10,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
    application_name: 'holdfast',
  };
  const pool = new Pool(config);
  // The pool drops an idle connection that broke; without a listener the process would end.
  pool.on('error', (error) => options.logger?.warn({ err: error }, 'an idle connection to the inventory broke'));
  return pool;
}

function sqlOn(client: Pick<Pool | PoolClient, 'query'>, circumstance?: Circumstance): Sql {
  const query = async (text: string, values: readonly SqlValue[] = []) => {
    try {
      return await client.query<Record<string, unknown>>(text, [...values]);
    } catch (error) {
      throw translate(error, circumstance);
    }
  };
  return {
    rows: async (row, text, values) => (await query(text, values)).rows.map((columns) => row.parse(columns)),
    run: async (text, values) => (await query(text, values)).rowCount ?? 0,
  };
}

async function inTransaction<T>(pool: Pool, work: (sql: Sql) => Promise<T>, circumstance?: Circumstance): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw translate(error);
  });
  const sql = sqlOn(client, circumstance);
  let broken: Error | undefined;
  // Between statements nobody listens on a client that is checked out; an unheard 'error' would end the process.
  const heard = (error: Error): void => void (broken = error);
  client.on('error', heard);
  try {
    await sql.run('begin');
    const result = await work(sql);
    await sql.run('commit');
    return result;
  } catch (error) {
    await sql.run('rollback').catch((failure: unknown) => {
      broken ??= failure instanceof Error ? failure : new Error('rollback failed');
    });
    throw error;
  } finally {
    client.off('error', heard);
    client.release(broken);
  }
}

function once(close: () => Promise<void>): () => Promise<void> {
  let closed: Promise<void> | undefined;
  return () => (closed ??= close());
}
