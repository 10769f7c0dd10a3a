import type { AskedTarget, RestoreTarget } from '../../../../domain/backups';
import { inUtc, isInside, isYetToCome, lsnNumber, plainLsn } from '../../../../domain/restore-targets';
import { restoreClusterSchema, restoreTargetSchema, targetOf } from '../../../../domain/schemas/restores';

/** The target of a request, or where it is wrong and how. */
function read(target: unknown): AskedTarget | string | null | undefined {
  const { error, data } = restoreTargetSchema.safeParse(target);
  return error ? error.issues.map(({ path, message }) => `${path.join('/')}: ${message}`).join() : targetOf(data);
}

test.each<[object, AskedTarget]>([
  [{ time: '2026-11-21T14:02:00Z' }, { kind: 'time', time: '2026-11-21T14:02:00Z' }],
  [{ time: '2026-11-21T14:02:00.123456+05:30' }, { kind: 'time', time: '2026-11-21T08:32:00.123456Z' }],
  [{ time: '2026-11-21T14:02:00.1234567899Z' }, { kind: 'time', time: '2026-11-21T14:02:00.123456Z' }],
  [{ time: '2026-12-31T23:30:00-01:00' }, { kind: 'time', time: '2027-01-01T00:30:00Z' }],
  [{ time: '2026-11-21T14:02Z' }, { kind: 'time', time: '2026-11-21T14:02:00Z' }],
  [{ lsn: '2/a0000028' }, { kind: 'lsn', lsn: '2/A0000028' }],
  [{ transaction: '4294967299' }, { kind: 'transaction', transaction: '4294967299' }],
  [{ point: 'vor dem Ausverkauf, ß' }, { kind: 'point', name: 'vor dem Ausverkauf, ß' }],
  [{ backup: 'bkp_01m7xfpycdf6dnev2ndz8p0wht' }, { kind: 'backup', backup: 'bkp_01m7xfpycdf6dnev2ndz8p0wht' }],
])('%j is understood', (asked, target) => {
  expect(read(asked)).toEqual(target);
});

test('without a target it is the newest state; what is no id of a backup is none', () => {
  expect(targetOf(undefined)).toEqual({ kind: 'latest' });
  expect(read({ backup: 'newest' })).toBeNull();
});

test.each<[string, object, RegExp]>([
  ['a time without an offset', { time: '2026-11-21T14:02:00' }, /^time: must be a time with its offset/],
  ['a time without its day', { time: '14:02:00Z' }, /^time: must be a time with its offset/],
  ['a time with a zone by name', { time: '2026-11-21T14:02:00[Europe/Paris]' }, /^time: /],
  ['a day that is none', { time: '2026-02-30T00:00:00Z' }, /^time: /],
  ['an hour that is none', { time: '2026-11-21T25:00:00Z' }, /^time: /],
  ['an offset that is none', { time: '2026-11-21T14:02:00+1' }, /^time: /],
  ['a time in words', { time: 'yesterday' }, /^time: /],
  ['seconds since 1970', { time: '1795269720' }, /^time: /],
  ['a position without a slash', { lsn: '20000028' }, /^lsn: must be a position/],
  ['a position that is not hexadecimal', { lsn: '0/G' }, /^lsn: /],
  ['a position that is too long', { lsn: '0/123456789' }, /^lsn: /],
  ['a transaction in hexadecimal', { transaction: '0x1f' }, /^transaction: must be the number/],
  ['a transaction with a leading zero, which would be octal', { transaction: '0123' }, /^transaction: /],
  ['a transaction as a number', { transaction: 123 }, /^transaction: /],
  ['a point without a name', { point: '' }, /^point: /],
  ['a point of 64 bytes', { point: 'ä'.repeat(32) }, /^point: must have at most 63 bytes/],
  ['a point with a quote', { point: "o'reilly" }, /^point: cannot hold quotes/],
  ['a point with another line', { point: 'a\nb' }, /^point: cannot hold/],
  ['nothing', {}, /^: must have exactly one of time, lsn, transaction, point, backup, latest$/],
  ['two targets', { lsn: '0/1', transaction: '3' }, /^: must have exactly one of/],
  ['a kind that is not known', { when: 'now' }, /^: /],
])('%s is refused where it stands', (_what, target, message) => {
  expect(read(target)).toMatch(message);
});

test('the name of the new cluster is all that a restore needs', () => {
  expect(restoreClusterSchema.parse({ name: 'again' })).toEqual({
    name: 'again',
    deletionProtection: false,
    credentials: 'keep',
  });
  expect(restoreClusterSchema.safeParse({}).success).toBe(false);
  expect(restoreClusterSchema.safeParse({ name: 'again', credentials: 'lose' }).success).toBe(false);
});

test('a moment keeps its microseconds in UTC', () => {
  expect(inUtc('2026-11-21T00:00:00.000001+01:00')).toBe('2026-11-20T23:00:00.000001Z');
});

