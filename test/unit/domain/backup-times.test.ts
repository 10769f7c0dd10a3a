import { findOverdue, nextRuns } from '../../../domain/backup-times';
import type { LastBegun } from '../../../domain/backup-times';
import type { BackupPolicy } from '../../../domain/backups';
import { POLICY } from '../../support/lineage';

/** When backups are due, and from when on one is overdue. The policy: Sundays 01:17, other days 01:17, hourly at 47. */

const NONE: LastBegun = { full: null, differential: null, incremental: null };
/** A Friday. */
const time = (clock: string, day = 20): string => `2026-11-${String(day).padStart(2, '0')}T${clock}:00.000Z`;
const at = (clock: string, day = 20): Date => new Date(time(clock, day));
const begun = (last: Partial<LastBegun>): LastBegun => ({ ...NONE, ...last });

test('the next runs are in the time zone of the policy', () => {
  const inParis: BackupPolicy = { ...POLICY, timeZone: 'Europe/Paris' };
  expect(nextRuns(inParis, 'full', 2, at('12:00'))).toEqual([time('00:17', 22), time('00:17', 29)]);
  expect(nextRuns(POLICY, 'full', 1, at('12:00'))).toEqual([time('01:17', 22)]);
  expect(nextRuns(POLICY, 'incremental', 3, at('12:47'))).toEqual([time('13:47'), time('14:47'), time('15:47')]);
});

test('a type without times has no runs, and a paused policy has none at all', () => {
  expect(nextRuns({ ...POLICY, schedule: { ...POLICY.schedule, full: null } }, 'full', 3, at('12:00'))).toEqual([]);
  expect(nextRuns({ ...POLICY, paused: true }, 'incremental', 3, at('12:00'))).toEqual([]);
});

test('a backup is overdue when more than half of its interval has passed', () => {
  const last = begun({ incremental: time('12:47'), differential: time('01:17') });
  expect(findOverdue(POLICY, last, at('00:00'), at('14:17'))).toBeNull();
  expect(findOverdue(POLICY, last, at('00:00'), at('14:18'))).toEqual({ type: 'incremental', dueAt: time('13:47') });
});

test('a fuller backup does for a lesser one, but not the other way round', () => {
  const since = at('00:00');
  expect(findOverdue(POLICY, begun({ full: time('13:50') }), since, at('14:40'))).toBeNull();
  expect(findOverdue(POLICY, begun({ differential: time('13:50') }), since, at('14:40'))).toBeNull();
  const late = findOverdue(POLICY, begun({ incremental: time('13:50') }), since, at('14:40'));
  expect(late).toEqual({ type: 'differential', dueAt: time('01:17') });
});

test('of several that are overdue the one is told that is so for longest', () => {
  const weekly: BackupPolicy = { ...POLICY, schedule: { ...POLICY.schedule, incremental: null } };
  expect(findOverdue(weekly, NONE, at('00:00', 15), at('12:00', 20))).toEqual({
    type: 'full',
    dueAt: time('01:17', 15),
  });
});

test('times before the schedules began count for nothing', () => {
  expect(findOverdue(POLICY, NONE, at('13:30'), at('14:10'))).toBeNull();
  expect(findOverdue(POLICY, NONE, at('13:30'), at('14:18'))).toEqual({ type: 'incremental', dueAt: time('13:47') });
});

test('nothing is overdue of a paused policy, or of one that only takes backups on demand', () => {
  const never: BackupPolicy = { ...POLICY, schedule: { full: null, differential: null, incremental: null } };
  for (const policy of [{ ...POLICY, paused: true }, never])
    expect(findOverdue(policy, NONE, at('00:00', 1), at('12:00'))).toBeNull();
});

describe('a clock that jumps by an hour', () => {
  const last = begun({ incremental: time('12:47'), differential: time('01:17') });

  test('back: nothing is overdue before its time comes again, and it is due once', () => {
    expect(findOverdue(POLICY, last, at('00:00'), at('12:00'))).toBeNull();
    expect(nextRuns(POLICY, 'incremental', 1, at('12:00'))).toEqual([time('12:47')]);
    expect(findOverdue(POLICY, last, at('00:00'), at('14:17'))).toBeNull();
  });

  test('forward: what was due in that hour is late, and is told until one is taken', () => {
    expect(findOverdue(POLICY, last, at('00:00'), at('14:20'))).toEqual({ type: 'incremental', dueAt: time('13:47') });
    expect(findOverdue(POLICY, begun({ full: time('14:19') }), at('00:00'), at('14:20'))).toBeNull();
  });

  test('in the zone of the policy, in autumn and in spring: the next times keep their order', () => {
    const inParis: BackupPolicy = { ...POLICY, timeZone: 'Europe/Paris' };
    for (const day of ['2026-10-25', '2027-03-28']) {
      const runs = nextRuns(inParis, 'incremental', 6, new Date(`${day}T00:00:00Z`)).map((run) => Date.parse(run));
      expect(runs.map((run, i) => (run - (runs[i - 1] ?? run)) / 3_600_000).slice(1)).toEqual([1, 1, 1, 1, 1]);
    }
  });
});
