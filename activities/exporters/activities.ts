import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import type { NodeName } from '../../domain/topology';
import type { Fleet, OpenNode } from '../fleet';
import { dataNodeBeside, openNode, openNodeOf, viewCluster } from '../fleet';
import { rootFile, startServices } from '../host/services';
import { hostState } from '../power/there';
import { tellNothing } from '../progress';
import { tlsFiles } from '../secrets/node-certificate';
import {
  NODE_EXPORTER_FILE,
  nodeExporterEnvironment,
  POSTGRES_EXPORTER_FILE,
  postgresExporterEnvironment,
  WEB_CONFIG_FILE,
  webConfig,
} from './config';

export interface ExporterActivities {
  /**
   * Starts the Prometheus exporters of all nodes: each host's, and PostgreSQL's on the data nodes.
   * Idempotent: restarted only when a file changed. Retry: `remote`. Effects: files and services. Undo: deleteHost.
   */
  startExporters(at: StepRef): Promise<void>;
  /** The same on one node; nothing to do where its host was lost: once more it is replaced when the operation has ended. */
  startExportersOn(at: StepRef, node: NodeName): Promise<void>;
}

export function createExporterActivities(fleet: Fleet): ExporterActivities {
  return {
    async startExporters(at) {
      const view = await viewCluster(fleet, at.clusterId);
      await each(view.nodes, ({ name }) => startExportersOf(fleet, openNodeOf(fleet, at, view, name)));
    },

    async startExportersOn(at, name) {
      const opened = await openNode(fleet, at, name);
      if ((await hostState(opened.view, { name })) !== 'on') return tellNothing(fleet, at, LOST_AGAIN);
      await startExportersOf(fleet, opened);
    },
  };
}

const LOST_AGAIN = 'its host was lost';

async function startExportersOf(fleet: Fleet, { view, node, host }: OpenNode): Promise<void> {
  // They tell of the machine, which the data node's exporters do already.
  if (dataNodeBeside(view, node)) return;
  const shared = [
    ...(await tlsFiles(fleet, view, node, { exporters: 'prometheus:prometheus' })),
    rootFile(WEB_CONFIG_FILE, webConfig()),
  ];
  await startServices(host, {
    'prometheus-node-exporter': [...shared, rootFile(NODE_EXPORTER_FILE, nodeExporterEnvironment())],
    ...(node.role === 'data' && {
      'prometheus-postgres-exporter': [...shared, rootFile(POSTGRES_EXPORTER_FILE, postgresExporterEnvironment())],
    }),
  });
}
