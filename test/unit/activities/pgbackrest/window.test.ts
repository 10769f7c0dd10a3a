import type { StoreContent } from '../../../../activities/pgbackrest/window';
import { laterWindow, measureWindow } from '../../../../activities/pgbackrest/window';

/** What follows from what the stores have. */

type Found = StoreContent['sets'][number];
const at = (minute: number): string => `2026-11-21T01:${String(minute).padStart(2, '0')}:00.000Z`;
const lsn = (segment: number): string => `0/${segment.toString(16)}000028`;
const named = (segment: number, timeline = 1): string =>
  `0000000${timeline}00000000000000${segment.toString(16).toUpperCase().padStart(2, '0')}`;
const line = (from: number, to: number, timeline = 1): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => named(from + i, timeline));
/** A backup whose log is in these segments, and that ended in the minute of the last of them. */
const set = (from: number, to = from, damaged = false): Found => ({
  startedAt: at(from),
  finishedAt: at(to),
  startLsn: lsn(from),
  stopLsn: lsn(to),
  damaged,
});
/** Half a minute after its number there was a commit in each segment. */
const readEnd = (segment: string, { segments }: Content): Promise<{ at: string; lsn: string }> => {
  if (!segments.includes(segment)) throw new Error(`asked for ${segment} where it is not`);
  const number = Number.parseInt(segment.slice(-2), 16);
  return Promise.resolve({ at: at(number).replace(':00.000Z', ':30.000Z'), lsn: `0/${number.toString(16)}FFFFE8` });
};
type Content = Omit<StoreContent, 'repository'>;
/** Of the second repository on: the first is away. */
const measure = (...stores: Content[]): ReturnType<typeof measureWindow> =>
  measureWindow(
    stores.map((content, i) => ({ repository: i + 2, ...content })),
    (segment, repository) => readEnd(segment, stores[repository - 2] ?? { sets: [], segments: [] }),
  );
const half = (minute: number): string => at(minute).replace(':00.000Z', ':30.000Z');

test('without a backup there is none', async () => {
  expect(await measure()).toBeNull();
  expect(await measure({ sets: [], segments: line(1, 5) }, { sets: [], segments: [] })).toBeNull();
});

test('it begins at the end of the oldest backup of any site, and ends with the newest commit in any archive', async () => {
  const stores = [
    { sets: [set(4)], segments: line(4, 9) },
    { sets: [set(2, 3)], segments: line(2, 6) },
  ];
  expect(await measure(...stores)).toEqual({ earliest: at(3), latest: half(9), lastLsn: '0/9FFFFE8', isCut: false });
});

test('it has no end while nothing was archived', async () => {
  expect(await measure({ sets: [set(4)], segments: [] })).toMatchObject({ earliest: at(4), latest: null });
});

test('what one site lacks and the other has is no gap; what none has is one, up to the next backup', async () => {
  const [first, second] = [
    { sets: [set(2), set(8)], segments: [...line(2, 4), ...line(6, 9)] },
    { sets: [], segments: [...line(2, 3), ...line(5, 9)] },
  ];
  expect(await measure(first, second)).not.toHaveProperty('gaps');
  expect(await measure(first)).toMatchObject({
    earliest: at(2),
    latest: half(9),
    gaps: [{ from: half(4), to: at(8), fromLsn: '0/5000000', toLsn: lsn(8) }],
  });
});

test('several holes without a backup in between are one gap, and each backup behind one ends it', async () => {
  const segments = [...line(2, 4), ...line(6, 6), ...line(8, 10), ...line(12, 14)];
  const { gaps } = (await measure({ sets: [set(2), set(9), set(13)], segments })) ?? {};
  expect(gaps?.map(({ from, to }) => [from, to])).toEqual([
    [half(4), at(9)],
    [half(10), at(13)],
  ]);
});

test('behind a hole that no backup follows nothing can be restored: it ends there', async () => {
  const found = await measure({ sets: [set(2)], segments: [...line(2, 4), ...line(6, 9)] });
  expect(found).toEqual({ earliest: at(2), latest: half(4), lastLsn: '0/4FFFFE8', isCut: true });
});

test('a backup that lacks a segment of its own log, or is damaged, is none', async () => {
  const segments = [...line(2, 4), ...line(6, 9)];
  expect(await measure({ sets: [set(2, 3), set(4, 6)], segments })).toMatchObject({ isCut: true, latest: half(4) });
  expect(await measure({ sets: [set(4, 6), set(8)], segments })).toMatchObject({ earliest: at(8), latest: half(9) });
  expect(await measure({ sets: [set(2, 2, true), set(7)], segments })).toMatchObject({ earliest: at(7) });
  expect(await measure({ sets: [set(2, 2, true)], segments })).toBeNull();
});

test('a failover leaves no gap: the new timeline begins where it was, whatever the old one wrote after that', async () => {
  const segments = [...line(2, 6), ...line(5, 9, 2)];
  expect(await measure({ sets: [set(2)], segments })).toMatchObject({ latest: half(9), isCut: false });
  const lost = [...line(2, 8), ...line(5, 6, 2), ...line(8, 9, 2)];
  expect(await measure({ sets: [set(2)], segments: lost })).toMatchObject({ latest: half(6), isCut: true });
});

describe('what is known after a look', () => {
  const [mon, tue, wed, thu] = ['16', '17', '18', '19'].map((day) => `2026-11-${day}T00:00:00.000Z`);
  if (!mon || !tue || !wed || !thu) throw new Error('four days');
  const known = { earliest: mon, latest: wed };

  test.each([
    ['grows with the archive', known, { earliest: mon, latest: thu }, true, { earliest: mon, latest: thu }],
    ['begins later when backups expired', known, { earliest: tue, latest: wed }, true, { earliest: tue, latest: wed }],
    ['ends no earlier for a log without commits', known, { earliest: mon, latest: null }, true, known],
    [
      'keeps what a store had that is away',
      known,
      { earliest: tue, latest: thu },
      false,
      { earliest: mon, latest: thu },
    ],
    ['is what it was when all stores are away', known, null, false, known],
    ['is nothing when no store has a backup left', known, null, true, null],
    ['has no end before its beginning', known, { earliest: thu, latest: null }, true, { earliest: thu, latest: null }],
    ['is what was seen the first time', null, known, false, known],
  ])('%s', (_what, before, measured, whole, after) => {
    expect(laterWindow(before, measured && { ...measured, isCut: false }, whole)).toEqual(after);
  });

  test('ends earlier when the log is cut, but not on the word of some of the stores alone', () => {
    const cut = { earliest: mon, latest: tue, isCut: true };
    expect(laterWindow(known, cut, true)).toEqual({ earliest: mon, latest: tue });
    expect(laterWindow(known, cut, false)).toEqual(known);
  });
});
