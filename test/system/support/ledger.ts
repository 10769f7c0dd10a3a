import { Client } from 'pg';
import type { ClientConfig } from 'pg';

/** A writer that remembers what it was promised, and the check that every promise was kept. */

/**
 * `acknowledged`: COMMIT returned without a warning. `unknown`: it may have been written or not: the connection broke
 * before the answer, or PostgreSQL said that it stopped waiting for the quorum.
 */
export type Outcome = 'acknowledged' | 'unknown';

export interface Attempt {
  readonly number: number;
  readonly outcome: Outcome;
  /** When it began and when its outcome was known; ms of the epoch. */
  readonly beganAt: number;
  readonly endedAt: number;
}

/** Numbers that were acknowledged and are not among the rows. */
export function findLost(attempts: readonly Attempt[], rows: ReadonlySet<number>): number[] {
  return attempts
    .filter(({ number, outcome }) => outcome === 'acknowledged' && !rows.has(number))
    .map(({ number }) => number);
}

/** Rows that nobody wrote. */
export function findInvented(attempts: readonly Attempt[], rows: ReadonlySet<number>): number[] {
  const written = new Set(attempts.map(({ number }) => number));
  return [...rows].filter((row) => !written.has(row));
}

/**
 * The longest time in ms without an acknowledgement that `from` to `to` touches, also one that had not ended at `to`; Infinity when
 * there was none after `from`.
 *
 * @param to the writer was still at work then.
 */
export function longestGap(attempts: readonly Attempt[], from: number, to: number): number {
  const times = attempts.filter(({ outcome }) => outcome === 'acknowledged').map(({ endedAt }) => endedAt);
  if (!times.some((time) => time > from)) return Infinity;
  const gaps = [...times, Math.max(to, ...times)].map((time, i) => ({ begin: times[i - 1] ?? time, end: time }));
  return Math.max(0, ...gaps.filter(({ begin, end }) => end > from && begin < to).map(({ begin, end }) => end - begin));
}

export interface Writer {
  readonly attempts: readonly Attempt[];
  /** How often a connection that was there had to be given up. */
  readonly disconnects: number;
  /** Stops after the attempt that runs. */
  stop(): Promise<void>;
}

const PAUSE_MS = 10;
const ATTEMPT_MS = 3_000;
/** "canceling wait for synchronous replication": committed here, but perhaps nowhere else. */
const NOT_IN_QUORUM = '01000';

/**
 * Inserts 1, 2, 3 … into `ledger (number int primary key)`, each once, one after the other, over any failure.
 * @param table of another name. @param attemptMs how long an attempt may take; default 3 s.
 */
export function startWriter(config: ClientConfig, table = 'ledger', attemptMs = ATTEMPT_MS): Writer {
  const attempts: Attempt[] = [];
  let stopped = false;
  let disconnects = 0;
  const work = async (): Promise<void> => {
    let session: Session | null = null;
    for (let number = 1; !stopped; number++) {
      const beganAt = Date.now();
      let outcome: Outcome = 'unknown';
      try {
        session ??= await openSession(config, table, attemptMs);
        if (await session.insert(number)) outcome = 'acknowledged';
      } catch {
        if (session) disconnects++;
        await session?.close();
        session = null;
      }
      attempts.push({ number, outcome, beganAt, endedAt: Date.now() });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    await session?.close();
  };
  const working = work();
  return {
    attempts,
    get disconnects() {
      return disconnects;
    },
    stop: async () => {
      stopped = true;
      await working;
    },
  };
}

interface Session {
  /** @returns false when the commit came with a warning. @throws when it failed or did not answer in time. */
  insert(number: number): Promise<boolean>;
  close(): Promise<void>;
}

async function openSession(config: ClientConfig, table: string, attemptMs: number): Promise<Session> {
  const client = new Client({ ...config, connectionTimeoutMillis: attemptMs, query_timeout: attemptMs });
  let warned = false;
  client.on('notice', ({ code }) => (warned ||= code === NOT_IN_QUORUM));
  client.on('error', () => undefined);
  await client.connect();
  return {
    async insert(number) {
      warned = false;
      await client.query(`insert into ${table} values ($1)`, [number]);
      return !warned;
    },
    // A server that is gone answers no farewell.
    close: () =>
      Promise.race([client.end().catch(() => undefined), new Promise<void>((resolve) => setTimeout(resolve, 200))]),
  };
}
