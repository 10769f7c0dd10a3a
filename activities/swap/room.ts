import type { StepRef } from '../../domain/clusters';
import { DISK_LADDER } from '../../domain/disk-ladder';
import { each } from '../../domain/each';
import { HoldfastError } from '../../domain/errors';
import { formatStorageSize } from '../../domain/storage-size';
import type { Swap } from '../../domain/swaps';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, hostOf } from '../fleet';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { DATA_FOLDER } from '../postgres/paths';
import { findPrimary } from '../postgres/psql';

/** Whether there is room for the new data beside the old, and where it is made. */

const MIB = 1024 ** 2;
/** What comes with the data: its log, and what the old goes on to write meanwhile. */
const SPARE = { share: 0.1, bytes: 256 * MIB } as const;

/** Both together must not fill a volume so far that its host begins to act: docs/disk.md. */
const spareBytes = ({ cluster }: ClusterView): number =>
  Math.max(SPARE.bytes, Math.ceil(cluster.spec.storageBytes * (1 - DISK_LADDER.nearlyFull)));

/** @throws NOT_ENOUGH_SPACE with figures, HOST_UNREACHABLE when a data node is away. */
export async function requireRoom(fleet: Fleet, view: ClusterView, swap: Swap): Promise<void> {
  const bytes = await sizeOf(fleet, view, swap);
  const spare = spareBytes(view);
  const needed = Math.ceil(bytes * (1 + SPARE.share)) + spare;
  const source = swap.undoes === null ? null : await nodeFor(fleet, view, swap);
  await each(dataNodesOf(view), async (node) => {
    const isShared = node.name === source && (await sharesBlocks(hostOf(fleet, view, node)));
    await requireFree(fleet, view, node, isShared ? spare : needed);
  });
}

const SHARES = `file=$(mktemp -p "$1") && echo shared >"$file" || exit
if cp --reflink=always "$file" "$file.copy" 2>/dev/null; then echo yes; else echo no; fi
rm -f "$file" "$file.copy"`;

/** A copy of what lies there takes no room of its own, as on XFS. */
async function sharesBlocks(host: Host): Promise<boolean> {
  const said = await host.run(sh`sh -c ${SHARES} sh ${DATA_FOLDER}`, { title: 'see whether a copy takes room' });
  return said.trim() === 'yes';
}

/** Of the data that is to come, as far as it can be known. */
async function sizeOf(fleet: Fleet, view: ClusterView, swap: Swap): Promise<number> {
  const { backups, swaps } = fleet.inventory;
  if (swap.undoes !== null) return (await swaps.ofOperation(swap.undoes)).keptBytes ?? 0;
  const { projectId, id: clusterId } = view.cluster;
  const known = await backups.list(projectId, { limit: 100, clusterId });
  return Math.max(0, ...known.map(({ databaseBytes }) => databaseBytes ?? 0));
}

async function requireFree(fleet: Fleet, view: ClusterView, node: ReachableNode, needed: number): Promise<void> {
  const host = hostOf(fleet, view, node);
  const shown = await host.run(sh`df -B1 --output=avail ${DATA_FOLDER}`, { title: 'see how much room there is' });
  const free = Number(shown.trim().split('\n').at(-1));
  if (free >= needed) return;
  const [wanted, left] = [needed, free].map((bytes) => formatStorageSize(Math.floor(bytes / MIB) * MIB));
  throw new HoldfastError('NOT_ENOUGH_SPACE', { host: host.label, needed: wanted ?? '', free: left ?? '' });
}

/**
 * Where the new data is made: where the old lies that is put back, else on a replica, so that the primary is not slowed down.
 * Once chosen it stays.
 */
export async function chooseNode(fleet: Fleet, at: StepRef, view: ClusterView, swap: Swap): Promise<void> {
  if (swap.node !== null) return;
  await fleet.inventory.swaps.note(at, { node: await nodeFor(fleet, view, swap) });
}

async function nodeFor(fleet: Fleet, view: ClusterView, swap: Swap): Promise<NodeName> {
  const primary = await findPrimary(fleet, view);
  if (swap.undoes === null) return dataNodesOf(view).find(({ name }) => name !== primary.name)?.name ?? primary.name;
  return (await fleet.inventory.swaps.ofOperation(swap.undoes)).keptOn ?? primary.name;
}

/** In bytes. */
export async function sizeOfFolder(
  fleet: Fleet,
  view: ClusterView,
  node: ReachableNode,
  folder: string,
): Promise<number> {
  const shown = await hostOf(fleet, view, node).run(sh`du -s -B1 ${folder}`, {
    title: 'see how large the old data is',
  });
  return Number(shown.split('\t')[0]);
}
