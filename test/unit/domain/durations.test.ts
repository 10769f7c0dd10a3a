import { lastGoodInWords } from '../../../domain/backup-words';
import { inWords } from '../../../domain/durations';

const MINUTE = 60_000;

test.each([
  [-1, '0 min'],
  [59_000, '0 min'],
  [59 * MINUTE, '59 min'],
  [60 * MINUTE, '1 h 0 min'],
  [125 * MINUTE, '2 h 5 min'],
  [24 * 60 * MINUTE, '1 d 0 h'],
  [(76 * 60 + 59) * MINUTE, '3 d 4 h'],
])('%d ms are %s', (ms, words) => {
  expect(inWords(ms)).toBe(words);
});

test('the age of the last good backup is told with its time, or that there is none', () => {
  const now = new Date('2026-11-21T14:00:00.000Z');
  expect(lastGoodInWords('2026-11-21T11:55:00.000Z', now)).toBe(
    'The last good backup ended at 2026-11-21T11:55:00.000Z, 2 h 5 min before.',
  );
  expect(lastGoodInWords(null, now)).toBe('There is no good backup yet.');
});
