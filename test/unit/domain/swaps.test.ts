import type { BackupCopy } from '../../../domain/backups';
import type { Fork } from '../../../domain/swaps';
import { branchAt, leadsTo, routeTo } from '../../../domain/swaps';

const at = (hour: number, minute = 0): string => new Date(Date.UTC(2026, 10, 21, hour, minute)).toISOString();

const fork = (change: Partial<Fork>): Fork => ({
  operationId: 'op_1',
  oldLog: 1,
  forkLsn: '0/5000000',
  forksFrom: 0,
  swappedAt: at(10),
  lastCommitAt: at(9, 59),
  lastCommitLsn: '0/6400000',
  ...change,
});

/** A backup that ended at that hour, at that position. */
const copy = (hour: number, stopLsn: string, site = 'primary'): BackupCopy => ({
  site,
  setId: `set-${hour}`,
  type: 'full',
  path: '',
  databaseBytes: null,
  storedBytes: 0,
  startedAt: at(hour),
  finishedAt: at(hour),
  startLsn: stopLsn,
  stopLsn,
  removedAt: null,
  damaged: false,
  manifestSha256: null,
  lastVerifiedAt: null,
});

/** Restored in place at 10:00 to what was there at 0/5000000, which came between the first two of these. */
const once = [fork({})];
const early = copy(8, '0/4000000');
const late = copy(9, '0/6000000');
const fresh = copy(11, '0/7000000');
const copies = [early, late, fresh];
const routed = (forks: readonly Fork[], hour: number, minute = 0): object => {
  const { copies: chosen, ...route } = routeTo(forks, { kind: 'time', time: at(hour, minute) }, copies);
  return { ...route, sets: setsOf(chosen) };
};
const setsOf = (chosen: readonly BackupCopy[]): string[] => chosen.map(({ setId }) => setId);

test('a time before a swap lies on what the swap has left, one after it on what came then', () => {
  expect([branchAt(once, at(9)), branchAt(once, at(10)), branchAt(once, at(11))]).toEqual([0, 1, 1]);
  expect(routed(once, 9, 30)).toEqual({ log: 1, endLsn: null, sets: ['set-9'] });
  expect(routed(once, 12)).toEqual({ log: null, endLsn: null, sets: ['set-11'] });
});

test('a backup of what was left leads nowhere else', () => {
  expect(routed(once, 10, 30)).toEqual({ log: null, endLsn: null, sets: ['set-8'] });
  expect(leadsTo(once, 1, late)).toBe(false);
  expect(leadsTo(once, 0, fresh)).toBe(false);
});

test('a time after the last commit of what was left is its end: a replay would wait for a later commit in vain', () => {
  expect(routed(once, 9, 59)).toEqual({ log: 1, endLsn: '0/6400000', sets: ['set-9'] });
  expect(routed([fork({ lastCommitAt: null })], 9, 59)).toMatchObject({ endLsn: null });
});

test('after a rollback what was restored in place is the branch that was left, and older backups lead on', () => {
  const twice = [
    ...once,
    fork({ operationId: 'op_2', oldLog: 3, forkLsn: '0/6500000', swappedAt: at(12), lastCommitAt: at(11, 30) }),
  ];
  expect(routed(twice, 11, 20)).toEqual({ log: 3, endLsn: null, sets: ['set-11'] });
  expect(routed(twice, 13)).toEqual({ log: null, endLsn: null, sets: ['set-9'] });
});

test('positions, transactions and the newest state are looked for on the newest branch', () => {
  expect(setsOf(routeTo(once, { kind: 'latest' }, [early, late]).copies)).toEqual(['set-8']);
  expect(routeTo(once, { kind: 'lsn', lsn: '0/6800000' }, copies)).toMatchObject({
    log: null,
    copies: [{ setId: 'set-8' }],
  });
  expect(setsOf(routeTo(once, { kind: 'transaction', transaction: '789' }, copies).copies)).toEqual(['set-8']);
  expect(routeTo(once, { kind: 'latest' }, [late])).toMatchObject({ copies: [] });
});

test('each site has its own, the nearest first: one may be away', () => {
  const both = [...copies, copy(7, '0/3000000', 'secondary'), copy(8, '0/4000000', 'secondary')];
  const { copies: chosen } = routeTo(once, { kind: 'time', time: at(9, 30) }, both);
  expect(chosen.map(({ site, setId }) => [site, setId])).toEqual([
    ['primary', 'set-9'],
    ['secondary', 'set-8'],
  ]);
});
