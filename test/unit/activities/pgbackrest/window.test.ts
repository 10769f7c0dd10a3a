import type { Host } from '../../../../activities/host/host';
import type { RepositoryInfo } from '../../../../activities/pgbackrest/info';
import { laterWindow, measureWindow } from '../../../../activities/pgbackrest/window';
import { viewOf } from '../../../support/view';

/** What can be said of the window without asking a host. */

const refuse = (): never => {
  throw new Error('nothing of this is asked of a host');
};
const nobody: Host = { label: 'orders/pg-1', run: refuse, putFiles: refuse };
const seen = (...finishedAt: string[]): RepositoryInfo => ({
  trouble: null,
  hasStanza: true,
  lastSegment: null,
  sets: finishedAt.map((at) => ({
    backupId: null,
    setId: at,
    type: 'full',
    path: '',
    storedBytes: 1,
    databaseBytes: 1,
    tool: 'pgBackRest 2.60.0',
    startedAt: at,
    finishedAt: at,
    startLsn: '0/1',
    stopLsn: '0/2',
  })),
});
const measure = (...infos: RepositoryInfo[]) => measureWindow(viewOf('sandbox'), nobody, 'tl_x', infos);

test('without a backup there is none', async () => {
  expect(await measure()).toBeNull();
  expect(await measure(seen(), seen())).toBeNull();
});

test('it begins at the end of the oldest backup of any site, and has no end while nothing was archived', async () => {
  const [older, newer] = ['2026-11-20T01:00:00.000Z', '2026-11-21T01:00:00.000Z'] as const;
  expect(await measure(seen(newer), seen(newer, older))).toEqual({ earliest: older, latest: null });
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
    expect(laterWindow(before, measured, whole)).toEqual(after);
  });
});
