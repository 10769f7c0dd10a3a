import type { Fleet } from '../../../../activities/fleet';
import { reachableNode } from '../../../../activities/fleet';
import type { Host } from '../../../../activities/host/host';
import { copyToSites } from '../../../../activities/pgbackrest/take';
import type { Backup } from '../../../../domain/backups';
import { HoldfastError } from '../../../../domain/errors';
import { lineageOn } from '../../../support/lineage';
import { viewOf } from '../../../support/view';

/** What becomes of the other sites when one gets on no more: nobody waits a quarter of an hour for that in a test. */

const AT = {
  clusterId: 'clu_0000000000000000000000000a',
  operationId: 'op_0000000000000000000000000a',
  lane: 'backup',
  generation: 1,
  stepId: 'copy',
} as const;

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
  node: 'pg-1',
  nodeRole: 'primary',
  version: '18',
  tool: null,
  databaseBytes: null,
  error: null,
  startedAt: '2026-11-20T01:00:00.000Z',
  finishedAt: null,
  copies: [],
};

test('a job that stalls is ended, and the next site gets its copy', async () => {
  const asked: string[] = [];
  const run: Host['run'] = (_command, { title = '' } = {}) => {
    asked.push(title.replace(AT.operationId, 'op'));
    if (title.startsWith('follow job') && title.includes('primary'))
      return Promise.reject(new HoldfastError('STEP_DEADLINE_EXCEEDED', { detail: 'nothing new for 900 s' }));
    return Promise.resolve(title.startsWith('look at job') ? ENDED_WELL : 'exited\n');
  };
  const host: Host = { label: 'orders/pg-1', run, putFiles: () => Promise.resolve([]) };
  // Nothing else of a fleet is asked for.
  const fleet = { ssh: { host: () => host } } as unknown as Fleet;
  const view = viewOf('sandbox');
  const chosen = { node: reachableNode(view, 'pg-1'), role: 'primary' } as const;
  const copied = copyToSites(fleet, AT, view, { lineage: lineageOn(['primary', 'secondary']), backup, chosen });
  await expect(copied).rejects.toMatchObject({ code: 'BACKUP_FAILED', values: { site: 'primary' } });
  const of = (site: string): string[] =>
    asked.filter((title) => title.includes(`backup-${site}`)).map((title) => title.split(' ')[0] ?? '');
  expect(of('primary')).toEqual(['start', 'follow', 'stop', 'clean']);
  expect(of('secondary').slice(0, 2)).toEqual(['start', 'follow']);
});
