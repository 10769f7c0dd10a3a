import type { StepRef } from '../../domain/clusters';
import type { NodeName } from '../../domain/topology';
import type { Fleet } from '../fleet';
import { dataNodesOf, openNode } from '../fleet';
import { hasFormerHost } from '../replacement/former';
import { onFreshHost } from '../replacement/fresh-host';
import { demandCopies } from '../replacement/last-copy';
import { memberOf } from './config';
import { joinAgain, startEtcd } from './join-again';
import { besideIt, removeMembers } from './members';

export interface EtcdActivities {
  /**
   * Starts the member of a new etcd cluster on a data node and returns when the cluster has a quorum.
   * Idempotent: files that are as they should be stay, a member that runs is left alone. Retry: `remote`.
   * Effects: certificates, configuration and service on the host. Undo: deleteHost.
   */
  joinEtcd(at: StepRef, node: NodeName): Promise<void>;
  /**
   * Takes the member of a host that is off out of etcd, by way of another data node: the others decide without it from then on.
   * Idempotent by name and address; nothing to do once the node has its fresh host. Retry: `remote`. Effects: the list of members.
   * Undo: none; {@link EtcdActivities.joinEtcdAgain}. @throws NOT_YET while the others lack what its volume has.
   */
  leaveEtcd(at: StepRef, node: NodeName): Promise<void>;
  /**
   * Adds a fresh host to etcd as a learner, which holds up nobody, starts it, and gives it a vote when it has caught up.
   * Idempotent: a member with this address is found, not added again. Retry: `remote`. Effects: the list of members; certificates,
   * configuration and service on the host; failovers of the cluster may begin again; those of {@link onFreshHost}. Undo: none.
   * @throws HOST_COMMAND_FAILED, NOT_YET (retryable) while it has not caught up.
   */
  joinEtcdAgain(at: StepRef, node: NodeName): Promise<void>;
}

export function createEtcdActivities(fleet: Fleet): EtcdActivities {
  return {
    async joinEtcd(at, name) {
      const opened = await openNode(fleet, at, name);
      await startEtcd(fleet, opened, dataNodesOf(opened.view).map(memberOf), 'new');
    },

    async leaveEtcd(at, name) {
      const { view, node } = await openNode(fleet, at, name);
      if (!(await hasFormerHost(fleet, at, node))) return;
      // As long as it is a member, its host can be switched on again and help the others to choose a primary.
      await demandCopies(fleet, at, view, node);
      await besideIt(fleet, at, view, name, (host) => removeMembers(host, memberOf(node)));
    },

    joinEtcdAgain: (at, name) => onFreshHost(fleet, at, name, () => joinAgain(fleet, at, name)),
  };
}
