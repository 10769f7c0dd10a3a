import type { StepRef } from '../../domain/clusters';
import { KEPT_HOURS } from '../../domain/swaps';
import type { Swap } from '../../domain/swaps';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { fencedHostOf, hostOf, reachableNode, viewCluster } from '../fleet';
import { sh } from '../host/shell';
import type { FoundOldData } from '../inventory/swap-table';
import { ASIDE_FILES } from '../pgbackrest/files';
import { endOfLog } from '../pgbackrest/window';
import type { RemovedThings } from '../remove-each';
import { removeEach } from '../remove-each';
import { removeAside } from './aside';
import { onNodesThere } from './away';
import { lookAtData } from '../patroni/last-primary';
import { keptData, keptFolder } from './places';
import type { Places } from './places';
import { sizeOfFolder } from './room';

/** What stays of the old data, where, and how it goes. */

const REMOVE_TIMEOUT_MS = 300_000;

/** The primary's old data stays; that of the replicas goes, and all that was needed to make the new, where nodes answer. Idempotent. */
export async function keepOldData(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  swap: Swap,
  places: Places,
): Promise<void> {
  const { swaps } = fleet.inventory;
  await onNodesThere(fleet, at, view, null, (node) => clearOn(fleet, at, view, node, { swap, places }));
  const name = keptOnOf(swap);
  // It is found there when that node is brought in.
  if ((await swaps.away(at.operationId)).includes(name)) return;
  await swaps.keep(at, await findOldData(fleet, view, reachableNode(view, name), { swap, places }));
  await removeReleased(fleet, await swaps.left(at.clusterId));
}

export const keptOnOf = ({ keptOn }: Swap): NodeName => keptOn ?? 'pg-1';

interface Left {
  readonly swap: Swap;
  readonly places: Places;
}

/** Removes from a node what is beside the data, but the old data that is to stay. Idempotent. */
export async function clearOn(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  node: ReachableNode,
  { swap, places }: Left,
): Promise<void> {
  const host = fencedHostOf(fleet, at, view, node);
  await removeAside(host, at, places, ASIDE_FILES);
  if (node.name !== keptOnOf(swap))
    await host.run(sh`rm -rf ${places.kept}`, { title: 'delete the old data', timeoutMs: REMOVE_TIMEOUT_MS });
}

/** How large the old data is, and where it ends. */
export async function findOldData(
  fleet: Fleet,
  view: ClusterView,
  node: ReachableNode,
  { swap, places }: Left,
): Promise<FoundOldData> {
  const data = keptData(swap.operationId);
  const host = hostOf(fleet, view, node);
  const { segment } = await lookAtData(host, places, data);
  const end = await endOfLog(view, host, swap.timelineId, { segment, data });
  return {
    bytes: await sizeOfFolder(fleet, view, node, data),
    lastCommitAt: end.at && rounded(end.at),
    lastCommitLsn: end.commitLsn,
    hours: KEPT_HOURS,
  };
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
