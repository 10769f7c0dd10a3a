import type { Attempt, Outcome } from '../../system/support/ledger';
import { findInvented, findLost, longestGap } from '../../system/support/ledger';

/** Checks the checker: a system test that can't see a loss proves nothing. */

const attempt = (number: number, outcome: Outcome, at: number): Attempt => ({
  number,
  outcome,
  beganAt: at - 1,
  endedAt: at,
});

const HISTORY = [
  attempt(1, 'acknowledged', 100),
  attempt(2, 'unknown', 200),
  attempt(3, 'acknowledged', 3200),
  attempt(4, 'unknown', 3300),
  attempt(5, 'acknowledged', 3400),
];

test('an acknowledged row that is missing is lost, whatever else is there', () => {
  expect(findLost(HISTORY, new Set([1, 2, 4, 5]))).toEqual([3]);
  expect(findLost(HISTORY, new Set())).toEqual([1, 3, 5]);
});

test('rows of unknown outcome may be there or not', () => {
  expect(findLost(HISTORY, new Set([1, 3, 5]))).toEqual([]);
  expect(findLost(HISTORY, new Set([1, 2, 3, 4, 5]))).toEqual([]);
});

test('a row that nobody wrote is told', () => {
  expect(findInvented(HISTORY, new Set([1, 9]))).toEqual([9]);
  expect(findInvented(HISTORY, new Set([1, 2, 4]))).toEqual([]);
});

test('the gap spans from the last acknowledgement before to the first after, over what is unknown', () => {
  expect(longestGap(HISTORY, 150, 250)).toBe(3100);
  expect(longestGap(HISTORY, 3250, 3300)).toBe(200);
  expect(longestGap(HISTORY, 3500, 3600)).toBe(Infinity);
});

test('a gap that does not end is one, however little of the fault came before it', () => {
  expect(longestGap(HISTORY, 3350, 9400)).toBe(6000);
  expect(longestGap(HISTORY, 3350, 3390)).toBe(200);
});
