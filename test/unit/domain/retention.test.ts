import type { BackupCopy } from '../../../domain/backups';
import { fullBackupsToKeep, fullSetOf, keepingOf, longestOf } from '../../../domain/retention';

/** How many of the newest full backups are kept. */

const now = new Date('2026-11-21T12:00:00Z');
const full = (
  daysAgo: number,
  change: Partial<BackupCopy> = {},
): Pick<BackupCopy, 'type' | 'finishedAt' | 'damaged'> => ({
  type: 'full',
  finishedAt: new Date(now.getTime() - daysAgo * 86_400_000).toISOString(),
  damaged: false,
  ...change,
});
const bad = (daysAgo: number): ReturnType<typeof full> => full(daysAgo, { damaged: true });
const count = { unit: 'count', full: 2 } as const;
const days = { unit: 'days', full: 14 } as const;

test.each([
  ['nothing to remove where there is none', [], count, null],
  ['fewer than the number', [full(1)], count, null],
  ['just the number', [full(1), full(2)], count, null],
  ['more than the number, in any order', [full(3), full(1), full(2)], count, 2],
  ['others than full ones do not count', [full(3), full(1, { type: 'incremental' }), full(2)], count, null],
  ['a damaged one takes the place of no good one', [bad(1), full(2), full(3), full(4)], count, 3],
  ['all are kept where too few are good', [bad(1), full(2), bad(3), bad(4)], count, null],
  ['of days, all of these and the last one before them', [full(1), full(8), full(15), full(22)], days, 3],
  ['one at the edge begins the days', [full(1), full(14), full(15)], days, 2],
  ['the one before must be good', [full(1), bad(15), full(22), full(29)], days, 3],
  ['within the days all are kept', [full(1), full(2), full(3)], days, null],
] as const)('%s', (_what, sets, retention, kept) => {
  expect(fullBackupsToKeep(sets, retention, now)).toBe(kept);
});

describe('until when a copy is kept', () => {
  const named = (setId: string, daysAgo: number, damaged = false): Named => ({ ...full(daysAgo, { damaged }), setId });
  type Named = ReturnType<typeof full> & { readonly setId: string };
  const inDays = (number: number): string => new Date(now.getTime() + number * 86_400_000).toISOString();

  test.each([
    ['of days: so many after the next full one ended', 'a', [named('a', 10), named('b', 3)], days, inDays(11), null],
    [
      'of days: the next one counts, not the newest',
      'a',
      [named('c', 1), named('a', 10), named('b', 3)],
      days,
      inDays(11),
      null,
    ],
    ['of days: a newest full one waits for the next', 'b', [named('a', 10), named('b', 3)], days, null, 1],
    ['of days: a damaged one takes its place not', 'a', [named('a', 10), named('b', 3, true)], days, null, 1],
    [
      'of days: a damaged one itself goes as others do',
      'a',
      [named('a', 10, true), named('b', 3)],
      days,
      inDays(11),
      null,
    ],
    ['of days: it is due already', 'a', [named('a', 20), named('b', 15)], days, inDays(-1), null],
    ['of a count: so many more have to end', 'a', [named('a', 3)], count, null, 2],
    ['of a count: one of them has', 'a', [named('a', 3), named('b', 2)], count, null, 1],
    ['of a count: a damaged one does not count', 'a', [named('a', 3), named('b', 2, true)], count, null, 2],
    ['of a count that was lowered: it goes next', 'a', [named('a', 3), named('b', 2), named('c', 1)], count, null, 0],
    ['what builds on a full one goes with it', 'a_bI', [named('a', 10), named('b', 3)], days, inDays(11), null],
    ['of what has no full one left nothing is told', 'x_yD', [named('a', 10)], days, null, null],
  ] as const)('%s', (_what, setId, sets, retention, until, fullBackups) => {
    expect(keepingOf(setId, sets, retention)).toEqual({ until, fullBackups });
  });

  /** Every choice of ages around the edge, and of damage. */
  const AGES = [0, 13.99, 14, 14.01, 20];
  const histories = [1, 2, 3, 4].flatMap((length) =>
    Array.from({ length: (AGES.length * 2) ** length }, (_, chance) =>
      Array.from({ length }, (_unused, i) => {
        const choice = Math.floor(chance / (AGES.length * 2) ** i) % (AGES.length * 2);
        return { age: AGES[choice % AGES.length] ?? 0, damaged: choice >= AGES.length };
      }),
    ).filter((sets) => sets.every(({ age }, i) => i === 0 || age < (sets[i - 1]?.age ?? 0))),
  );

  test.each([days, { ...days, full: 1 }, count, { ...count, full: 1 }])('is what expiring does: %j', (retention) => {
    expect(histories.length).toBeGreaterThan(100);
    for (const history of histories) {
      const sets = history.map(({ age, damaged }, i) => named(`F${i}`, age, damaged));
      const number = fullBackupsToKeep(sets, retention, now) ?? sets.length;
      const kept = sets.slice(sets.length - number).map(({ setId }) => setId);
      const told = sets.filter(({ setId }) => {
        const { until, fullBackups } = keepingOf(setId, sets, retention);
        return until === null ? fullBackups !== 0 : Date.parse(until) > now.getTime();
      });
      expect([history, told.map(({ setId }) => setId)]).toEqual([history, kept]);
    }
  });

  test('of several copies the longest counts', () => {
    const at = (until: string): ReturnType<typeof keepingOf> => ({ until, fullBackups: null });
    const more = (fullBackups: number): ReturnType<typeof keepingOf> => ({ until: null, fullBackups });
    const ever = { until: null, fullBackups: null };
    const soon = at(inDays(1));
    expect(longestOf([])).toBeNull();
    expect(longestOf([soon, at(inDays(2))])).toEqual(at(inDays(2)));
    expect(longestOf([more(0), soon])).toEqual(soon);
    expect(longestOf([soon, more(1), more(2)])).toEqual(more(2));
    expect(longestOf([more(2), ever])).toEqual(ever);
  });

  test('the full set is the beginning of the name', () => {
    expect(fullSetOf('20261121-063000F_20261121-074700I')).toBe('20261121-063000F');
    expect(fullSetOf('20261121-063000F')).toBe('20261121-063000F');
  });
});
