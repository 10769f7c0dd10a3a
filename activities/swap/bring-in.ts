import type { StepRef } from '../../domain/clusters';
import type { Swap } from '../../domain/swaps';
import type { NodeName } from '../../domain/topology';
import type { Fleet } from '../fleet';
import { dataNodesOf, fencedHostOf, viewCluster } from '../fleet';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import type { RemovedThings } from '../remove-each';
import { removeEach } from '../remove-each';
import { startOn } from '../patroni/halt';
import { exchangeOn } from './exchange';
import { clearOn, findOldData, keptOnOf } from './keep';
import { placesOf } from './places';
import type { Places } from './places';

/** Nodes that were away when the data of their clusters was exchanged get the new data, and follow. Each on its own. */
export async function bringInNodes(fleet: Fleet): Promise<RemovedThings> {
  const swaps = await fleet.inventory.swaps.listWithNodesAway();
  const left = swaps.flatMap((swap) => swap.away.map((name) => ({ swap, name })));
  return removeEach(
    left,
    ({ swap, name }) => `${swap.operationId} ${name}`,
    ({ swap, name }) => bringIn(fleet, swap, name),
  );
}

/* Its data was exchanged, and it has come back by itself since: it may be the primary. */
const SERVES = `if [ ! -e "$1" ] && systemctl is-active --quiet patroni; then echo yes; else echo no; fi`;

async function serves(host: Host, { data }: Places): Promise<boolean> {
  const said = await host.run(sh`sh -c ${SERVES} sh ${data}`, { title: 'see whether PostgreSQL runs on the new data' });
  return said.trim() === 'yes';
}

/** As the operation would have done it: a newer one that has worked on the host refuses it. @throws HOST_UNREACHABLE: it is away still. */
async function bringIn(fleet: Fleet, swap: Swap, name: NodeName): Promise<void> {
  const { swaps, operations } = fleet.inventory;
  const { operationId, clusterId } = swap;
  const { generation } = await operations.requireInput(operationId);
  const at: StepRef = { clusterId, operationId, lane: 'cluster', generation, stepId: 'bring-in' };
  const view = await viewCluster(fleet, clusterId);
  const node = dataNodesOf(view).find((one) => one.name === name);
  if (!node) return swaps.noteBack(swap, name);
  const places = placesOf(view.cluster.spec.version, operationId);
  const host = fencedHostOf(fleet, at, view, node);
  if (!(await serves(host, places))) await exchangeOn(host, places);
  await clearOn(fleet, at, view, node, { swap, places });
  if (name === keptOnOf(swap))
    await swaps.keepLater(operationId, await findOldData(fleet, view, node, { swap, places }));
  await startOn(host);
  await swaps.noteBack(swap, name);
}
