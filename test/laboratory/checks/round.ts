import { findInvented, findLost } from '../../system/support/ledger';
import type { Attempt } from '../../system/support/ledger';
import type { Done, RegisterOperation } from '../load/history';
import { of } from '../load/history';
import { checkLists } from './lists';
import { checkRegister } from './linearizable';

/** What the database holds, seen by somebody who had no part in it. */
export interface Found {
  /** Rows of all rounds. */
  readonly inserted: ReadonlySet<number>;
  readonly total: number;
  readonly lists: ReadonlyMap<number, readonly number[]>;
}

/** What is wrong, a sentence each: rows that were acknowledged and are `lost`, rows that should not be there (`strange`), and so on. */
export type Violations = Readonly<Record<'lost' | 'strange' | 'bank' | 'registers' | 'lists', readonly string[]>>;

export const sentencesOf = (violations: Violations): string[] => Object.values(violations).flat();

/**
 * What is there after a round, against what clients were told.
 *
 * @param history of the round. @param attempts inserts of all rounds. @param constant the sum of all accounts.
 */
export function checkRound(
  { history, attempts, found }: { history: readonly Done[]; attempts: readonly Attempt[]; found: Found },
  constant: number,
): Violations {
  const { inserted, total, lists } = found;
  return {
    lost: findLost(attempts, inserted).map((number) => `row ${number} was acknowledged and is lost`),
    strange: [
      ...findInvented(attempts, inserted).map((number) => `row ${number} is there, and nobody wrote it`),
      ...of(history, 'insert')
        .filter(({ op, result }) => result === 'fail' && inserted.has(op.number))
        .map(({ op }) => `row ${op.number} is there, and its insert failed`),
    ],
    bank: wrongTotals(history, total, constant),
    registers: wrongRegisters(of(history, 'read', 'write', 'cas')),
    lists: checkLists(of(history, 'lists'), lists),
  };
}

function wrongTotals(history: readonly Done[], final: number, constant: number): string[] {
  const read = of(history, 'total').flatMap(({ op, result }) => (result === 'ok' ? [op.total] : []));
  return [...read, final]
    .filter((total) => total !== constant)
    .map((total) => `all accounts had ${total}, not ${constant}`);
}

function wrongRegisters(history: readonly Done<RegisterOperation>[]): string[] {
  const keys = new Set(history.map(({ op }) => op.key));
  return [...keys].flatMap((key) => {
    const verdict = checkRegister(history.filter(({ op }) => op.key === key));
    return verdict === 'linearizable' ? [] : [`register ${key}: ${verdict}`];
  });
}
