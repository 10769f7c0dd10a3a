import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { policies, policySites, schedules } from './proxies';
import type { RunbookOf } from './runbook';
import { pointOfNoReturn, step } from './runbook';

/** Another policy of backups. It was written down with the order; here the cluster follows. PostgreSQL goes on all the time. */
export const configureBackupsRunbook: RunbookOf = () => [
  step('give its sites the new accounts', (at) => policySites.openNewSites(at), {
    undo: async (at) => {
      await policies.putBackPolicy(at);
      await policies.tellHosts(at);
      await schedules.scheduleBackups(at);
      await policies.closeNewSites(at);
    },
  }),
  step('tell the hosts', (at) => policies.tellHosts(at)),
  step('prepare the stores', (at) => policies.prepareNewStores(at)),
  step('schedule its backups', (at) => schedules.scheduleBackups(at)),
  pointOfNoReturn,
  step('delete what it has on sites that it leaves', (at) => policies.leaveSites(at)),
];

export async function configureBackups(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, configureBackupsRunbook(input));
}
