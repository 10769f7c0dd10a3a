import type { BackupCopy } from '../../../domain/backups';
import { fullBackupsToKeep } from '../../../domain/retention';

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
