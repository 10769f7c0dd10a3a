import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Attempt } from '../../system/support/ledger';

/** What clients did, and what they were told. */

/** `unknown`: it may have been done, or may still be: the answer to what commits was lost, or came with a warning. */
export type Result = 'ok' | 'fail' | 'unknown';

/** What one client did at once. What was read is null where nothing was told. */
export type Operation =
  | { readonly kind: 'insert'; readonly number: number }
  | { readonly kind: 'transfer'; readonly from: number; readonly to: number; readonly amount: number }
  | { readonly kind: 'total'; readonly total: number | null }
  | RegisterOperation
  | ListTransaction;

/** On a register that begins as null. */
export type RegisterOperation = { readonly key: number } & (
  | { readonly kind: 'read'; readonly value: number | null }
  | { readonly kind: 'write'; readonly value: number }
  /** Writes `value` where `expected` stands. */
  | { readonly kind: 'cas'; readonly expected: number; readonly value: number; readonly swapped: boolean | null }
);

/** A serialisable transaction on lists; at most one step for each of them. */
export interface ListTransaction {
  readonly kind: 'lists';
  readonly steps: readonly ListStep[];
}
export type ListStep =
  { readonly key: number; readonly append: number } | { readonly key: number; readonly read: readonly number[] | null };

export interface Done<Op extends Operation = Operation> {
  readonly client: string;
  readonly result: Result;
  /** Before it was sent, and after its result was known; ms of a clock that never jumps. */
  readonly beganAt: number;
  readonly endedAt: number;
  readonly op: Op;
}

/** Milliseconds of the epoch, by a clock that no correction of the time moves. */
export const now = (): number => performance.timeOrigin + performance.now();

export function of<Kind extends Operation['kind']>(
  history: readonly Done[],
  ...kinds: readonly Kind[]
): Done<Extract<Operation, { kind: Kind }>>[] {
  const wanted = new Set<string>(kinds);
  const isWanted = (done: Done): done is Done<Extract<Operation, { kind: Kind }>> => wanted.has(done.op.kind);
  return history.filter(isWanted);
}

/** Inserts, as the ledger's checks know them. One that failed may be there or not, as far as they are concerned. */
export const attemptsOf = (history: readonly Done[]): Attempt[] =>
  of(history, 'insert').map(({ op: { number }, result, beganAt, endedAt }) => ({
    number,
    outcome: result === 'ok' ? 'acknowledged' : 'unknown',
    beganAt,
    endedAt,
  }));

/** Where all that happens is written down, a line of JSON each. */
export interface Journal {
  write(entry: object): void;
  close(): Promise<void>;
}

export function openJournal(file: string): Journal {
  const stream = createWriteStream(file, { mode: 0o600 });
  return {
    write: (entry) => void stream.write(`${JSON.stringify(entry)}\n`),
    async close() {
      stream.end();
      await once(stream, 'close');
    },
  };
}
