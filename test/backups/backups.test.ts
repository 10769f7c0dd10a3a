import { isId } from '../../domain/ids';
import { hostOf, reachableNode, viewCluster } from '../../activities/fleet';
import { sh } from '../../activities/host/shell';
import { numberOfLsn } from '../../domain/wal-segments';
import type { BackupAnswer } from '../../domain/schemas/backups';
import { eventually } from '../support/eventually';
import type { Holdfast } from '../support/holdfast';
import { startHoldfast } from '../support/holdfast';
import type { TestStores } from '../system/support/stores';
import { fillVolume } from '../system/support/volume';
import { describeAround } from './support/around';
import { dataNode, describeFullVolume, untilShown, untilTold } from './support/archiving';
import { describeInPlace } from './support/in-place';
import {
  ask,
  backupsOf,
  firstBackup,
  FLAWLESS,
  judgeLedger,
  remove,
  restoreTo,
  takeBackup,
  loseSegment,
  windowAfter,
  windowOf,
} from './support/user';
import { lastProofOf, recordAndTruth, untilOnSites } from './support/records';
import { describeTargets } from './support/targets';
import { setTrap } from './support/trap';
import { describeDeadSource } from './support/dead-source';
import { oracle } from './support/oracle';
import { damageBackups } from './support/damage';
import { describeDrill, endedDrill, holdDrill, leftOf } from './support/drills';
import { login, query } from '../system/support/endpoint';
import type { Writer } from '../system/support/ledger';
import { startWriter } from '../system/support/ledger';

jest.setTimeout(900_000);

/**
 * The promise of backups: what was acknowledged before a time is there in a cluster that is restored to that time, and
 * nothing that began after it, whatever fails meanwhile.
 */

let holdfast: Holdfast;
let stores: TestStores;
let writer: Writer;

beforeAll(async () => {
  holdfast = await startHoldfast({ stores: ['primary', 'secondary'] });
  if (!holdfast.stores) throw new Error('no stores');
  stores = holdfast.stores;
  // The hour of a scheduled backup would come into some runs, and would make the cluster busy.
  const backups = { paused: true };
  await holdfast.succeed((await holdfast.order({ name: 'shop', plan: 'sandbox', backups })).id);
  const config = login(await holdfast.credentials('shop'), 'primaryPort');
  await query(config, 'create table ledger (number int primary key)');
  await setTrap(config);
  writer = startWriter(config);
});

afterAll(async () => {
  await writer.stop();
  await holdfast.stop();
});

test('a new cluster is backed up by itself, to both sites, and its log is archived', async () => {
  const first = await firstBackup(holdfast, 'shop');
  expect(first).toMatchObject({ type: 'full', requestedBy: 'schedule', nodeRole: 'primary', error: null });
  expect(first.copies.map(({ site, type }) => [site, type])).toEqual([
    ['primary', 'full'],
    ['secondary', 'full'],
  ]);
  expect(first).toMatchObject({ schedule: 'full', keptUntil: null, keptUntilFullBackups: 1, lastVerifiedAt: null });
  for (const site of ['primary', 'secondary']) {
    const { record, truth } = await recordAndTruth(holdfast, stores, first, site);
    expect(record).toEqual(truth);
  }
  const { status } = await holdfast.cluster('shop');
  expect(status.conditions).toContainEqual(expect.objectContaining({ type: 'BackedUp', status: true }));
  await windowAfter(holdfast, 'shop', Date.parse(first.startedAt));
});

test('an incremental backup on demand is small beside what was there', async () => {
  const { id } = await takeBackup(holdfast, 'shop', { type: 'incremental', description: 'before the sale' });
  await holdfast.succeed(id);
  const [newest, full] = await backupsOf(holdfast, 'shop');
  expect(newest).toMatchObject({ type: 'incremental', state: 'succeeded', description: 'before the sale' });
  for (const copy of newest?.copies ?? []) {
    const whole = full?.copies.find(({ site }) => site === copy.site);
    expect(copy.storedBytes).toBeLessThan((whole?.storedBytes ?? 0) / 2);
  }
});

