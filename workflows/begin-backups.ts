import { execute } from './operation';
import type { OperationInput } from '../domain/operations';
import type { OperationOutcome } from './operation';
import { backups, patroni, policies, schedules } from './proxies';
import type { RunbookOf } from './runbook';
import { pointOfNoReturn, step } from './runbook';

/**
 * A cluster that has no backups gets them. The policy was written down with the order; here the cluster follows. PostgreSQL is
 * not restarted and serves all the time: it archives into nothing before. The first backup is an operation of its own, as that
 * of a new cluster: it runs the scripts of the policy, and what ends badly is tried again when the next one is due.
 */
export const beginBackupsRunbook: RunbookOf = () => [
  step('open the archive', (at) => backups.openLineage(at), {
    undo: async (at) => {
      await policies.putBackPolicy(at);
      await backups.closeLineage(at);
    },
  }),
  step('tell the hosts', (at) => policies.tellHosts(at), { undo: (at) => policies.untellHosts(at) }),
  step('prepare the stores', (at) => policies.prepareNewStores(at)),
  step('have PostgreSQL archive', (at) => patroni.beginArchiving(at), { undo: (at) => patroni.endArchiving(at) }),
  pointOfNoReturn,
  step('schedule its backups and take the first one', (at) => schedules.scheduleBackups(at)),
];

export async function beginBackups(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, beginBackupsRunbook(input));
}
