import type { StepRef } from '../../domain/clusters';
import type { NodeName } from '../../domain/topology';
import type { Fleet } from '../fleet';
import { openNode } from '../fleet';
import { rootFile, startServices } from '../host/services';
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
   * Starts the Prometheus exporters of a node: the host's, and PostgreSQL's on a data node.
   * Idempotent: restarted only when a file changed. Retry: `remote`. Effects: files and services. Undo: deleteHost.
   */
  startExporters(at: StepRef, node: NodeName): Promise<void>;
}

export function createExporterActivities(fleet: Fleet): ExporterActivities {
  return {
    async startExporters(at, name) {
      const { view, node, host } = await openNode(fleet, at, name);
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
    },
  };
}
