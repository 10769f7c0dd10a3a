import { findOverdueDump, nextDumps } from '../../../domain/backup-times';
import { dumpsInWords, lastDumpInWords } from '../../../domain/backup-words';
import type { DumpOrders } from '../../../domain/dump-schedules';
import { isOfAll, NO_SCHEDULED_DUMPS, selectionInWords, selectionOf, whyNoDump } from '../../../domain/dump-schedules';
import { POLICY } from '../../support/lineage';

const NIGHTLY: DumpOrders = { ...NO_SCHEDULED_DUMPS, schedule: '30 4 * * *' };
const hour = (of: number, day = 21): Date => new Date(Date.UTC(2026, 10, day, of));

test('nobody gets dumps by schedule who did not ask for them', () => {
  expect(nextDumps(POLICY, 3, hour(0))).toEqual([]);
  expect(whyNoDump(POLICY)).toBe('its policy wants no dumps');
  expect(whyNoDump(null)).toBe('it has no backups');
  expect(whyNoDump({ ...POLICY, dumps: NIGHTLY })).toBeNull();
  expect(whyNoDump({ ...POLICY, dumps: NIGHTLY, paused: true })).toBe('its backups are paused');
});

test('times are in the zone of the policy, and a pause is one of the dumps too', () => {
  const policy = { ...POLICY, dumps: NIGHTLY, timeZone: 'Europe/Paris' };
  expect(nextDumps(policy, 2, hour(0))).toEqual(['2026-11-21T03:30:00.000Z', '2026-11-22T03:30:00.000Z']);
  expect(nextDumps({ ...policy, paused: true }, 2, hour(0))).toEqual([]);
});

test('a dump is overdue when more than half of the time until the next one has passed', () => {
  const policy = { ...POLICY, dumps: NIGHTLY };
  expect(findOverdueDump(policy, hour(0), hour(16))).toBeNull();
  expect(findOverdueDump(policy, hour(0), hour(17))).toBe('2026-11-21T04:30:00.000Z');
  expect(findOverdueDump(policy, hour(5), hour(17))).toBeNull();
  expect(findOverdueDump({ ...policy, paused: true }, hour(0), hour(17))).toBeNull();
});

test('one name is what a user would ask for; several are one dump without the roles; all have them', () => {
  expect(selectionOf('all')).toEqual({ database: null, selection: null });
  expect(selectionOf(['all'])).toEqual({ database: 'all', selection: null });
  expect(selectionOf(['a', 'b'])).toEqual({ database: null, selection: ['a', 'b'] });
  expect((['all', ['a'], ['a', 'b']] as const).map((names) => isOfAll(selectionOf(names)))).toEqual([
    true,
    false,
    false,
  ]);
  expect((['all', ['a'], ['a', 'b']] as const).map((names) => selectionInWords(selectionOf(names)))).toEqual([
    'all databases',
    'database a',
    'databases a, b',
  ]);
});

test('words say what goes where, and how old the last good one is', () => {
  expect(dumpsInWords({ databases: ['a'], sites: null })).toBe('database a');
  expect(dumpsInWords({ databases: 'all', sites: ['x', 'y'] })).toBe('all databases on x and y');
  expect(lastDumpInWords(null, hour(5))).toBe('There is no good scheduled dump yet.');
  expect(lastDumpInWords(hour(2).toISOString(), hour(5))).toBe(
    'The last good one ended at 2026-11-21T02:00:00.000Z, 3 h 0 min before.',
  );
});
