import { firstMissing } from '../../../../activities/watch/continuity';

/** Whether an archive is whole, by the names of what the stores have. */

const named = (number: number, timeline = 1): string =>
  `0000000${timeline}00000000000000${number.toString(16).toUpperCase().padStart(2, '0')}`;
const line = (from: number, to: number, timeline = 1): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => named(from + i, timeline));

test('all that any store has counts, from the newest backup on', () => {
  expect(firstMissing(line(3, 9), 3, named(9))).toBeNull();
  expect(firstMissing([...line(3, 5), ...line(6, 9)], 3, named(9))).toBeNull();
  expect(firstMissing([...line(1, 2), ...line(5, 9)], 5, null)).toBeNull();
  expect(firstMissing([], 5, null)).toBeNull();
});

test('a hole is one, and so is an end before what PostgreSQL calls archived', () => {
  expect(firstMissing([...line(3, 5), ...line(8, 9)], 3, named(9))).toBe(6);
  expect(firstMissing(line(5, 9), 3, named(9))).toBe(3);
  expect(firstMissing(line(3, 6), 3, named(9))).toBe(7);
  expect(firstMissing([], 3, named(9))).toBe(3);
});

test('what the stores have beyond that is no hole, and neither is a timeline that took over', () => {
  expect(firstMissing(line(3, 10), 3, named(9))).toBeNull();
  expect(firstMissing([...line(3, 6), ...line(6, 9, 2)], 3, named(9, 2))).toBeNull();
  expect(firstMissing([...line(3, 6), ...line(9, 9, 2)], 3, named(9, 2))).toBe(7);
});