describeAround(() => holdfast);

test(
  'a restore to a time has all that was acknowledged before it and nothing that began after it',
  async () => {
    const { earliest } = await windowAfter(holdfast, 'shop', 0);
    const begunAt = Math.max(Date.parse(earliest), writer.attempts[0]?.endedAt ?? 0);
    await eventually(() => Promise.resolve(Date.now() > begunAt + 5_000));
    for (const [i, share] of oracle.shares.entries()) {
      const round = i + 1;
      const time = begunAt + 1_000 + Math.floor(share * (Date.now() - begunAt - 2_000));
      const target = { time: new Date(time).toISOString() };
      console.log(
        `seed ${oracle.seed}, ${round} of ${oracle.shares.length}: to ${target.time}, ${Math.round((Date.now() - time) / 1000)} s ago`,
      );
      await restoreTo(holdfast, 'shop', { name: `copy-${round}`, target });
      expect(Date.parse((await lastProofOf(holdfast, 'shop'))?.lastVerifiedAt ?? '')).toBeGreaterThan(time);
      expect(await judgeLedger(holdfast, `copy-${round}`, writer, time)).toEqual(FLAWLESS);
      // Its policy is paused as that of the source, and its first backup went to one site.
      expect(await untilOnSites(holdfast, `copy-${round}`, 2)).toEqual(['primary', 'secondary']);
      await demandForgotten(`copy-${round}`);
      const owner = login(await holdfast.credentials(`copy-${round}`), 'primaryPort');
      expect(await query(owner, 'select rolsuper from pg_catalog.pg_roles where rolname = current_user')).toEqual([
        { rolsuper: false },
      ]);
      await remove(holdfast, `copy-${round}`);
    }
  },
  900_000 + oracle.shares.length * 60_000,
);

describeTargets(() => holdfast);

/** What opens the source's backups was needed for the restore only. */
async function demandForgotten(name: string): Promise<void> {
  const { id } = await holdfast.cluster(name);
  if (!isId('clu', id)) throw new Error(id);
  const view = await viewCluster(holdfast.fleet, id);
  const host = hostOf(holdfast.fleet, view, reachableNode(view, 'pg-1'));
  const files = await host.run(sh`ls /etc/pgbackrest`);
  expect(files.trim().split('\n').sort()).toEqual([
    'archive-fetch.sh',
    'archive-push.sh',
    'backup.conf',
    'copy.py',
    'pgbackrest.conf',
    'push-primary.conf',
    'push-secondary.conf',
  ]);
}

describeDrill(() => holdfast);

test('a segment of the log that no store has any more is a gap: told, and refused before anything is made', async () => {
  const backup = async (): Promise<BackupAnswer> => {
    const { id } = await takeBackup(holdfast, 'shop', { type: 'incremental' });
    await holdfast.succeed(id);
    const [newest] = await backupsOf(holdfast, 'shop');
    if (!newest) throw new Error('no backup');
    return newest;
  };
  await backup();
  const written = writer.attempts.length;
  await eventually(() => Promise.resolve(writer.attempts.length > written + 1));
  const { copies } = await backup();
  loseSegment(stores, Math.min(...copies.map(({ startLsn }) => numberOfLsn(startLsn))) - 1);
  const { gaps } = await windowOf(holdfast, 'shop');
  const [gap] = gaps;
  if (!gap || gaps.length > 1) throw new Error(JSON.stringify(gaps));
  expect(gap.to).toBe(copies.map(({ finishedAt }) => finishedAt).sort()[0]);
  const inside = new Date((Date.parse(gap.from) + Date.parse(gap.to)) / 2).toISOString();
  const refused = await holdfast.api('POST', '/v1/clusters/shop/restores', { name: 'x', target: { time: inside } });
  expect([refused.status, refused.body]).toEqual([
    422,
    expect.objectContaining({ detail: expect.stringContaining('missing in the archive') as string }),
  ]);
});

