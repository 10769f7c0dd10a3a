import type { ConditionType } from '../../domain/clusters';
import type { ClusterDetailAnswer } from '../../domain/schemas/clusters';
import { untilSuccess } from '../support/eventually';
import type { OwnInstallation } from '../support/own-installation';
import type { HaCluster } from '../system/support/ha-cluster';
import { demandWhole, lookAt } from '../system/support/ha-cluster';

/** All of a cluster is well: by a look at its hosts, and by what the control plane says of it. */

/** Told of each cluster that has been looked at. */
const TOLD = ['StandbysStream', 'EtcdWhole', 'GatewaysServe'] as const satisfies readonly ConditionType[];
/** Told where there is something to say. */
const NOT_FALSE: readonly string[] = [...TOLD, 'PrimaryServes', 'NodesServe', 'NodesPresent', 'DiskSpace', 'Archiving'];
const WELL: readonly unknown[] = ['primary', 'replica', 'open'];

/** What the control plane says that is not well, a sentence each: of nodes, of conditions, and that it works on the cluster. */
export function findIll({ nodes, status }: Pick<ClusterDetailAnswer, 'nodes' | 'status'>, busy: boolean): string[] {
  const { conditions } = status;
  return [
    ...nodes.filter(({ state }) => !WELL.includes(state)).map(({ name, state }) => `${name} is ${state}`),
    ...TOLD.filter((wanted) => !conditions.some(({ type }) => type === wanted)).map((type) => `${type} is not told`),
    ...conditions
      .filter((one) => NOT_FALSE.includes(one.type) && !one.status)
      .map(({ type, reason, message }) => `${type} is ${reason}: ${message}`),
    ...(busy ? ['an operation works on it'] : []),
  ];
}

/**
 * Waits until all of it is well. Conditions may be some seconds old, so the hosts are looked at, too; they may have been replaced
 * meanwhile.
 *
 * @returns the cluster as it is then. @throws Error that says what was not well last.
 */
export function untilAllWell(
  { holdfast, id, provision }: HaCluster<OwnInstallation>,
  limitMs: number,
): Promise<HaCluster<OwnInstallation>> {
  return untilSuccess(
    async () => {
      const ready = await holdfast.fleet.inventory.watching.listReady();
      const ha = await lookAt(holdfast, provision);
      const ill = findIll(ha.cluster, ready.find(({ clusterId }) => clusterId === id)?.busy ?? true);
      if (ill.length > 0) throw new Error(ill.join('; '));
      await demandWhole(ha);
      return ha;
    },
    { everyMs: 500, limitMs },
  );
}
