import { checkRound, sentencesOf } from '../../laboratory/checks/round';
import type { Found } from '../../laboratory/checks/round';
import type { Done, Operation, Result } from '../../laboratory/load/history';
import { attemptsOf } from '../../laboratory/load/history';
import { writeGap } from '../../laboratory/load/load';

/** Checks the checker: each kind of load has a violation that must be found. */

const done = (op: Operation, result: Result = 'ok', endedAt = 10, client = 'one'): Done => ({
  client,
  result,
  beganAt: endedAt - 5,
  endedAt,
  op,
});
const HISTORY = [
  done({ kind: 'insert', number: 1 }),
  done({ kind: 'insert', number: 2 }, 'unknown'),
  done({ kind: 'insert', number: 3 }, 'fail'),
  done({ kind: 'total', total: 100 }),
  done({ kind: 'total', total: null }, 'fail'),
  done({ kind: 'write', key: 5, value: 50 }, 'ok', 10),
  done({ kind: 'read', key: 5, value: 50 }, 'ok', 20),
  done({ kind: 'lists', steps: [{ key: 6, append: 60 }] }),
];
const FOUND: Found = { inserted: new Set([1]), total: 100, lists: new Map([[6, [60]]]) };
const check = (history: readonly Done[], found: Found): string[] =>
  sentencesOf(checkRound({ history, attempts: attemptsOf(history), found }, 100));

test('what was acknowledged and is there, and what is unknown and may be there, is fine', () => {
  expect(check(HISTORY, FOUND)).toEqual([]);
  expect(check(HISTORY, { ...FOUND, inserted: new Set([1, 2]) })).toEqual([]);
});

test.each<[string, Partial<Found>, string]>([
  ['a lost row', { inserted: new Set() }, 'row 1 was acknowledged and is lost'],
  ['a row that nobody wrote', { inserted: new Set([1, 9]) }, 'row 9 is there, and nobody wrote it'],
  ['a row whose insert failed', { inserted: new Set([1, 3]) }, 'row 3 is there, and its insert failed'],
  ['money that is gone', { total: 99 }, 'all accounts had 99, not 100'],
  ['a lost append', { lists: new Map([[6, []]]) }, 'list 6 has lost 60, which was acknowledged'],
])('%s is found', (_, found, sentence) => {
  expect(check(HISTORY, { ...FOUND, ...found })).toEqual([sentence]);
});

test('a sum that was wrong for a moment is found', () => {
  expect(check([...HISTORY, done({ kind: 'total', total: 90 })], FOUND)).toEqual(['all accounts had 90, not 100']);
});

test('a register that went back is found', () => {
  const back = [...HISTORY, done({ kind: 'read', key: 5, value: null }, 'ok', 30)];
  expect(check(back, FOUND)).toEqual(['register 5: not linearizable']);
});

test('the write gap is that of the client who waited longest', () => {
  const insert = (client: string, endedAt: number, result: Result = 'ok'): Done =>
    done({ kind: 'insert', number: endedAt }, result, endedAt, client);
  const history = [insert('a', 100), insert('b', 110), insert('a', 300), insert('b', 900), insert('b', 500, 'unknown')];
  expect(writeGap(history, 150, 400)).toBe(790);
  expect(writeGap(history, 350, 400)).toBe(Infinity);
});

test('a port that dies for good right after the fault began has a gap up to the end', () => {
  const insert = (client: string, endedAt: number): Done =>
    done({ kind: 'insert', number: endedAt }, 'ok', endedAt, client);
  const served = Array.from({ length: 100 }, (_, i) => insert('served', i * 100));
  expect(writeGap([...served, insert('dead', 1_000), insert('dead', 1_040)], 1_020, 9_900)).toBe(8_860);
});
