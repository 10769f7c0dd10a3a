import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Host } from '../../activities/host/host';
import { cancelJob, jobStatus, jobUnit } from '../../activities/host/jobs';
import type { JobUnit } from '../../activities/host/jobs';
import { runJob } from '../../activities/host/run-job';
import { sh } from '../../activities/host/shell';
import { eventually } from '../support/eventually';
import { newId } from '../support/inventory';
import { enterTestHost } from './support/host';
import type { EnteredHost } from './support/host';

/** What becomes of a host job when the activity that runs it ends in one way or another. */

const STALL_MS = 60_000;
let machine: EnteredHost;
let host: Host;
let unit: JobUnit;

beforeAll(async () => {
  machine = await enterTestHost();
  ({ host } = machine);
});

afterAll(() => machine.end());

beforeEach(() => {
  unit = jobUnit(newId('op'), 'restore');
});

const path = (name: string): string => `/tmp/${unit}.${name}`;
const job = (script: string) => ({ unit, command: sh`sh -c ${script}`, description: 'a test' });
const untilGo = (): string =>
  `echo begun >>${path('log')}; until [ -e ${path('go')} ]; do sleep 0.05; done; echo ended`;
const isRunning = async (): Promise<boolean> => (await jobStatus(host, unit)).state === 'running';
const details = (why: 'cancelRequested' | 'workerShutdown' | 'timedOut'): ActivityCancellationDetails =>
  new ActivityCancellationDetails({ [why]: true });

test('the cancel of an activity kills its job, and the activity ends when the job is dead', async () => {
  const activity = new MockActivityEnvironment();
  const running = activity.run(() => runJob(host, job(`trap '' TERM; ${untilGo()}`), { stallMs: STALL_MS }));
  running.catch(() => undefined);
  await eventually(isRunning);
  activity.cancel('CANCELLED', details('cancelRequested'));
  await expect(running).rejects.toMatchObject({ name: 'CancelledFailure' });
  expect(await isRunning()).toBe(false);
});

test('a cancel that comes while the job is being started kills it all the same', async () => {
  const activity = new MockActivityEnvironment();
  // The host has started it, and says nothing of it for a while.
  const slow = {
    ...host,
    run: async (...call: Parameters<Host['run']>): Promise<string> => {
      const answer = await host.run(...call);
      if (call[1]?.title?.startsWith('start job')) {
        activity.cancel('CANCELLED', details('cancelRequested'));
        activity.context.cancellationSignal.throwIfAborted();
      }
      return answer;
    },
  };
  const running = activity.run(() => runJob(slow, job(untilGo()), { stallMs: STALL_MS }));
  await expect(running).rejects.toMatchObject({ name: 'CancelledFailure' });
  expect(await isRunning()).toBe(false);
});

test.each([
  ['WORKER_SHUTDOWN', 'workerShutdown'],
  ['TIMED_OUT', 'timedOut'],
] as const)(
  'an activity that ends by %s leaves its job to the next, which runs it no second time',
  async (reason, why) => {
    const activity = new MockActivityEnvironment();
    const running = activity.run(() => runJob(host, job(untilGo()), { stallMs: STALL_MS }));
    running.catch(() => undefined);
    await eventually(isRunning);
    activity.cancel(reason, details(why));
    await expect(running).rejects.toMatchObject({ name: 'CancelledFailure' });
    expect(await isRunning()).toBe(true);

    await host.run(sh`touch ${path('go')}`);
    const told: string[] = [];
    await new MockActivityEnvironment().run(() =>
      runJob(host, job(untilGo()), { stallMs: STALL_MS, onProgress: (line) => told.push(line) }),
    );
    expect(told.at(-1)).toBe('ended');
    expect(await host.run(sh`cat ${path('log')}`)).toBe('begun\n');
  },
);

test('a job that says nothing for too long needs somebody to look; it goes on meanwhile', async () => {
  const stuck = runJob(host, job(`echo 12 of 40 MB; ${untilGo()}`), { stallMs: 1_000 });
  await expect(stuck).rejects.toMatchObject({ code: 'STEP_DEADLINE_EXCEEDED', message: /12 of 40 MB/ });
  expect(await isRunning()).toBe(true);
  await cancelJob(host, unit);
});

test('a job that keeps moving may take longer than the time in which it must say something', async () => {
  // Its words are read every five seconds.
  const moving = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "$i of 12"; sleep 1; done';
  await runJob(host, job(moving), { stallMs: 9_000 });
  expect((await jobStatus(host, unit)).state).toBe('succeeded');
});

test('a job that failed is run anew when the step is tried again', async () => {
  const script = `echo try >>${path('log')}; [ -e ${path('go')} ] || { echo disk full >&2; exit 3; }`;
  await expect(runJob(host, job(script), { stallMs: STALL_MS })).rejects.toMatchObject({
    code: 'HOST_JOB_FAILED',
    values: { exitCode: 3, output: 'disk full' },
  });
  await host.run(sh`touch ${path('go')}`);
  await runJob(host, job(script), { stallMs: STALL_MS });
  expect(await host.run(sh`cat ${path('log')}`)).toBe('try\ntry\n');
});
