import type { BackupPolicy } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf, viewCluster } from '../fleet';
import { isOutOfReach } from '../host/errors';
import { startServices } from '../host/services';
import { forgetOtherSites } from './archive-push';
import type { Lineage } from './config';
import { backupFiles } from './files';
import { goneHooks } from './hook-files';
import { currentLineage } from './lineage';
import { startOwnBackups } from './own-backups';

/** A cluster with the lineage that it archives into, as both were when they were read. */
export interface Told {
  readonly view: ClusterView;
  readonly lineage: Lineage;
}

/**
 * Has every data node know its stores and, where there are several, one another. Idempotent; restarts no PostgreSQL.
 *
 * A backup and a change of the policy run beside each other, and both write these files: whoever has written them looks
 * again whether they are what they should be by then.
 *
 * @param mayBeAway true for a node that can be left out at the moment; default: none.
 * @returns what the nodes know now.
 */
export async function tellDataNodes(
  fleet: Fleet,
  at: StepRef,
  told: Told,
  mayBeAway: (name: NodeName) => boolean = () => false,
): Promise<Told> {
  await tell(fleet, at, told, mayBeAway);
  const view = await viewCluster(fleet, at.clusterId);
  const lineage = await currentLineage(fleet, view);
  if (!lineage || wordsOf({ view, lineage }) === wordsOf(told)) return told;
  return tellDataNodes(fleet, at, { view, lineage }, mayBeAway);
}

/** What of the inventory goes into the files. */
const wordsOf = ({ view, lineage }: Told): string =>
  JSON.stringify([lineage.repositories, view.cluster.spec.backups && policyOfHosts(view.cluster.spec.backups)]);

/** What of a policy its hosts know. */
export const policyOfHosts = ({
  schedule,
  timeZone,
  paused,
  retention,
  hooks,
}: BackupPolicy): Partial<BackupPolicy> => ({
  ...{ schedule, timeZone, paused, retention, hooks },
});

async function tell(
  fleet: Fleet,
  at: StepRef,
  { view, lineage }: Told,
  mayBeAway: (name: NodeName) => boolean,
): Promise<void> {
  const nodes = dataNodesOf(view);
  const { backups: policy } = view.cluster.spec;
  const tellOne = async (node: ReachableNode): Promise<void> => {
    const host = fencedHostOf(fleet, at, view, node);
    const files = await backupFiles(fleet, view, node, lineage);
    if (nodes.length === 1) await host.putFiles(files);
    else await startServices(host, { pgbackrest: files });
    await forgetOtherSites(host, lineage);
    await startOwnBackups(host, policy ? goneHooks(policy) : []);
  };
  await each(nodes, (node) =>
    tellOne(node).catch((error: unknown) => {
      if (!isOutOfReach(error) || !mayBeAway(node.name)) throw error;
    }),
  );
}
