import { findOverdueDrill, nextDrills } from '../../../domain/backup-times';
import type { RestoreWindow } from '../../../domain/backups';
import { ROOM_FOR_DUMP } from '../../../domain/database-restores';
import { clusterOfDrill, clusterOfExtract } from '../../../domain/drilled-clusters';
import type { KnownCopy } from '../../../domain/drills';
import { choosePoint, whyNoDrill } from '../../../domain/drills';
import { POLICY } from '../../support/lineage';
import { viewOf } from '../../support/view';

/** Where drills stop, what is made for them, and when one is overdue. */

const at = (minute: number, second = 0): string => new Date(Date.UTC(2026, 10, 20, 12, minute, second)).toISOString();
const copy = (site: string, minute: number, backupId: KnownCopy['backupId'] = 'bkp_1'): KnownCopy => ({
  site,
  finishedAt: at(minute),
  stopLsn: `0/${minute + 10}000000`,
  backupId,
});
const GIB = 1024 ** 3;
const WINDOW: RestoreWindow = { earliest: at(0), latest: at(30) };
const COPIES = [copy('primary', 0), copy('secondary', 0), copy('primary', 20, 'bkp_2')];
const CHANCES = Array.from({ length: 50 }, (_, i) => i / 50);

test('half of the drills begin with the newest backup, the others stop anywhere in the window', () => {
  const timesOf = (which: number): number[] =>
    CHANCES.map((when) => {
      const target = choosePoint(WINDOW, [], COPIES, [which, when, 0])?.target;
      return target?.kind === 'time' ? Date.parse(target.time) : 0;
    });
  const [recent, anywhere] = [timesOf(0.2), timesOf(0.7)];
  for (const time of recent) expect(time).toBeGreaterThanOrEqual(Date.parse(at(20, 1)));
  expect(Math.min(...anywhere)).toBe(Date.parse(at(0, 1)));
  expect(Math.max(...anywhere)).toBeGreaterThan(Date.parse(at(25)));
  for (const time of [...recent, ...anywhere]) expect(time).toBeLessThanOrEqual(Date.parse(at(30)));
});

test('only a site is read that has a backup from before the time', () => {
  const copies = [copy('primary', 0), copy('secondary', 20, 'bkp_2')];
  for (const where of CHANCES) {
    const point = choosePoint(WINDOW, [], copies, [0.9, 0.1, where]);
    expect(point?.site).toBe('primary');
  }
  const sites = CHANCES.map((where) => choosePoint(WINDOW, [], copies, [0.1, 0.5, where])?.site);
  expect(new Set(sites)).toEqual(new Set(['primary', 'secondary']));
});

test('none stops in a gap of the log', () => {
  const gaps = [{ from: at(5), to: at(20), fromLsn: '0/1', toLsn: '0/2' }];
  for (const when of CHANCES) {
    const target = choosePoint({ ...WINDOW, gaps }, [], COPIES, [0.9, when, 0])?.target;
    if (target?.kind !== 'time') throw new Error('no time');
    expect(target.time > at(5) && target.time < at(20)).toBe(false);
  }
});

test('only a backup is read that lies on the way to the time: what a restore in place has left leads nowhere else', () => {
  const left = { operationId: 'op_1', oldLog: 1, forksFrom: 0, lastCommitAt: null, lastCommitLsn: null } as const;
  // At 10 to what was there at 2, and at 20 back to what was there at 10: the backups of 0 and 5 lead to both ends of that.
  const forks = [
    { ...left, forkLsn: '0/12000000', swappedAt: at(10) },
    { ...left, oldLog: 2, forkLsn: '0/18000000', swappedAt: at(20) },
  ];
  const copies = [copy('primary', 5, 'bkp_2'), copy('secondary', 0), copy('offsite', 12, 'bkp_3')];
  const siteAt = (minute: number): string[] => {
    const when = minute / 30;
    const points = CHANCES.map((where) => choosePoint(WINDOW, forks, copies, [0.9, when, where]));
    return [...new Set(points.map((point) => `${point?.target.kind ?? ''} ${point?.site ?? ''}`))].sort();
  };
  expect(siteAt(8)).toEqual(['time primary', 'time secondary']);
  expect(siteAt(11)).toEqual(['time secondary']);
  expect(siteAt(15)).toEqual(['time offsite', 'time secondary']);
  expect(siteAt(25)).toEqual(['time primary', 'time secondary']);
  // None leads to that time.
  const point = choosePoint(WINDOW, forks, copies.slice(0, 1), [0.9, 15 / 30, 0]);
  expect(point?.target).toEqual({ kind: 'backup', backup: 'bkp_2' });
});

