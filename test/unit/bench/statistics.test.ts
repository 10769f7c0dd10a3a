import { median, percentile, spreadOf } from '../../bench/support/statistics';

it.each([
  [[7], 7],
  [[10, 9, 100], 10],
  [[4, 1, 3, 2], 2.5],
])('the median of %j is %d', (values, expected) => expect(median(values)).toBe(expected));

it('the spread has the smallest and the largest', () =>
  expect(spreadOf([10, 9, 100])).toEqual({ p50: 10, min: 9, max: 100 }));

it('refuses to tell the median of nothing', () => expect(() => median([])).toThrow(RangeError));

it('the 95th percentile is the largest of fewer than 20 values', () => {
  const values = Array.from({ length: 20 }, (_, i) => i + 1);
  expect(percentile(values.slice(0, 10), 0.95)).toBe(10);
  expect(percentile(values.slice(0, 19), 0.95)).toBe(19);
  expect(percentile(values, 0.95)).toBe(19);
});
