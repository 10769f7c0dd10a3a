import type { StepRef } from '../../domain/clusters';
import { WITHOUT_BACKUPS } from '../../domain/step-words';
import type { NodeName } from '../../domain/topology';
import { hostToken } from '../cloud/tokens';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { openNode, reachableNode, viewCluster } from '../fleet';
import { tellDataNodes } from '../pgbackrest/data-nodes';
import { currentLineage } from '../pgbackrest/lineage';
import { endpointOf } from '../postgres/endpoint';
import { findPrimaryBeside } from '../postgres/psql';
import { hostState } from '../power/there';
import { tellNothing } from '../progress';
import { demandAway, demandOthers, demandReplaceable, demandSpare } from './demands';
import { deleteFormerHost, formerHostOf, hasFormerHost } from './former';
import { handOver } from './hand-over';
import { demandCopies } from './last-copy';
import { tellAddress } from './tell-address';

/** A node gets a fresh host, and keeps its name. */
export interface ReplacementActivities {
  /**
   * Sees that the cluster can do without the node, and that one which the autopilot gave up does not answer after all; writes down which host it
   * has. Changes nothing else. Idempotent. Retry: `remote`.
   * @throws NO_QUORUM_LEFT, NODE_BACK; CLOUD_REFUSED for a machine of the user's that cannot be given back.
   */
  checkOthers(at: StepRef, node: NodeName): Promise<void>;
  /**
   * Makes another data node the primary where it is this one, as a switchover does. Idempotent by who is the primary. Retry: `remote`.
   * Effects: as {@link SwitchoverActivities.switchOver}. Undo: none. @throws SWITCHOVER_FAILED: the cluster serves as before.
   */
  handOver(at: StepRef, node: NodeName): Promise<void>;
  /**
   * Switches the former host off, and returns when that is sure. A user's machine is not: taking off its software stops all of it. Idempotent;
   * leaves a fresh host alone. Retry: `remote`. Effects: of a data node no failover begins until it votes in etcd again. Undo: none.
   * @throws NO_QUORUM_LEFT, NODE_BACK, NODE_IS_PRIMARY, NOT_YET where what was so at the beginning is not any more.
   */
  fenceHost(at: StepRef, node: NodeName): Promise<void>;
  /**
   * Deletes the former host, its volume, and the keys that were its own; gives a user's machine back without its software. Idempotent;
   * leaves a fresh host alone. Retry: `long`. Undo: none.
   * @throws as {@link demandCopies}: the others must have what it has.
   */
  deleteFormerHost(at: StepRef, node: NodeName): Promise<void>;
  /**
   * Tells the other nodes where it is, in case it is elsewhere than before. Nothing is restarted. Those that are away learn it when they
   * are replaced themselves. Idempotent. Retry: `remote`. Effects: files that services read anew. Undo: none.
   */
  tellAddress(at: StepRef, node: NodeName): Promise<void>;
  /**
   * Tells all data nodes of the stores and of one another; others may be away. Idempotent. Retry: `remote`. Effects: files and services for
   * backups. Undo: none.
   */
  tellOfBackups(at: StepRef, node: NodeName): Promise<void>;
  /** Shows the endpoint as it is now, and that all nodes serve. Idempotent. Retry: `quick`. Effects: the cluster's status. Undo: none. */
  declareReplaced(at: StepRef, node: NodeName): Promise<void>;
}

export function createReplacementActivities(fleet: Fleet): ReplacementActivities {
  const { operations, replacements, clusters } = fleet.inventory;
  return {
    async checkOthers(at, name) {
      await operations.recordFormerHost(at);
      const view = await viewCluster(fleet, at.clusterId);
      const node = reachableNode(view, name);
      await demandReplaceable(view, node);
      await demandGivenUp(fleet, at, view, node);
    },

    handOver: async (at, name) => handOver(fleet, at, await viewCluster(fleet, at.clusterId), name),

    fenceHost: (at, name) => fenceHost(fleet, at, name),

    deleteFormerHost: async (at, name) => {
      const { view, node } = await openNode(fleet, at, name);
      if (!(await hasFormerHost(fleet, at, node))) return;
      await demandCopies(fleet, at, view, node);
      await deleteFormerHost(fleet, at, view, node);
    },

    async tellAddress(at, name) {
      const { view, node } = await openNode(fleet, at, name);
      const { privateAddress } = await formerHostOf(fleet, at);
      if (privateAddress === node.privateAddress) return tellNothing(fleet, at, 'its address is the same');
      await tellAddress(fleet, at, view, node);
    },

    async tellOfBackups(at, name) {
      const view = await viewCluster(fleet, at.clusterId);
      const lineage = await currentLineage(fleet, view);
      if (!lineage) return tellNothing(fleet, at, WITHOUT_BACKUPS);
      // One that was lost again is told when it is replaced once more.
      const isLost = (await hostState(view, { name })) !== 'on';
      await tellDataNodes(fleet, at, { view, lineage }, (other) => isLost || other !== name);
    },

    async declareReplaced(at, name) {
      await clusters.setStatus(at, { endpoint: endpointOf(await viewCluster(fleet, at.clusterId)) });
      await replacements.end(at, name);
    },
  };
}

async function fenceHost(fleet: Fleet, at: StepRef, name: NodeName): Promise<void> {
  const { view, node } = await openNode(fleet, at, name);
  if (!(await hasFormerHost(fleet, at, node))) return;
  const token = hostToken(view.cluster, name);
  const host = await view.cloud.findHost(token);
  // What was so when the operation began may not be any more. One that is off already serves nobody.
  if (host?.running) {
    if (node.role === 'data') await findPrimaryBeside(fleet, view, name);
    await demandGivenUp(fleet, at, view, node);
  }
  if (node.role === 'data') await fleet.inventory.replacements.beginAbsence(at);
  if (view.cloud.machines) return tellNothing(fleet, at, 'it stops when its software is taken off');
  if (host) await view.cloud.powerOff(token);
}

async function demandGivenUp(fleet: Fleet, at: StepRef, view: ClusterView, node: ReachableNode): Promise<void> {
  await demandOthers(fleet, view, node);
  // The copy of one that is off is kept until it is about to be deleted.
  const host = node.role === 'data' && (await view.cloud.findHost(hostToken(view.cluster, node.name)));
  if (host && host.running) await demandSpare(fleet, view, node);
  await demandAway(fleet, at, view, node);
}