test('where nothing was archived since the newest backup, that backup itself is restored', () => {
  for (const latest of [null, at(20)]) {
    const window = { earliest: at(20), latest };
    const point = choosePoint(window, [], COPIES, [0.9, 0.5, 0.99]);
    expect(point).toEqual({ target: { kind: 'backup', backup: 'bkp_2' }, site: 'primary' });
  }
});

test('without a backup there is nothing to choose from', () => {
  expect(choosePoint(WINDOW, [], [], [0, 0, 0])).toBeNull();
});

test('what is made for a drill is small, has room for the data, no backups, and lets nobody in', () => {
  const { cluster } = viewOf('ha-m');
  const source = {
    ...cluster,
    spec: { ...cluster.spec, storageBytes: 50 * GIB, allowedIps: ['0.0.0.0/0'], backups: POLICY },
  };
  const made = clusterOfDrill(source, 'clu_2', 'op_01m7xfpycdf6dnev2ndz8p0wht');
  expect(made.name).toBe('drill-01m7xfpycdf6dnev2ndz8p0wht');
  expect(made.spec).toMatchObject({ plan: 'single-s', storageBytes: 50 * GIB, allowedIps: [], backups: null });
  expect(made.spec).toMatchObject({
    version: source.spec.version,
    cloud: source.spec.cloud,
    deletionProtection: false,
  });
  const small = clusterOfDrill({ ...source, spec: { ...source.spec, storageBytes: GIB } }, 'clu_2', 'op_1');
  expect(small.spec).toMatchObject({ plan: 'sandbox', storageBytes: GIB });
});

test.each([50, 1100, 2000])('of a cluster of %d GiB a dump fits beside the data where it is taken out', (gib) => {
  const { cluster } = viewOf('single-l');
  const source = { ...cluster, spec: { ...cluster.spec, storageBytes: gib * GIB } };
  const { spec } = clusterOfExtract(source, 'clu_2', 'op_1');
  expect(spec.storageBytes).toBeGreaterThanOrEqual(gib * GIB * ROOM_FOR_DUMP);
});

test('a drill is overdue when more than half of the time until the next one has passed', () => {
  const day = (of: number): Date => new Date(Date.UTC(2026, 10, of));
  expect(nextDrills(POLICY, 2, day(20))).toEqual(['2026-11-25T02:07:00.000Z', '2026-12-02T02:07:00.000Z']);
  expect(findOverdueDrill(POLICY, day(20), day(28))).toBeNull();
  expect(findOverdueDrill(POLICY, day(20), day(29))).toBe('2026-11-25T02:07:00.000Z');
  expect(findOverdueDrill({ ...POLICY, drill: null }, day(20), day(29))).toBeNull();
  expect(findOverdueDrill({ ...POLICY, paused: true }, day(20), day(29))).toBeNull();
});

test('no drill is held by schedule of a cluster that has no backups, wants none, or is paused', () => {
  expect(whyNoDrill(POLICY)).toBeNull();
  expect(whyNoDrill(null)).toBe('it has no backups');
  expect(whyNoDrill({ ...POLICY, drill: null })).toBe('its policy wants no drills');
  expect(whyNoDrill({ ...POLICY, paused: true })).toBe('its backups are paused');
});
