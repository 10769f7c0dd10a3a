import type { DiskLook } from '../../../domain/disk-ladder';
import { judgeDisks } from '../../../domain/disk-ladder';

/** What is said of volumes by what was seen of them. */

const primary: DiskLook = { node: 'pg-1', role: 'primary', usedShare: 0.5, refuses: false };
const standby: DiskLook = { ...primary, node: 'pg-2', role: 'standby' };
const other: DiskLook = { ...standby, node: 'pg-3' };

const told = (looks: readonly DiskLook[], before: string | null = null): string => judgeDisks(looks, before).reason;

test.each<[string, number, boolean]>([
  ['Enough', 0.799, true],
  ['Filling', 0.8, true],
  ['Filling', 0.899, true],
  ['NearlyFull', 0.9, false],
  ['NearlyFull', 0.96, false],
])('%s at %d', (reason, usedShare, status) => {
  expect(judgeDisks([{ ...primary, usedShare }, standby], null)).toMatchObject({ type: 'DiskSpace', reason, status });
});

test('writes are refused where the primary says so, however much of it is used by then', () => {
  expect(told([{ ...primary, usedShare: 0.92, refuses: true }, standby])).toBe('WritesRefused');
  // Nobody writes to a standby.
  expect(told([primary, { ...standby, usedShare: 0.97, refuses: true }])).toBe('NearlyFull');
});

test('a volume is full where PostgreSQL does not run because of it; elsewhere its silence has another reason', () => {
  const silent = { ...primary, role: null };
  expect(told([{ ...silent, usedShare: 0.99 }, standby])).toBe('Full');
  expect(told([{ ...silent, usedShare: 0.96 }, standby])).toBe('NearlyFull');
  expect(told([{ ...silent, usedShare: 0.5 }, standby])).toBe('Enough');
});

test('the nodes that are worst are named, and no figure that changes at each look', () => {
  const full = (look: DiskLook, usedShare: number): DiskLook => ({ ...look, usedShare });
  expect(judgeDisks([full(primary, 0.85), full(standby, 0.91), full(other, 0.93)], null).message).toMatch(
    /^The volume of pg-2 and pg-3 is more than 90 % full/,
  );
  const message = judgeDisks([full(primary, 0.81)], null).message;
  expect(judgeDisks([full(primary, 0.88)], 'Filling').message).toBe(message);
});

test('what was told goes on being told until two hundredths less are used', () => {
  const at = (usedShare: number): DiskLook[] => [{ ...primary, usedShare }];
  expect(told(at(0.79), 'Filling')).toBe('Filling');
  expect(told(at(0.779), 'Filling')).toBe('Enough');
  expect(told(at(0.79), 'Enough')).toBe('Enough');
  expect(told(at(0.89), 'NearlyFull')).toBe('NearlyFull');
  expect(told(at(0.79), 'WritesRefused')).toBe('Filling');
});
