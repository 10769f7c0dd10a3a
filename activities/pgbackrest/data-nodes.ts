import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import type { ClusterView, Fleet } from '../fleet';
import { dataNodesOf, fencedHostOf } from '../fleet';
import { startServices } from '../host/services';
import type { Lineage } from './config';
import { backupFiles } from './files';

/** Has every data node know its stores and, where there are several, one another. Idempotent; restarts no PostgreSQL. */
export async function tellDataNodes(fleet: Fleet, at: StepRef, view: ClusterView, lineage: Lineage): Promise<void> {
  const nodes = dataNodesOf(view);
  await each(nodes, async (node) => {
    const host = fencedHostOf(fleet, at, view, node);
    const files = await backupFiles(fleet, view, node, lineage);
    if (nodes.length === 1) await host.putFiles(files);
    else await startServices(host, { pgbackrest: files });
  });
}
