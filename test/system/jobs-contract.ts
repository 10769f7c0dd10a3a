import { followJob } from '../../activities/host/follow-job';
import type { Host } from '../../activities/host/host';
import { cancelJob, cleanJob, endJobs, endOthers, jobStatus, jobUnit, startJob } from '../../activities/host/jobs';
import type { JobUnit } from '../../activities/host/jobs';
import { sh } from '../../activities/host/shell';
import type { SshPool } from '../../activities/host/ssh-pool';
import type { Lane } from '../../domain/operations';
import { eventually } from '../support/eventually';
import { newId } from '../support/inventory';
import type { HostUnderTest } from './host-contract';

/** What activities build on when they give a host long work (activities/host/jobs.ts), whoever made it. */
export function describeJobsContract(name: string, makeHost: () => Promise<HostUnderTest>): void {
  describe(`the contract of jobs, held by ${name}`, () => {
    let env: HostUnderTest;
    let pool: SshPool;
    let host: Host;
    let unit: JobUnit;

    beforeAll(async () => {
      env = await makeHost();
      pool = env.openPool();
      host = pool.host(env.target);
      await host.run(sh`true`, { connectTimeoutMs: 30_000 });
    });
    afterAll(async () => {
      pool.close();
      await env.end();
    });
    beforeEach(() => {
      unit = jobUnit(newId('op'), 'restore');
    });

    const start = (script: string, stdin?: string): Promise<void> =>
      startJob(host, {
        unit,
        command: sh`sh -c ${script}`,
        description: 'a test',
        ...(stdin !== undefined && { stdin }),
      });

    /** Where a job of this test may write. */
    const path = (name: string): string => `/tmp/${unit}.${name}`;

    test('a job runs to its end, and remembers it until it is cleaned', async () => {
      expect(await jobStatus(host, unit)).toEqual({ state: 'not-started' });
      await start(`echo done >${path('out')}`);
      await followJob(host, unit);
      expect(await jobStatus(host, unit)).toEqual({ state: 'succeeded' });
      expect(await host.run(sh`cat ${path('out')}`)).toBe('done\n');

      await cleanJob(host, unit);
      await cleanJob(host, unit);
      expect(await jobStatus(host, unit)).toEqual({ state: 'not-started' });
    });

    test('a job started by ten at once runs once, and not again after its end', async () => {
      const script = `echo started >>${path('starts')}`;
      await Promise.all(Array.from({ length: 10 }, () => start(script)));
      await followJob(host, unit);
      await start(script);
      await followJob(host, unit);
      expect(await host.run(sh`cat ${path('starts')}`)).toBe('started\n');
    });

    test('each line of a job is told once, also to a follower that goes on from a cursor', async () => {
      const script = `seq 1 500; until [ -e ${path('go')} ]; do sleep 0.05; done; seq 501 1000`;
      await start(script);
      const lines: string[] = [];
      let cursor: string | null = null;
      const stop = new AbortController();
      const first = followJob(host, unit, {
        signal: stop.signal,
        onProgress: (more, readUpTo) => {
          lines.push(...more);
          cursor = readUpTo;
          if (lines.length >= 500) stop.abort(new Error('enough'));
        },
      });
      await expect(first).rejects.toThrow('enough');
      await host.run(sh`touch ${path('go')}`);
      await followJob(host, unit, { cursor, onProgress: (more) => lines.push(...more) });
      expect(lines).toEqual(Array.from({ length: 1000 }, (_, i) => String(i + 1)));
    });

    test('a job that fails tells its exit code and its last words', async () => {
      await start('echo before; echo "no space left" >&2; exit 3');
      await expect(followJob(host, unit)).rejects.toMatchObject({
        code: 'HOST_JOB_FAILED',
        values: { host: 'orders/gw-1', unit, exitCode: 3, output: 'before\nno space left' },
      });
      expect(await jobStatus(host, unit)).toMatchObject({ state: 'failed', exitCode: 3 });
      await cleanJob(host, unit);
      expect(await jobStatus(host, unit)).toEqual({ state: 'not-started' });
    });

    test('a job that is killed tells so', async () => {
      await start('kill -KILL $$');
      await expect(followJob(host, unit)).rejects.toMatchObject({ values: { exitCode: 128 + 9 } });
    });

    test('a cancelled job is dead when the call returns, with all its children, also when it ignores SIGTERM', async () => {
      await start(`trap '' TERM; sleep 4713 & touch ${path('up')}; while :; do sleep 0.1; done`);
      await host.run(sh`sh -c ${`until [ -e ${path('up')} ]; do sleep 0.02; done`}`);
      await cancelJob(host, unit);
      expect(await host.run(sh`sh -c ${'pgrep -fx "sleep 4713" || echo none'}`)).toBe('none\n');
      expect((await jobStatus(host, unit)).state).not.toBe('running');
      await cancelJob(host, unit);
      await cancelJob(host, jobUnit(newId('op'), 'never-started'));
    });

    test('a job that runs is not cleaned', async () => {
      await start('sleep 60');
      await expect(cleanJob(host, unit)).rejects.toMatchObject({ code: 'HOST_COMMAND_FAILED' });
      expect(await jobStatus(host, unit)).toEqual({ state: 'running' });
      await cancelJob(host, unit);
    });

    test('a job that nobody started can not be followed', async () => {
      await expect(followJob(host, unit)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    test('dollars and percent signs of a command arrive as they are', async () => {
      await start(`X='$HOME %n $$ \${USER}'; echo "$X"`);
      const lines: string[] = [];
      await followJob(host, unit, { onProgress: (more) => lines.push(...more) });
      expect(lines).toEqual(['$HOME %n $$ ${USER}']);
    });

    test('a job runs as the user that it names', async () => {
      await startJob(host, { unit, command: sh`id -un`, description: 'a test', user: 'postgres' });
      const lines: string[] = [];
      await followJob(host, unit, { onProgress: (more) => lines.push(...more) });
      expect(lines).toEqual(['postgres']);
    });

    describe('jobs of several operations', () => {
      const startOther = (other: JobUnit, script: string): Promise<void> =>
        startJob(host, { unit: other, command: sh`sh -c ${script}`, description: 'a test' });
      const states = async (...units: readonly JobUnit[]): Promise<string[]> =>
        Promise.all(units.map(async (other) => (await jobStatus(host, other)).state));
      const other = (name: string, lane: Lane = 'cluster'): JobUnit => jobUnit(newId('op'), name, lane);
      const sibling = (name: string): JobUnit => unit.replace('restore', name) as JobUnit;
      const later = (): string => `until [ -e ${path('go')} ]; do sleep 0.05; done`;

      test('the start of a job forgets ended jobs of earlier operations, and no others', async () => {
        const [old, failed, running, sameOperation] = [other('copy'), other('copy'), other('copy'), sibling('fetch')];
        await startOther(old, later());
        await startOther(failed, `${later()}; exit 1`);
        await startOther(running, 'sleep 600');
        await startOther(sameOperation, later());
        await host.run(sh`touch ${path('go')}`);
        await eventually(
          async () => (await states(old, failed, sameOperation)).join() === 'succeeded,failed,succeeded',
        );

        await start('true');
        await followJob(host, unit);
        expect(await states(old, failed, running, sameOperation, unit)).toEqual([
          'not-started',
          'not-started',
          'running',
          'succeeded',
          'succeeded',
        ]);
        await cancelJob(host, running);
        await cleanJob(host, running);
      });

      test.each([
        ['cluster', 'backup'],
        ['backup', 'cluster'],
      ] as const)('the start of a job of lane %s forgets nothing of lane %s', async (lane, beside) => {
        const [mine, next] = [other('copy', lane), other('copy', lane)];
        const [ended, failed, running] = [other('copy', beside), other('copy', beside), other('copy', beside)];
        await startOther(mine, later());
        await startOther(ended, later());
        await startOther(failed, `${later()}; exit 1`);
        await startOther(running, 'sleep 600');
        await host.run(sh`touch ${path('go')}`);
        await eventually(async () => (await states(mine, ended, failed)).join() === 'succeeded,succeeded,failed');

        await startOther(next, 'true');
        await followJob(host, next);
        expect(await states(mine, ended, failed, running, next)).toEqual([
          'not-started',
          'succeeded',
          'failed',
          'running',
          'succeeded',
        ]);
        await cancelJob(host, running);
        for (const unitOf of [ended, failed, running, next]) await cleanJob(host, unitOf);
      });

      test('who works where others of its lane did ends what they have left, of the steps that it names', async () => {
        const [running, ended, step, lane] = [
          other('copy-a'),
          other('copy-b'),
          other('fetch'),
          other('copy-a', 'dump'),
        ];
        // The start of a job forgets those that have ended: this one ends behind the last start.
        await startOther(ended, `${later()}; exit 1`);
        await startOther(sibling('copy-a'), 'sleep 600');
        for (const left of [running, step, lane]) await startOther(left, 'sleep 600');
        await host.run(sh`touch ${path('go')}`);
        await eventually(async () => (await states(ended)).join() === 'failed');

        for (let i = 0; i < 2; i++) await endOthers(host, unit, 'copy|copy-.*');
        expect(await states(running, ended, step, lane, sibling('copy-a'))).toEqual([
          ...['not-started', 'not-started', 'running', 'running', 'running'],
        ]);
        for (const left of [step, lane, sibling('copy-a')]) {
          await cancelJob(host, left);
          await cleanJob(host, left);
        }
      });

      test('who takes a host out of use ends all of them, with their traces, but the one that it names', async () => {
        const [stubborn, ended, failed] = [other('install-rack1-a'), other('copy'), other('copy')];
        const [backup, endedBackup] = [other('backup-primary', 'backup'), other('backup-primary', 'backup')];
        await startOther(endedBackup, later());
        await startOther(backup, `trap '' TERM; sleep 4715 & touch ${path('backup')}; while :; do sleep 0.1; done`);
        await startOther(ended, later());
        await startOther(failed, `${later()}; exit 1`);
        await startOther(stubborn, `trap '' TERM; sleep 4714 & touch ${path('up')}; while :; do sleep 0.1; done`);
        await startOther(sibling('install-rack1-a'), 'sleep 600');
        await start('sleep 600');
        await host.run(
          sh`sh -c ${`touch ${path('go')}; until [ -e ${path('up')} ] && [ -e ${path('backup')} ]; do sleep 0.02; done`}`,
        );
        await eventually(
          async () => (await states(ended, endedBackup, failed)).join() === 'succeeded,succeeded,failed',
        );

        await endJobs(host, unit);
        const listed = await host.run(sh`systemctl list-units --all --plain --no-legend ${'holdfast-*op_*'}`);
        const names = listed.trim().split('\n');
        expect(names.map((line) => line.split(' ')[0])).toEqual([unit]);
        expect(await states(unit)).toEqual(['running']);
        expect(await host.run(sh`sh -c ${'pgrep -fx "sleep 471[45]" || echo none'}`)).toBe('none\n');

        await cancelJob(host, unit);
        await endJobs(host, unit);
      });
    });
  });
}
