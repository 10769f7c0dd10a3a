import { checkLists } from '../../laboratory/checks/lists';
import type { Done, ListStep, ListTransaction, Result } from '../../laboratory/load/history';

/** Checks the checker: transactions that cannot have happened one after the other must not pass. */

const transaction = (client: string, steps: readonly ListStep[], result: Result = 'ok'): Done<ListTransaction> => ({
  client,
  result,
  beganAt: 0,
  endedAt: 1,
  op: { kind: 'lists', steps },
});
const append = (key: number, item: number): ListStep => ({ key, append: item });
const read = (key: number, ...items: number[]): ListStep => ({ key, read: items });
const final = (lists: Readonly<Record<number, number[]>>): Map<number, number[]> =>
  new Map(Object.entries(lists).map(([key, items]) => [Number(key), items]));

test('transactions one after the other are fine, and so are those of unknown outcome, there or not', () => {
  const history = [
    transaction('a', [append(1, 10), read(2)]),
    transaction('b', [read(1, 10), append(2, 20)]),
    transaction('c', [append(1, 11)], 'unknown'),
    transaction('d', [append(1, 12)], 'unknown'),
    transaction('e', [append(1, 13)], 'fail'),
  ];
  expect(checkLists(history, final({ 1: [10, 12], 2: [20] }))).toEqual([]);
});

test('an append that was acknowledged and is lost is found', () => {
  const history = [transaction('a', [append(1, 10)]), transaction('b', [append(1, 11)])];
  expect(checkLists(history, final({ 1: [10] }))).toEqual([expect.stringContaining('has lost 11')]);
  expect(checkLists(history, final({}))).toHaveLength(2);
});

test('an append of a transaction that failed is found', () => {
  const history = [transaction('a', [append(1, 10)], 'fail')];
  expect(checkLists(history, final({ 1: [10] }))).toEqual([expect.stringContaining('whose transaction failed')]);
});

test('items that nobody appended, or that are there twice, are found', () => {
  const history = [transaction('a', [append(1, 10)])];
  expect(checkLists(history, final({ 1: [10, 99] }))).toEqual([expect.stringContaining('nobody appended')]);
  expect(checkLists(history, final({ 1: [10, 10] }))).toEqual([expect.stringContaining('twice')]);
});

test('a read of what never was is found: something that was taken back', () => {
  const history = [transaction('a', [append(1, 10)], 'unknown'), transaction('b', [read(1, 10)])];
  expect(checkLists(history, final({ 1: [] }))).toEqual([expect.stringContaining('never was that')]);
});

test('write skew is found: two that each read what the other was about to write', () => {
  const skew = [transaction('a', [read(1), append(2, 20)]), transaction('b', [read(2), append(1, 10)])];
  expect(checkLists(skew, final({ 1: [10], 2: [20] }))).toEqual([expect.stringContaining('circle')]);
});

test('two reads that disagree about which write came first are found', () => {
  const fork = [
    transaction('x', [append(1, 10)]),
    transaction('y', [append(2, 20)]),
    transaction('a', [read(1, 10), read(2)]),
    transaction('b', [read(1), read(2, 20)]),
  ];
  expect(checkLists(fork, final({ 1: [10], 2: [20] }))).toEqual([expect.stringContaining('circle')]);
});

test('two writers in different orders on two lists are found', () => {
  const writers = [transaction('a', [append(1, 10), append(2, 20)]), transaction('b', [append(1, 11), append(2, 21)])];
  expect(checkLists(writers, final({ 1: [10, 11], 2: [20, 21] }))).toEqual([]);
  expect(checkLists(writers, final({ 1: [10, 11], 2: [21, 20] }))).toEqual([expect.stringContaining('circle')]);
});

test('a chain as long as a round is no circle', () => {
  const items = Array.from({ length: 20_000 }, (_, i) => i);
  const history = items.map((item) => transaction('a', [append(1, item), read(2)]));
  expect(checkLists(history, final({ 1: items }))).toEqual([]);
});
