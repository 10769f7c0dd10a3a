import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { tellsAbsence } from '../../domain/errors';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf } from '../fleet';
import { startServices } from '../host/services';
import type { Lineage } from './config';
import { backupFiles } from './files';

/**
 * Has every data node know its stores and, where there are several, one another. Idempotent; restarts no PostgreSQL.
 *
 * @param mayBeAway true for a node that can be left out at the moment; default: none.
 */
export async function tellDataNodes(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  lineage: Lineage,
  mayBeAway: (name: NodeName) => boolean = () => false,
): Promise<void> {
  const nodes = dataNodesOf(view);
  const tell = async (node: ReachableNode): Promise<void> => {
    const host = fencedHostOf(fleet, at, view, node);
    const files = await backupFiles(fleet, view, node, lineage);
    if (nodes.length === 1) await host.putFiles(files);
    else await startServices(host, { pgbackrest: files });
  };
  await each(nodes, (node) =>
    tell(node).catch((error: unknown) => {
      if (!tellsAbsence(error) || !mayBeAway(node.name)) throw error;
    }),
  );
}
