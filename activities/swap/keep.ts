import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { KEPT_HOURS } from '../../domain/swaps';
import type { Swap } from '../../domain/swaps';
import type { ClusterView, Fleet } from '../fleet';
import { dataNodesOf, fencedHostOf, hostOf, reachableNode, viewCluster } from '../fleet';
import { sh } from '../host/shell';
import { ASIDE_CONFIG_FILE } from '../pgbackrest/config';
import { endOfLog } from '../pgbackrest/window';
import type { RemovedThings } from '../remove-each';
import { removeEach } from '../remove-each';
import { removeAside } from './aside';
import { lookAtData } from './exchange';
import { keptData, keptFolder } from './places';
import type { Places } from './places';
import { sizeOfFolder } from './room';

/** What stays of the old data, where, and how it goes. */

const REMOVE_TIMEOUT_MS = 300_000;

/** The primary's old data stays; that of the replicas goes, and all that was needed to make the new. Idempotent. */
export async function keepOldData(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  swap: Swap,
  places: Places,
): Promise<void> {
  const node = reachableNode(view, swap.keptOn ?? 'pg-1');
  await each(dataNodesOf(view), async (one) => {
    const host = fencedHostOf(fleet, at, view, one);
    await removeAside(host, at, places, ASIDE_CONFIG_FILE);
    if (one.name !== node.name)
      await host.run(sh`rm -rf ${places.kept}`, { title: 'delete the old data', timeoutMs: REMOVE_TIMEOUT_MS });
  });
  const data = keptData(swap.operationId);
  const { segment } = await lookAtData(fencedHostOf(fleet, at, view, node), places, data);
  const end = await endOfLog(view, hostOf(fleet, view, node), swap.timelineId, { segment, data });
  await fleet.inventory.swaps.keep(at, {
    bytes: await sizeOfFolder(fleet, view, node, data),
    lastCommitAt: end.at && rounded(end.at),
    lastCommitLsn: end.commitLsn,
    hours: KEPT_HOURS,
  });
  await removeReleased(fleet, await fleet.inventory.swaps.left(at.clusterId));
}

/** What is known to the millisecond only must not seem to come before what it tells of. */
const rounded = (time: string): string => new Date(Date.parse(time) + 1).toISOString();

/** Deletes old data that was let go. Each on its own. */
export const removeReleased = (fleet: Fleet, swaps: readonly Swap[]): Promise<RemovedThings> =>
  removeEach(
    swaps,
    ({ operationId }) => operationId,
    (swap) => remove(fleet, swap),
  );

async function remove(fleet: Fleet, { clusterId, operationId, keptOn }: Swap): Promise<void> {
  const view = await viewCluster(fleet, clusterId);
  const node = view.nodes.find(({ name }) => name === keptOn);
  if (node)
    await hostOf(fleet, view, reachableNode(view, node.name)).run(sh`rm -rf ${keptFolder(operationId)}`, {
      title: 'delete the old data',
      timeoutMs: REMOVE_TIMEOUT_MS,
    });
  await fleet.inventory.swaps.markRemoved(operationId);
}
