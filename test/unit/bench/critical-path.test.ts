import { criticalPath, totalOf, uncovered } from '../../bench/support/critical-path';

const call = (name: string, startMs: number, endMs: number) => ({ name, startMs, endMs });
const names = (path: ReturnType<typeof criticalPath>): string[] => path.calls.map(({ name }) => name);
const window = { startMs: 1000, endMs: 2000 };

describe('the critical path', () => {
  it('follows the slowest of what ran side by side', () => {
    const calls = [call('host 1', 1100, 1300), call('host 2', 1100, 1500), call('start', 1550, 1950)];
    const path = criticalPath(calls, window);
    expect(names(path)).toEqual(['host 2', 'start']);
    expect(path.gaps).toEqual([
      { startMs: 1000, endMs: 1100 },
      { startMs: 1500, endMs: 1550 },
      { startMs: 1950, endMs: 2000 },
    ]);
  });

  it('counts a gap between two steps also while something ran that nobody waited for', () => {
    const calls = [call('aside', 1000, 1900), call('a', 1000, 1400), call('b', 1500, 2000)];
    expect(totalOf(criticalPath(calls, window).gaps)).toBe(100);
    expect(uncovered(calls, window)).toBe(0);
  });

  it('takes calls that follow at once for such, though their starts come from rounded durations', () => {
    const path = criticalPath([call('a', 1000, 1501), call('b', 1500, 2000)], window);
    expect(names(path)).toEqual(['a', 'b']);
    expect(path.gaps).toEqual([]);
  });

  it('is one gap where nothing was called', () => {
    expect(criticalPath([], window)).toEqual({ calls: [], gaps: [window] });
    expect(uncovered([], window)).toBe(1000);
  });

  it('counts of a call only what lies between the order and its end', () => {
    const calls = [
      call('before', 0, 900),
      call('across', 900, 1400),
      call('after', 1900, 2500),
      call('late', 2100, 2200),
    ];
    expect(uncovered(calls, window)).toBe(500);
    expect(criticalPath([call('across', 900, 1400)], window).calls).toEqual([call('across', 1000, 1400)]);
  });

  it('ends with calls of no length', () => {
    const path = criticalPath([call('a', 1500, 1500), call('b', 1500, 1500)], window);
    expect(totalOf(path.gaps)).toBe(1000);
  });
});
