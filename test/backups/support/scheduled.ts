import type { ClusterId } from '../../../domain/ids';
import { isId } from '../../../domain/ids';
import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { ask, POLL } from './user';

/** What the Schedules of a cluster begin, without waiting for their hour. */

/** Changes the policy of backups, as a user does. */
export async function setPolicy(holdfast: Holdfast, cluster: string, policy: object): Promise<void> {
  const { id } = await ask(holdfast, 'PATCH', `/v1/clusters/${cluster}/backup-policy`, policy);
  await holdfast.succeed(id);
}

/**
 * Lets a Schedule of a cluster run now.
 *
 * @param scheduleId of the Schedule.
 * @param list what the Schedule adds one to.
 * @returns that one.
 */
export async function trigger<T extends { readonly id: string }>(
  holdfast: Holdfast,
  cluster: string,
  scheduleId: (cluster: ClusterId) => string,
  list: (holdfast: Holdfast, cluster: string) => Promise<readonly T[]>,
): Promise<T> {
  const known = (await list(holdfast, cluster)).map(({ id }) => id);
  const { id } = await holdfast.cluster(cluster);
  if (!isId('clu', id)) throw new Error(id);
  await holdfast.temporal.schedule.getHandle(scheduleId(id)).trigger();
  return eventually(async () => (await list(holdfast, cluster)).find((one) => !known.includes(one.id)), POLL);
}
