import type { StepRef } from '../../domain/clusters';
import type { NodeName } from '../../domain/topology';
import type { Fleet } from '../fleet';
import { dataNodesOf, openNode } from '../fleet';
import { rootFile, startServices } from '../host/services';
import { tlsFiles } from '../secrets/node-certificate';
import { ETCD_ENVIRONMENT_FILE, etcdEnvironment } from './config';

export interface EtcdActivities {
  /**
   * Starts the member of a new etcd cluster on a data node and returns when the cluster has a quorum.
   * Idempotent: files that are as they should be stay, a member that runs is left alone. Retry: `remote`.
   * Effects: certificates, configuration and service on the host. Undo: deleteHost.
   */
  joinEtcd(at: StepRef, node: NodeName): Promise<void>;
}

export function createEtcdActivities(fleet: Fleet): EtcdActivities {
  return {
    async joinEtcd(at, name) {
      const { view, node, host } = await openNode(fleet, at, name);
      const files = [
        ...(await tlsFiles(fleet, view, node, { etcd: 'etcd:etcd' })),
        rootFile(ETCD_ENVIRONMENT_FILE, etcdEnvironment(node, dataNodesOf(view), view.cluster.id)),
      ];
      await startServices(host, { etcd: files });
    },
  };
}
