import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf, gatewaysOf } from '../fleet';
import { gatewayServices } from '../gateway/activities';
import { unlessOutOfReach } from '../host/errors';
import { reloadService } from '../host/services';
import { archiveOf } from '../pgbackrest/archive';
import { patroniFiles } from '../patroni/files';

/** See ReplacementActivities.tellAddress. Who lets whom in, and who leads where, goes by addresses. */
export async function tellAddress(fleet: Fleet, at: StepRef, view: ClusterView, moved: ReachableNode): Promise<void> {
  const backups = await archiveOf(fleet, view);
  await each(others(dataNodesOf(view), moved), async (node) => {
    const files = await patroniFiles(fleet, view, node, backups);
    await reloadService(fencedHostOf(fleet, at, view, node), 'patroni', files).catch(unlessOutOfReach);
  });
  await each(others(gatewaysOf(view), moved), (node) => tellGateway(fleet, at, view, node).catch(unlessOutOfReach));
}

const others = (nodes: readonly ReachableNode[], { name }: ReachableNode): ReachableNode[] =>
  nodes.filter((node) => node.name !== name);

/** PgBouncer knows no address but its own HAProxy's. */
async function tellGateway(fleet: Fleet, at: StepRef, view: ClusterView, node: ReachableNode): Promise<void> {
  const host = fencedHostOf(fleet, at, view, node);
  const services = await gatewayServices(fleet, view, node, host);
  for (const service of ['haproxy', 'keepalived'])
    if (services[service]) await reloadService(host, service, services[service]);
}
