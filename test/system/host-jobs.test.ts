import { pino } from 'pino';
import { followJob } from '../../activities/host/follow-job';
import type { Host } from '../../activities/host/host';
import { jobStatus, jobUnit, startJob } from '../../activities/host/jobs';
import type { JobUnit } from '../../activities/host/jobs';
import { sh } from '../../activities/host/shell';
import { createSshPool } from '../../activities/host/ssh-pool';
import { newId } from '../support/inventory';
import { describeJobsContract } from './jobs-contract';
import { createTestHost, enterTestHost } from './support/host';
import type { EnteredHost } from './support/host';

const logger = pino({ level: 'silent' });
describeJobsContract('a host over SSH', async () => {
  const machine = await createTestHost();
  return {
    target: { label: 'orders/gw-1', ssh: machine.host.ssh, hostKey: machine.hostKey.publicLine },
    openPool: (controlKey = machine.controlKey.privatePem) => createSshPool({ controlKey, logger }),
    end: () => machine.end(),
  };
});

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

const start = (script: string, stdin?: string): Promise<void> =>
  startJob(host, { unit, command: sh`sh -c ${script}`, description: 'a test', ...(stdin !== undefined && { stdin }) });

/** Where a job of this test may write. */
const path = (name: string): string => `/tmp/${unit}.${name}`;

test('a job survives the loss of its SSH connection; another process finds it and follows it to its end', async () => {
  const starter = machine.fromElsewhere();
  const job = {
    unit,
    command: sh`sh -c ${`echo started >>${path('starts')}; until [ -e ${path('go')} ]; do sleep 0.05; done; runuser -u nobody -- true; echo finished`}`,
    description: 'a test',
  };
  await startJob(starter.host, job);
  const following = followJob(starter.host, unit);
  following.catch(() => undefined);
  starter.disconnect();
  await expect(following).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });

  expect(await jobStatus(host, unit)).toEqual({ state: 'running' });
  await startJob(host, job);
  await host.run(sh`touch ${path('go')}`);
  const lines: string[] = [];
  await followJob(host, unit, { onProgress: (more) => lines.push(...more) });
  expect(lines).toContain('finished');
  // What PAM tells the log of the system of a user's session is none of it.
  expect(lines.join()).not.toContain('pam_unix');
  expect(await host.run(sh`cat ${path('starts')}`)).toBe('started\n');
});

test('the input reaches the command alone: no argument, no file, no journal has it', async () => {
  await start(`wc -c; touch ${path('up')}; until [ -e ${path('go')} ]; do sleep 0.05; done`, 'hunter2-$HOME-%n');
  await host.run(sh`sh -c ${`until [ -e ${path('up')} ]; do sleep 0.02; done`}`);
  const search = `ls -A /run/holdfast/jobs; cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c "hunter[2]"; journalctl --sync; journalctl | grep -c "hunter[2]"; systemctl show -- "$0" | grep -c "hunter[2]"; true`;
  expect(await host.run(sh`sh -c ${search} ${unit}`)).toBe('0\n0\n0\n');
  await host.run(sh`touch ${path('go')}`);
  const lines: string[] = [];
  await followJob(host, unit, { onProgress: (more) => lines.push(...more) });
  expect(lines).toEqual(['16']);
});

test('jobs in the background yield to whatever serves users, also two that begin at once', async () => {
  const operationId = newId('op');
  const units = ['one', 'other'].map((step) => jobUnit(operationId, step));
  const command = sh`sh -c ${'nice; cut -d" " -f3 /proc/self/autogroup'}`;
  await Promise.all(
    units.map((each) =>
      startJob(host, { unit: each, command, description: 'a test', isBackground: true, user: 'nobody' }),
    ),
  );
  for (const each of units) {
    const lines: string[] = [];
    await followJob(host, each, { onProgress: (more) => lines.push(...more) });
    expect(lines).toEqual(['10', '10']);
  }
});
