import type { StepRef } from '../../domain/clusters';
import type { NodeName } from '../../domain/topology';
import type { Fleet } from '../fleet';
import { hostOf, reachableNode, viewCluster } from '../fleet';
import type { HostFile } from '../host/host';
import { startService } from '../host/services';
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
      const view = await viewCluster(fleet, at.clusterId);
      const node = reachableNode(view, name);
      const host = hostOf(fleet, view, node);
      const config = (path: string, content: string): HostFile => ({ path, content, mode: 0o644, owner: 'root:root' });
      const shared = [...(await tlsFiles(fleet, view, node, { exporters: 'prometheus:prometheus' })), config(WEB_CONFIG_FILE, webConfig())];
      const services = {
        'prometheus-node-exporter': config(NODE_EXPORTER_FILE, nodeExporterEnvironment()),
        ...(node.role === 'data' && { 'prometheus-postgres-exporter': config(POSTGRES_EXPORTER_FILE, postgresExporterEnvironment()) }),
      };
      const changed = await host.putFiles([...shared, ...Object.values(services)]);
      for (const service of Object.keys(services)) await startService(host, service, changed);
    },
  };
}
