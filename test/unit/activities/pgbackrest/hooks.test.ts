import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Fleet } from '../../../../activities/fleet';
import type { Host } from '../../../../activities/host/host';
import { createHookActivities } from '../../../../activities/pgbackrest/hooks';
import type { ScriptRun } from '../../../../domain/backup-hooks';
import type { Backup } from '../../../../domain/backups';
import { HoldfastError } from '../../../../domain/errors';
import { HOOKED } from '../../../support/lineage';
import { stepIn, viewOf } from '../../../support/view';

/** When a script around a backup counts as ended, and is not run again. That it runs at all: test/chaos and test/backups. */

const AT = stepIn('backup', 'script');

const FAILED = ['LoadState=loaded', 'ActiveState=failed', 'SubState=failed', 'ExecMainCode=1', 'ExecMainStatus=3'];

/** In order: what was asked of the host, and what was written down. */
let done: string[];
let scripts: ScriptRun[];
beforeEach(() => {
  done = [];
  scripts = [];
});

const answer: Host['run'] = (_command, { title = '' } = {}) => {
  done.push(title.split(' ').slice(0, 2).join(' '));
  if (title.startsWith('read the journal')) return Promise.resolve('no time \0for that\n');
  return Promise.resolve(title.startsWith('look at job') ? FAILED.join('\n') : 'failed\n');
};

function hooksOn(run: Host['run'] = answer): ReturnType<typeof createHookActivities> {
  const host: Host = { label: 'orders/pg-1', run, putFiles: () => Promise.resolve([]) };
  const view = viewOf('sandbox', { backups: HOOKED });
  const backup = {
    id: 'bkp_x',
    type: 'full',
    state: 'running',
    node: 'pg-1',
    nodeRole: 'primary',
  } as unknown as Backup;
  const inventory = {
    clusters: { get: () => Promise.resolve(view.cluster), getNetwork: () => Promise.resolve(null) },
    nodes: { list: () => Promise.resolve(view.nodes) },
    backups: {
      ofOperation: () => Promise.resolve({ ...backup, scripts }),
      recordStart: () => Promise.resolve(),
      recordScript: (_at: object, end: Omit<ScriptRun, 'finishedAt'>) => {
        done.push(`record ${end.state}`);
        scripts.push({ ...end, finishedAt: '2026-11-20T01:00:00.000Z' });
        return Promise.resolve();
      },
    },
  };
  // Nothing else of a fleet is asked for.
  return createHookActivities({ ssh: { host: () => host }, inventory, clouds: {} } as unknown as Fleet);
}

test('the host remembers how a script ended until that is written down; then it is not run again', async () => {
  const hooks = hooksOn();
  const stopped = { code: 'BACKUP_SCRIPT_FAILED', values: { end: 'ended with exit code 3', node: 'pg-1' } };
  await expect(hooks.runPreScript(AT)).rejects.toMatchObject(stopped);
  const looked = ['look at', 'read the', 'read the'];
  expect(done).toEqual([
    'wait for',
    'ask for',
    'ask for',
    'write /etc/holdfast/hooks/pre',
    'start job',
    'follow job',
    ...looked,
    'record failed',
    'clean job',
  ]);
  expect(scripts).toMatchObject([{ phase: 'pre', node: 'pg-1', exitCode: 3, output: 'no time \ufffdfor that' }]);
  await expect(hooks.runPreScript(AT)).rejects.toMatchObject(stopped);
  expect(done.filter((what) => what === 'start job')).toHaveLength(1);
});

test('a script that fails after a backup fails nothing', async () => {
  await hooksOn().runPostScript(AT);
  expect(scripts).toMatchObject([{ phase: 'post', state: 'failed', exitCode: 3 }]);
});

test('a host that stays away is asked a few times for the script after a backup, then it was not run', async () => {
  const hooks = hooksOn(() => Promise.reject(new HoldfastError('HOST_UNREACHABLE', { host: 'pg-1', detail: 'gone' })));
  const tried = (attempt: number): Promise<void> =>
    new MockActivityEnvironment({ attempt }).run(() => hooks.runPostScript(AT));
  await expect(tried(2)).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
  expect(scripts).toEqual([]);
  await tried(3);
  expect(scripts).toMatchObject([{ phase: 'post', state: 'not run', exitCode: null }]);
  expect(scripts[0]?.output).toContain('does not answer');
});

test('a cancel ends the script, and it is not run again', async () => {
  const activity = new MockActivityEnvironment();
  const hooks = hooksOn((command, options) => {
    if (!options?.title?.startsWith('follow job')) return answer(command, options);
    activity.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
    return Promise.reject(activity.context.cancellationSignal.reason as Error);
  });
  await activity.run(() => hooks.runPostScript(AT));
  expect(done.slice(-3)).toEqual(['stop job', 'record cancelled', 'clean job']);
  await new MockActivityEnvironment().run(() => hooks.runPostScript(AT));
  expect(done.filter((what) => what === 'start job')).toHaveLength(1);
});
