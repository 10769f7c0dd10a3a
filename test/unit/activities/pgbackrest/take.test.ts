import { ActivityCancellationDetails, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { setImmediate } from 'node:timers/promises';
import type { Fleet } from '../../../../activities/fleet';
import { reachableNode } from '../../../../activities/fleet';
import { cancellation, reasonOf } from '../../../../activities/host/cancellation';
import type { Host } from '../../../../activities/host/host';
import type { BackupStart } from '../../../../activities/inventory/backup-tables';
import { BACKUP_PARAMETERS } from '../../../../activities/pgbackrest/config';
import { chooseNode, copyToSites } from '../../../../activities/pgbackrest/take';
import type { Backup } from '../../../../domain/backups';
import { HoldfastError } from '../../../../domain/errors';
import { lineageOn } from '../../../support/lineage';
import { stepIn, viewOf } from '../../../support/view';

/** What becomes of the other sites when one gets on no more: nobody waits a quarter of an hour for that in a test. */

const AT = stepIn('backup', 'copy');

const ENDED_WELL = [
  'LoadState=loaded',
  'ActiveState=active',
  'SubState=exited',
  'ExecMainCode=1',
  'ExecMainStatus=0',
].join('\n');

const backup: Backup = {
  id: 'bkp_0000000000000000000000000a',
  projectId: 'prj_0000000000000000000000000a',
  clusterId: AT.clusterId,
  timelineId: 'tl_0000000000000000000000000a',
  operationId: AT.operationId,
  type: 'full',
  state: 'running',
  description: null,
  requestedBy: 'schedule',
  schedule: 'full',
  node: 'pg-1',
  nodeRole: 'primary',
  version: '18',
  tool: null,
  parameters: null,
  databaseBytes: null,
  error: null,
  startedAt: '2026-11-20T01:00:00.000Z',
  finishedAt: null,
  copies: [],
  scripts: [],
};

/** A cluster whose primary is pg-1; `near` are its replicas in the order of their lag. */
function fleetWith(near: readonly string[], wrong: Readonly<Record<string, HoldfastError>>): [Fleet, unknown[]] {
  const recorded: unknown[] = [];
  const hostOf = (label: string): Host => ({
    label,
    run: (_command, { title } = {}) => {
      const error = wrong[label.split('/')[1] ?? ''];
      if (error) return Promise.reject(error);
      if (title === 'wait for the primary') return label.endsWith('pg-1') ? Promise.resolve('') : new Promise(() => {});
      if (title === 'ask for its version') return Promise.resolve('180006\n');
      return Promise.resolve(title === 'find the nearest replica' ? `${near.join('\n')}\n` : '');
    },
    putFiles: () => Promise.resolve([]),
  });
  const recordStart = (_at: unknown, start: BackupStart): Promise<void> => Promise.resolve(void recorded.push(start));
  const fleet = {
    ssh: { host: ({ label }: { label: string }) => hostOf(label) },
    inventory: { backups: { recordStart } },
  } as unknown as Fleet;
  return [fleet, recorded];
}

const AWAY = new HoldfastError('HOST_UNREACHABLE', { host: 'orders/pg-3', detail: 'no answer in time' });
const REFUSED = new HoldfastError('HOST_LOGIN_REFUSED', { host: 'orders/pg-3', user: 'root' });

test.each([
  ['the replica that is least behind', ['pg-3', 'pg-2'], {}, 'pg-3', 'replica'],
  ['the next one, when that is away', ['pg-3', 'pg-2'], { 'pg-3': AWAY }, 'pg-2', 'replica'],
  ['the next one, when that lets nobody in', ['pg-3', 'pg-2'], { 'pg-3': REFUSED }, 'pg-2', 'replica'],
  ['the primary, when none is near', [], {}, 'pg-1', 'primary'],
  ['the primary, when the only near one is away', ['pg-3'], { 'pg-3': AWAY }, 'pg-1', 'primary'],
] as const)('a backup is taken from %s', async (_what, near, wrong, node, role) => {
  const [fleet, recorded] = fleetWith(near, wrong);
  const chosen = await chooseNode(fleet, AT, viewOf('ha-s'), { ...backup, node: null, nodeRole: null });
  expect([chosen.node.name, chosen.role]).toEqual([node, role]);
  expect(recorded).toEqual([{ node, role, version: '18.6', parameters: BACKUP_PARAMETERS }]);
});

type Follow = (signal: AbortSignal | undefined) => Promise<string>;
const STALLS: Follow = () =>
  Promise.reject(new HoldfastError('STEP_DEADLINE_EXCEEDED', { detail: 'nothing new for 900 s' }));
const LOST: Follow = () => Promise.reject(AWAY);
/** Until somebody ends it. */
const GOES_ON: Follow = (signal) =>
  new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(reasonOf(signal)), { once: true });
  });

