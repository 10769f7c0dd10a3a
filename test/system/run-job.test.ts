import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Host } from '../../activities/host/host';
import { cancelJob, cleanJob, endJobs, jobStatus, jobUnit, startJob } from '../../activities/host/jobs';
import type { JobUnit } from '../../activities/host/jobs';
import { runJob } from '../../activities/host/run-job';
import { sh } from '../../activities/host/shell';
import { eventually } from '../support/eventually';
import { newId } from '../support/inventory';
import { enterTestHost } from './support/host';
import type { EnteredHost } from './support/host';

/** What becomes of a host job when the activity that runs it ends in one way or another. */

jest.setTimeout(60_000);

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

test('the start of a job forgets ended jobs of earlier operations, and no others', async () => {
  const [old, failed, running] = [1, 2, 3].map(() => jobUnit(newId('op'), 'copy'));
  const sameOperation = unit.replace('restore', 'fetch') as JobUnit;
  if (!old || !failed || !running) throw new Error('three');
  const start = (other: JobUnit, script: string): Promise<void> =>
    startJob(host, { unit: other, command: sh`sh -c ${script}`, description: 'a test' });
  const stateOf = async (other: JobUnit): Promise<string> => (await jobStatus(host, other)).state;
  const later = `until [ -e ${path('go')} ]; do sleep 0.05; done`;
  await start(old, later);
  await start(failed, `${later}; exit 1`);
  await start(running, 'sleep 600');
  await start(sameOperation, later);
  await host.run(sh`touch ${path('go')}`);
  await eventually(async () => (await stateOf(old)) === 'succeeded' && (await stateOf(failed)) === 'failed');
  await eventually(async () => (await stateOf(sameOperation)) === 'succeeded');

  await runJob(host, job('true'), { stallMs: STALL_MS });
  expect(await Promise.all([old, failed, running, sameOperation, unit].map(stateOf))).toEqual([
    'not-started',
    'not-started',
    'running',
    'succeeded',
    'succeeded',
  ]);
  await cancelJob(host, running);
  await cleanJob(host, running);
});

test('who takes a host out of use ends the jobs of all operations, with their traces, but the one that it names', async () => {
  const [stubborn, ended, failed] = ['install-rack1-a', 'copy', 'copy'].map((id) => jobUnit(newId('op'), id));
  const sameOperation = unit.replace('restore', 'install-rack1-a') as JobUnit;
  if (!stubborn || !ended || !failed) throw new Error('three');
  const start = (other: JobUnit, script: string): Promise<void> =>
    startJob(host, { unit: other, command: sh`sh -c ${script}`, description: 'a test' });
  const stateOf = async (other: JobUnit): Promise<string> => (await jobStatus(host, other)).state;
  const later = `until [ -e ${path('go')} ]; do sleep 0.05; done`;
  await start(ended, later);
  await start(failed, `${later}; exit 1`);
  await start(stubborn, `trap '' TERM; sleep 4714 & touch ${path('up')}; while :; do sleep 0.1; done`);
  await start(sameOperation, 'sleep 600');
  await start(unit, 'sleep 600');
  await host.run(sh`sh -c ${`touch ${path('go')}; until [ -e ${path('up')} ]; do sleep 0.02; done`}`);
  await eventually(async () => (await stateOf(ended)) === 'succeeded' && (await stateOf(failed)) === 'failed');

  await endJobs(host, unit);
  const listed = await host.run(sh`systemctl list-units --all --plain --no-legend ${'holdfast-op_*'}`);
  expect(
    listed
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual([unit]);
  expect(await stateOf(unit)).toBe('running');
  expect(await host.run(sh`sh -c ${'pgrep -fx "sleep 4714" || echo none'}`)).toBe('none\n');

  await cancelJob(host, unit);
  await endJobs(host, unit);
});