test('positions are compared as numbers', () => {
  expect(lsnNumber('2/A0000028')).toBe(0x2_a000_0028n);
  expect(lsnNumber('10/0') > lsnNumber('9/FFFFFFFF')).toBe(true);
});

describe('what can be restored', () => {
  const window = { earliest: '2026-11-21T06:00:00.000Z', latest: '2026-11-21T07:00:00.000Z' };
  const time = (at: string): RestoreTarget => ({ kind: 'time', time: at });

  test.each([
    ['the first moment', time('2026-11-21T06:00:00Z'), true],
    ['the last moment', time('2026-11-21T07:00:00Z'), true],
    ['just before', time('2026-11-21T05:59:59.999Z'), false],
    ['just after', time('2026-11-21T07:00:00.001Z'), false],
    ['the end of the first backup', { kind: 'lsn', lsn: '0/2000100' }, true],
    ['a position in the first backup', { kind: 'lsn', lsn: '0/20000FF' }, false],
    ['the newest state', { kind: 'latest' }, true],
    ['a transaction, where nobody told of any', { kind: 'transaction', transaction: '4000000000' }, true],
  ] as [string, RestoreTarget, boolean][])('%s: %j is %s', (_what, target, inside) => {
    expect(isInside(target, window, '0/2000100')).toBe(inside);
  });

  test('what lies in a gap is outside; its ends are not', () => {
    const gap = {
      from: '2026-11-21T06:10:00.000Z',
      to: '2026-11-21T06:20:00.000Z',
      fromLsn: '0/5000000',
      toLsn: '0/8000028',
    };
    const broken = { ...window, lastLsn: '0/9FFFFE8', gaps: [gap] };
    const targets: [RestoreTarget, boolean][] = [
      [time(gap.from), true],
      [time('2026-11-21T06:10:00.001Z'), false],
      [time('2026-11-21T06:19:59.999Z'), false],
      [time(gap.to), true],
      [{ kind: 'lsn', lsn: '0/4FFFFE8' }, true],
      [{ kind: 'lsn', lsn: '0/5000000' }, false],
      [{ kind: 'lsn', lsn: '0/8000027' }, false],
      [{ kind: 'lsn', lsn: '0/8000028' }, true],
      [{ kind: 'lsn', lsn: '0/9FFFFE8' }, true],
      [{ kind: 'lsn', lsn: '0/9FFFFE9' }, false],
    ];
    for (const [target, inside] of targets) expect([target, isInside(target, broken, null)]).toEqual([target, inside]);
  });

  test('what lies behind the end may be in what is not archived yet, and so may any transaction that has ended', () => {
    const end = { ...window, lastTransaction: '749', latest: '2026-11-21T06:30:00.000Z', lastLsn: '0/9FFFFE8' };
    const targets: [RestoreTarget, boolean][] = [
      [{ kind: 'transaction', transaction: '749' }, true],
      [{ kind: 'transaction', transaction: '750' }, false],
      [{ kind: 'lsn', lsn: '0/9FFFFE9' }, true],
      [{ kind: 'lsn', lsn: '0/9FFFFE8' }, false],
      [time('2026-11-21T06:30:00.001Z'), true],
      [time('2026-11-21T06:30:00.000Z'), false],
      [time('2026-11-21T06:31:00.001Z'), false],
      [{ kind: 'latest' }, false],
    ];
    const now = new Date('2026-11-21T06:31:00.000Z');
    for (const [target, may] of targets) expect([target, isYetToCome(target, end, now)]).toEqual([target, may]);
  });

  test.each([
    ['the newest that has ended', '749', '749', true],
    ['one of before', '3', '749', true],
    ['the next one', '750', '749', false],
    ['one that lies behind by the circular order of 32 bits', '4000000000', '749', false],
    ['one with more digits than there are', '99999999999999999999', '749', false],
    ['the last before numbers begin anew', '4294967295', '4294967295', true],
    ['the first with another epoch', '4294967299', '4294967295', false],
    ['one of the epoch before', '4000000000', '4294968045', true],
    ['the newest, named without its epoch', '749', '4294968045', true],
    ['one that was given out in the epoch before only', '750', '4294968045', true],
    ['the same with its epoch, in which it was not', '4294968046', '4294968045', false],
  ])(
    'of transactions, %s: that %s may be in the log when %s is the newest that has ended is %s',
    (_what, transaction, last, inside) => {
      expect(isInside({ kind: 'transaction', transaction }, { ...window, lastTransaction: last }, null)).toBe(inside);
    },
  );

  test('without a commit since the first backup no time can be named', () => {
    expect(isInside(time(window.earliest), { ...window, latest: null }, null)).toBe(false);
    expect(isInside({ kind: 'latest' }, { ...window, latest: null }, null)).toBe(true);
  });
});

test('a position is shown as PostgreSQL shows it', () => {
  expect(['0/0704DFD0', '0/704DFD0', 'A0/00000000', '0/0'].map(plainLsn)).toEqual([
    '0/704DFD0',
    '0/704DFD0',
    'A0/0',
    '0/0',
  ]);
});