describe('when something fails', () => {
  test('a damaged file in a store makes a drill fail loudly, and no host is left', async () => {
    const damaged = ['primary', 'secondary'].map((site) => damageBackups(stores.dataFolder(site)));
    const drill = await endedDrill(holdfast, 'shop', await holdDrill(holdfast, 'shop'));
    for (const { files, mend } of damaged) {
      mend();
      expect(files).toBeGreaterThan(0);
    }
    expect(drill).toMatchObject({ state: 'failed', provenAt: null, error: { code: 'RESTORE_FAILED' } });
    expect(await leftOf(holdfast, drill)).toEqual([]);
    const { status, lastProvenRestore } = await holdfast.cluster('shop');
    expect([status.state, lastProvenRestore === null]).toEqual(['ready', false]);
    const condition = status.conditions.find(({ type }) => type === 'RestoreProven');
    expect(condition).toMatchObject({ status: false, reason: 'Failed' });
    expect(condition?.message).toContain('The last proven restore ended at');
    const told = await holdfast.database.query<{ action: string }>(
      `select action from audit_log where details ->> 'drill' = $1`,
      [drill.id],
    );
    expect(told).toEqual([{ action: 'drill failed' }]);
  });

  test('the log waits for a store that is away, and a time in between can be restored from the other one', async () => {
    await stores.stop('primary');
    const time = Date.now() + 3_000;
    await eventually(() => Promise.resolve(Date.now() > time + 3_000));
    const backups = { sites: ['secondary'] };
    const target = { time: new Date(time).toISOString() };
    // That a site does not answer does not mean that it has no backup.
    const fromFirst = holdfast.api('POST', '/v1/clusters/shop/restores?preview=true', {
      name: 'x',
      target,
      site: 'primary',
    });
    try {
      // The other store has the segment when it has ended.
      const { id } = await eventually(
        () =>
          ask(holdfast, 'POST', '/v1/clusters/shop/restores', { name: 'from-second', target, backups }).catch(
            () => false as const,
          ),
        { everyMs: 2_000, limitMs: 400_000 },
      );
      expect((await fromFirst).status).toBe(200);
      const { restored } = await holdfast.succeed(id);
      // It says so.
      expect(restored?.from).toMatchObject({ site: 'secondary', insteadOf: 'primary' });
      const { restoredFrom } = await holdfast.cluster('from-second');
      expect(restoredFrom).toEqual({ operationId: id, site: 'secondary', setId: restored?.from?.setId });
      // Long before the log is given up: all of it gets there in the end.
      const empty = await fillVolume((await dataNode(holdfast, 'shop')).host, 180);
      expect(await untilTold(holdfast, 'shop', 'VolumeFills').finally(empty)).toContain('waits for site primary');
    } finally {
      await stores.start('primary');
    }
    expect(await judgeLedger(holdfast, 'from-second', writer, time)).toEqual(FLAWLESS);
    await remove(holdfast, 'from-second');
    await untilTold(holdfast, 'shop', 'UpToDate');
  });

  describeDeadSource(() => ({ holdfast, writer }));

  describeFullVolume(() => ({ holdfast, stores, writer }));

  test('a worker that is killed in the middle of a backup changes nothing: one set in each store', async () => {
    const before = (await backupsOf(holdfast, 'shop')).length;
    const { id } = await takeBackup(holdfast, 'shop', { type: 'full' });
    await eventually(async () => (await backupsOf(holdfast, 'shop'))[0]?.node !== null);
    await holdfast.worker.kill();
    const killedAt = Date.now();
    holdfast.worker.start();
    await holdfast.succeed(id);
    // What was watching goes on, too.
    await untilShown(holdfast, 'shop', ({ asOf }) => Date.parse(asOf) > killedAt);
    const backups = await backupsOf(holdfast, 'shop');
    expect(backups).toHaveLength(before + 1);
    expect(backups[0]?.copies.map(({ site, type }) => `${site} ${type}`)).toEqual(['primary full', 'secondary full']);
  });

  describeInPlace(() => holdfast);
});