/** Copies to two sites. @returns what was asked of the host for each of them, with what, and how it ended. */
async function copyWith(
  isFirst: boolean,
  follows: Readonly<Record<string, Follow>>,
): Promise<{ of: (site: string) => string[]; commands: readonly string[]; error: unknown }> {
  const asked: string[] = [];
  const commands: string[] = [];
  const run: Host['run'] = (command, { title = '', signal } = {}) => {
    asked.push(title);
    commands.push(command);
    const follow = Object.entries(follows).find(([site]) => title.includes(site))?.[1];
    if (title.startsWith('follow job') && follow) return follow(cancellation(signal));
    return Promise.resolve(title.startsWith('look at job') ? ENDED_WELL : 'exited\n');
  };
  const host: Host = { label: 'orders/pg-1', run, putFiles: () => Promise.resolve([]) };
  // Nothing else of a fleet is asked for.
  const inventory = {
    swaps: { forks: () => Promise.resolve([]) },
    operations: { recordProgress: () => Promise.resolve() },
  };
  const fleet = { ssh: { host: () => host }, inventory } as unknown as Fleet;
  const view = viewOf('sandbox');
  const chosen = { node: reachableNode(view, 'pg-1'), role: 'primary' } as const;
  const at = { ...AT, lane: isFirst ? 'cluster' : 'backup' } as const;
  const lineage = lineageOn(['primary', 'secondary']);
  const error: unknown = await copyToSites(fleet, at, view, { lineage, backup, chosen, isFirst }).catch(
    (e: unknown) => e,
  );
  const of = (site: string): string[] =>
    asked.filter((title) => title.includes(`backup-${site}`)).map((title) => title.split(' ')[0] ?? '');
  return { of, commands, error };
}

test('all sites get their copy at the same time', async () => {
  let begun: () => void = () => undefined;
  const secondary = new Promise<string>((resolve) => (begun = () => resolve('exited\n')));
  const follows = {
    primary: () => secondary,
    secondary: () => {
      begun();
      return Promise.resolve('exited\n');
    },
  };
  const { error, commands } = await copyWith(false, follows);
  expect(error).toBeUndefined();
  expect(commands.filter((command) => command.includes('Nice='))).toHaveLength(2);
});

test('a job that stalls is ended, and the other site gets its copy', async () => {
  const { of, error } = await copyWith(false, { primary: STALLS });
  expect(error).toMatchObject({ code: 'BACKUP_FAILED', values: { site: 'primary' } });
  expect(of('primary')).toEqual(['start', 'follow', 'stop', 'clean']);
  expect(of('secondary').slice(0, 2)).toEqual(['start', 'follow']);
});

test('when the host is lost to one, the other is followed no more: the next try finds both jobs', async () => {
  const { of, error } = await copyWith(false, { primary: LOST, secondary: GOES_ON });
  expect(error).toBe(AWAY);
  expect([of('primary'), of('secondary')]).toEqual([
    ['start', 'follow'],
    ['start', 'follow'],
  ]);
});

test('a cancel ends the jobs of all sites', async () => {
  const activity = new MockActivityEnvironment();
  let copied: ReturnType<typeof copyWith> | undefined;
  const ended = activity.run(() => (copied = copyWith(false, { primary: GOES_ON, secondary: GOES_ON })));
  await setImmediate();
  activity.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
  await ended;
  const { of, error } = (await copied) ?? {};
  expect(error).toBeInstanceOf(CancelledFailure);
  expect([of?.('primary'), of?.('secondary')]).toEqual([
    ['start', 'follow', 'stop'],
    ['start', 'follow', 'stop'],
  ]);
});

test('the first one of a new cluster goes to the first site that takes it', async () => {
  const well = await copyWith(true, {});
  expect([well.error, well.of('primary')[0], well.of('secondary')]).toEqual([undefined, 'start', []]);
  // Nobody uses the cluster yet.
  expect(well.commands.filter((command) => command.includes('Nice='))).toEqual([]);
  const other = await copyWith(true, { primary: STALLS });
  expect([other.error, other.of('secondary')[0]]).toEqual([undefined, 'start']);
  expect((await copyWith(true, { primary: STALLS, secondary: STALLS })).error).toMatchObject({ code: 'BACKUP_FAILED' });
});

describe('a backup whose primary was lost', () => {
  const view = viewOf('ha-s');
  const begun = { ...backup, node: 'pg-2', nodeRole: 'replica' } as const;

  /** A cluster of which that node is the primary; null: none is. */
  function fleetOf(primary: string | null): Fleet {
    const host = ({ label }: { label: string }): Host => ({
      label,
      run: (_command, { title = '' } = {}) =>
        title === 'wait for the primary' && !label.endsWith(`/${String(primary)}`)
          ? Promise.reject(new HoldfastError('HOST_COMMAND_FAILED', { title, host: label, exitCode: 124, output: '' }))
          : Promise.resolve(''),
      putFiles: () => Promise.resolve([]),
    });
    return { ssh: { host }, inventory: { backups: { recordStart: () => Promise.resolve() } } } as unknown as Fleet;
  }

  test('goes on where it was begun, and tells what that node has become', async () => {
    const chosen = await chooseNode(fleetOf('pg-2'), AT, view, begun);
    expect([chosen.node.name, chosen.role]).toEqual(['pg-2', 'primary']);
    expect((await chooseNode(fleetOf('pg-3'), AT, view, begun)).role).toBe('replica');
  });

  test('tries nothing while there is none', async () => {
    await expect(chooseNode(fleetOf(null), AT, view, begun)).rejects.toMatchObject({ code: 'NOT_YET' });
  });
});
