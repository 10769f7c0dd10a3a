import type { Acknowledged } from '../../laboratory/checks/primaries';
import { checkPrimaries } from '../../laboratory/checks/primaries';

/** Checks the checker: two nodes that take writes must not pass. */

const write = (node: string, timeline: number, beganAt: number, endedAt = beganAt + 5): Acknowledged => ({
  node,
  timeline,
  beganAt,
  endedAt,
});

test('one primary after the other is fine, also when the first comes back', () => {
  const course = [write('pg-1', 1, 0), write('pg-1', 1, 10), write('pg-2', 2, 20), write('pg-1', 3, 30)];
  expect(checkPrimaries(course)).toEqual([]);
  expect(checkPrimaries([...course].reverse())).toEqual([]);
});

test('a write that was begun before the other primary had one may end late', () => {
  expect(checkPrimaries([write('pg-1', 1, 0, 100), write('pg-2', 2, 50, 60)])).toEqual([]);
});

test('one that was replaced and acknowledges a write all the same is found', () => {
  const split = [write('pg-1', 1, 0), write('pg-2', 2, 20), write('pg-1', 1, 30), write('pg-2', 2, 40)];
  expect(checkPrimaries(split)).toEqual(['pg-1 acknowledged a write of timeline 1 after pg-2 had one of 2']);
});

test('two that write the same timeline are found', () => {
  expect(checkPrimaries([write('pg-2', 2, 0), write('pg-3', 2, 10)])).toEqual([
    'timeline 2 was written by pg-2 and pg-3',
  ]);
});

test('a timeline that falls on the same node is found', () => {
  expect(checkPrimaries([write('pg-1', 4, 0), write('pg-1', 3, 10)])).toHaveLength(1);
});
