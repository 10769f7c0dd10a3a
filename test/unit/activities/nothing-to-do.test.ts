import type { Fleet } from '../../../activities/fleet';
import { createBackupActivities } from '../../../activities/pgbackrest/activities';
import { createHookActivities } from '../../../activities/pgbackrest/hooks';
import { createPolicyActivities } from '../../../activities/pgbackrest/policy';
import { createScheduleActivities } from '../../../activities/schedules/activities';
import { createSoftwareActivities } from '../../../activities/software/activities';
import type { BackupPolicy } from '../../../domain/backups';
import { lineageOn, POLICY } from '../../support/lineage';
import { stepIn, viewOf } from '../../support/view';

/** A step that has nothing to do says so in its progress: nobody shall read that a backup was taken where there is none. */

const AT = stepIn('cluster', 'step');

/** What the steps told, in order. */
let told: string[];
beforeEach(() => (told = []));

/** Of a cluster with that policy, which is changed to a pause of it. Whatever else a step would ask of it fails. */
function fleetWith(backups: BackupPolicy | null): Fleet {
  const view = viewOf('sandbox', { ...(backups && { backups }) });
  const { timeline } = lineageOn(['primary', 'secondary']);
  const inventory = {
    clusters: {
      get: () => Promise.resolve(view.cluster),
      getNetwork: () => Promise.resolve(view.network),
      setStatus: () => Promise.resolve(),
      setCondition: () => Promise.resolve(),
    },
    nodes: { list: () => Promise.resolve(view.nodes) },
    timelines: { current: () => Promise.resolve(backups && timeline), setSites: () => Promise.resolve() },
    policyChanges: { ofOperation: () => Promise.resolve({ before: POLICY, after: { ...POLICY, notify: [] } }) },
    backups: { ofOperation: () => Promise.resolve({ node: 'pg-1', scripts: [] }) },
    operations: {
      recordProgress: (_id: string, stepId: string, text: string) => {
        expect(stepId).toBe(AT.stepId);
        told.push(text);
        return Promise.resolve();
      },
    },
  };
  const schedules = { remove: () => Promise.resolve() };
  return { inventory, schedules, clouds: { docker: { name: 'docker' } } } as unknown as Fleet;
}

test('without backups no archive is opened, no backup taken or written down, and nothing is scheduled', async () => {
  const fleet = fleetWith(null);
  const backups = createBackupActivities(fleet);
  await backups.openLineage(AT);
  await backups.prepareStanza(AT);
  await backups.takeBackup(AT);
  await backups.recordBackups(AT);
  await backups.closeArchive(AT);
  const nothing = 'nothing to do, it has no backups';
  expect(told).toEqual(['nothing to open, it has no backups', nothing, nothing, nothing, nothing]);
  told = [];
  const schedules = createScheduleActivities(fleet);
  await schedules.scheduleBackups(AT);
  await schedules.unscheduleBackups(AT);
  expect(told).toEqual(['nothing to schedule, it has no backups', nothing]);
});

test('without a script none is run around a backup', async () => {
  const hooks = createHookActivities(fleetWith(POLICY));
  await hooks.runPreScript(AT);
  await hooks.runPostScript(AT);
  expect(told).toEqual(['nothing to do, there is no script', 'nothing to do, there is no script']);
});

test('a policy with the same sites makes no accounts, prepares no stores and deletes nothing', async () => {
  const policies = createPolicyActivities(fleetWith(POLICY));
  await policies.openNewSites(AT);
  await policies.tellHosts(AT);
  await policies.prepareNewStores(AT);
  await policies.leaveSites(AT);
  expect(told).toEqual([
    'nothing to do, no site is added',
    'nothing to do, nothing that hosts know changes',
    'nothing to do, no site is added',
    'nothing to do, it leaves no site',
  ]);
});

test('hosts that a cloud makes have the software', async () => {
  await createSoftwareActivities(fleetWith(null)).prepareHosts(AT);
  expect(told).toEqual(['nothing to do, its hosts come with it']);
});
