import { Client, DatabaseError } from 'pg';
import type { ClientConfig, QueryResult } from 'pg';
import type { Result } from './history';

/** A connection that knows what its user may believe when it breaks. */
export interface Session {
  /** Commits nothing: when it fails, nothing was done. @returns the rows. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** May commit: when its answer is lost, nobody knows whether it was done. */
  commit<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Whatever it was told by an error of `act`. */
  resultOf(act: () => Promise<unknown>): Promise<Result>;
  /** False when it has to be opened anew. */
  readonly usable: boolean;
  close(): Promise<void>;
}

/** "canceling wait for synchronous replication": committed here, but perhaps nowhere else. */
const NOT_IN_QUORUM = '01000';
/**
 * Classes of errors that PostgreSQL raises before it commits: data, constraints, authorisation of the transaction, conflicts, syntax and
 * rights. 40003 says itself that it does not know.
 */
const NOT_DONE = /^(22|23|25|40(?!003)|42)/;
/** An answer that takes longer than this is given up. */
export const ANSWER_MS = 3_000;

class RolledBack extends Error {}

/** @throws when no connection comes about. */
export async function openSession(config: ClientConfig): Promise<Session> {
  const client = new Client({ ...config, connectionTimeoutMillis: ANSWER_MS, query_timeout: ANSWER_MS });
  let [usable, sent, warned] = [true, false, false];
  client.on('notice', ({ code }) => (warned ||= code === NOT_IN_QUORUM));
  client.on('error', () => (usable = false));
  await client.connect();
  const run = <Row extends object>(text: string, values: readonly unknown[] = []): Promise<QueryResult<Row>> =>
    client.query<Row>(text, [...values]);
  return {
    get usable() {
      return usable;
    },
    query: async <Row extends object>(text: string, values?: readonly unknown[]) => (await run<Row>(text, values)).rows,
    async commit<Row extends object>(text: string, values?: readonly unknown[]) {
      sent = true;
      const { rows, command } = await run<Row>(text, values);
      if (command === 'ROLLBACK') throw new RolledBack('COMMIT was answered by ROLLBACK');
      return rows;
    },
    async resultOf(act) {
      [sent, warned] = [false, false];
      try {
        await act();
        return warned ? 'unknown' : 'ok';
      } catch (error) {
        const result = resultOfError(error, sent);
        if (result === 'fail' && error instanceof DatabaseError)
          await client.query('rollback').catch(() => (usable = false));
        else usable = false;
        return result;
      }
    },
    // A server that is gone answers no farewell.
    close: () =>
      Promise.race([client.end().catch(() => undefined), new Promise<void>((resolve) => setTimeout(resolve, 200))]),
  };
}

/** What is known of an operation that ended with this. @param sent whether it had come to what may commit. */
export function resultOfError(error: unknown, sent: boolean): Result {
  if (!sent || error instanceof RolledBack) return 'fail';
  return error instanceof DatabaseError && NOT_DONE.test(error.code ?? '') ? 'fail' : 'unknown';
}
