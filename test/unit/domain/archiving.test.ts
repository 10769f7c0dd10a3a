import type { Archiving } from '../../../domain/archiving';
import { gapCondition, judgeArchiving } from '../../../domain/archiving';

/** What is said of an archive by what was measured. */

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const SITES = ['primary', 'secondary'];
const at = (minute: number): string => `2026-11-21T14:${String(minute).padStart(2, '0')}:00.000Z`;
const FINE: Archiving = {
  asOf: at(30),
  lastArchivedAt: at(29),
  lagMs: 58_000,
  oldestWaitingSince: null,
  waitingBytes: 0,
  freeBytes: 90 * GIB,
  totalBytes: 100 * GIB,
  lastError: null,
};
const judge = (change: Partial<Archiving>): { status: boolean; reason: string; message: string } =>
  judgeArchiving({ ...FINE, ...change }, SITES);

test('a segment that waits for two minutes stands in line, one that waits for longer is behind', () => {
  const waiting = { waitingBytes: 16 * MIB };
  expect(judge({})).toMatchObject({ type: 'Archiving', status: true, reason: 'UpToDate' });
  expect(judge({ ...waiting, oldestWaitingSince: at(28) })).toMatchObject({ status: true, reason: 'UpToDate' });
  expect(judge({ ...waiting, oldestWaitingSince: at(27) })).toMatchObject({ status: false, reason: 'Behind' });
});

test('the sites that are away are named where pgBackRest names them', () => {
  const error = (...numbers: number[]): string =>
    ['archive-push command encountered error(s):', ...numbers.map((n) => `repo${n}: [HostConnectError] no route`)].join(
      '\n',
    );
  const told = (lastError: string | null): string =>
    judge({ waitingBytes: 16 * MIB, oldestWaitingSince: at(20), lastError }).message;
  expect(told(error(2))).toContain('waits for site secondary, on');
  expect(told(error(1, 2))).toContain('waits for site primary and secondary, on');
  expect(told(null)).toContain('waits for the stores, on');
  expect(told('unable to find repo1: x')).toContain('waits for the stores, on');
});

test('long before the volume is full the log that waits is said to fill it: by what is used, or by the pace', () => {
  const late = { oldestWaitingSince: at(20), waitingBytes: 160 * MIB };
  expect(judge(late).reason).toBe('Behind');
  expect(judge({ ...late, freeBytes: 21 * GIB }).reason).toBe('Behind');
  expect(judge({ ...late, freeBytes: 19 * GIB })).toMatchObject({ status: false, reason: 'VolumeFills' });
  // 13 GiB in 10 minutes: the 80 GiB above the last tenth last for 61 minutes, 69 GiB for 53.
  expect(judge({ ...late, waitingBytes: 13 * GIB }).reason).toBe('Behind');
  expect(judge({ ...late, waitingBytes: 13 * GIB, freeBytes: 79 * GIB }).reason).toBe('VolumeFills');
});

test('a volume that is full of data is not said to be filled by a log that does not wait', () => {
  expect(judge({ freeBytes: GIB }).reason).toBe('UpToDate');
  expect(judge({ freeBytes: GIB, waitingBytes: 16 * MIB, oldestWaitingSince: at(29) }).reason).toBe('UpToDate');
});

test('the words stay the same while the state does: figures that move are no news', () => {
  const late = { oldestWaitingSince: at(20), waitingBytes: 160 * MIB };
  expect(judge({ ...late, asOf: at(31), waitingBytes: 320 * MIB, freeBytes: 80 * GIB })).toEqual(judge(late));
});

test('a gap says from where on, and who takes the backup that ends it', () => {
  expect(gapCondition('0/5000000', false)).toMatchObject({ status: false, reason: 'Gap' });
  expect(gapCondition('0/5000000', false).message).toContain('from 0/5000000 on');
  expect(gapCondition('0/5000000', false).message).toContain('was ordered');
  expect(gapCondition('0/5000000', true).message).toContain('take one');
});
