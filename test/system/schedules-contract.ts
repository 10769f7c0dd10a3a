import type { BackupSchedules, ScheduledCluster, ScheduledType } from '../../activities/schedules/schedules';
import { nextDrills, nextDumps, nextRuns } from '../../domain/backup-times';
import type { BackupPolicy } from '../../domain/backups';
import { newId } from '../support/inventory';
import { POLICY } from '../support/lineage';

export interface SchedulesUnderTest {
  readonly schedules: BackupSchedules;
  /** The same, as another process sees them. */
  readonly otherProcess: BackupSchedules;
  end(): Promise<void>;
}

/** How late Temporal may say that a run is: it tells its jitter. */
const JITTER_MS: Readonly<Record<ScheduledType, number>> = {
  full: 60_000,
  differential: 60_000,
  incremental: 60_000,
  drill: 3 * 60 * 60_000,
  dump: 10 * 60_000,
};

function dueOf(policy: BackupPolicy, type: ScheduledType, since: Date): string[] {
  if (type === 'drill') return nextDrills(policy, 4, since);
  return type === 'dump' ? nextDumps(policy, 4, since) : nextRuns(policy, type, 4, since);
}

/** What takes backups at their times must hold to (activities/schedules/schedules.ts). */
export function describeSchedulesContract(name: string, make: () => Promise<SchedulesUnderTest>): void {
  describe(`the contract of schedules, held by ${name}`, () => {
    let env: SchedulesUnderTest;
    let cluster: ScheduledCluster;

    beforeAll(async () => {
      env = await make();
    }, 60_000);
    afterAll(() => env.end());
    beforeEach(() => {
      cluster = { id: newId('clu'), name: 'orders', projectName: 'default' };
    });

    const told = async (): Promise<[ScheduledType, string, boolean][]> =>
      (await env.otherProcess.describe(cluster.id)).map(({ type, cron, paused }) => [type, cron, paused]);

    test('each type has one, with the times of the policy, however often and by whom it is ensured', async () => {
      const dumps = { ...POLICY.dumps, schedule: '30 4 * * *' };
      const policy: BackupPolicy = { ...POLICY, dumps, timeZone: 'Europe/Paris' };
      await Promise.all([env.schedules, env.otherProcess].map((schedules) => schedules.ensure(cluster, policy)));
      await env.schedules.ensure(cluster, policy);
      expect(await told()).toEqual([
        ['full', POLICY.schedule.full, false],
        ['differential', POLICY.schedule.differential, false],
        ['incremental', POLICY.schedule.incremental, false],
        ['drill', POLICY.drill, false],
        ['dump', '30 4 * * *', false],
      ]);
      for (const { type, nextRuns: runs, lastRun } of await env.schedules.describe(cluster.id)) {
        expect(lastRun).toBeNull();
        const since = new Date(Date.now() - JITTER_MS[type]);
        const times = dueOf(policy, type, since).map((at) => Date.parse(at));
        const isOne = (run: string): boolean =>
          times.some((at) => Date.parse(run) >= at && Date.parse(run) <= at + JITTER_MS[type]);
        expect(runs.slice(0, 3).filter(isOne)).toHaveLength(3);
      }
    });

    test('a policy that changes moves them: other times, none at all, paused', async () => {
      await env.schedules.ensure(cluster, POLICY);
      const schedule = { full: null, differential: '5 2 * * 1', incremental: '*/30 * * * *' };
      await env.schedules.ensure(cluster, { ...POLICY, paused: true, schedule, drill: null });
      expect(await told()).toEqual([
        ['differential', '5 2 * * 1', true],
        ['incremental', '*/30 * * * *', true],
      ]);
      for (const { nextRuns: runs } of await env.schedules.describe(cluster.id)) expect(runs).toEqual([]);
      await env.schedules.ensure(cluster, POLICY);
      expect(await told()).toHaveLength(4);
    });

    test('those that are removed are gone, also when they are removed again, or were never there', async () => {
      await env.schedules.remove(cluster.id);
      await env.schedules.ensure(cluster, POLICY);
      await env.schedules.remove(cluster.id);
      await env.otherProcess.remove(cluster.id);
      expect(await told()).toEqual([]);
    });

    test('of two clusters each has its own', async () => {
      await env.schedules.ensure(cluster, POLICY);
      await env.schedules.ensure({ ...cluster, id: newId('clu') }, { ...POLICY, paused: true });
      expect((await told()).map(([, , paused]) => paused)).toEqual([false, false, false, false]);
    });

    test('one can be asked for at once, also where there are no times', async () => {
      await env.schedules.trigger(cluster.id, 'full', 'op_1');
      await env.otherProcess.trigger(cluster.id, 'full', 'op_1');
      expect(await told()).toEqual([]);
    });
  });
}
