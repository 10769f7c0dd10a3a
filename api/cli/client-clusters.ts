import type { BeginMaintenanceRequest, MaintenanceAnswer } from '../../domain/schemas/maintenance';
import type { OperationAnswer } from '../../domain/schemas/operations';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import type { SwitchoverRequest } from '../../domain/schemas/switchovers';
import { at, type Write } from './client-paths';

export type NodeVerb = 'restart' | 'reinit' | 'replace';

/** What is done with a cluster as a whole, and with its nodes. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- its type is the list of its functions
export function clusterOperationCalls(write: Write) {
  return {
    deleteCluster: (name: string, confirm: string) =>
      write<OperationAnswer>('DELETE', at`/v1/clusters/${name}`, { confirm }),
    previewDelete: (name: string) => write<PreviewAnswer>('DELETE', at`/v1/clusters/${name}?preview=true`),
    undeleteCluster: (name: string) => write<OperationAnswer>('POST', at`/v1/clusters/${name}/undelete`),
    previewUndelete: (name: string) => write<PreviewAnswer>('POST', at`/v1/clusters/${name}/undelete?preview=true`),
    switchOver: (name: string, body: SwitchoverRequest) =>
      write<OperationAnswer>('POST', at`/v1/clusters/${name}/switchover`, body),
    previewSwitchover: (name: string, body: SwitchoverRequest) =>
      write<PreviewAnswer>('POST', at`/v1/clusters/${name}/switchover?preview=true`, body),
    setPower: (name: string, verb: 'stop' | 'start') =>
      write<OperationAnswer>('POST', at`/v1/clusters/${name}/${verb}`),
    previewPower: (name: string, verb: 'stop' | 'start') =>
      write<PreviewAnswer>('POST', at`/v1/clusters/${name}/${verb}?preview=true`),
    operateNode: (name: string, node: string, verb: NodeVerb) =>
      write<OperationAnswer>('POST', at`/v1/clusters/${name}/nodes/${node}/${verb}`),
    previewNodeOperation: (name: string, node: string, verb: NodeVerb) =>
      write<PreviewAnswer>('POST', at`/v1/clusters/${name}/nodes/${node}/${verb}?preview=true`),
    beginMaintenance: (name: string, body: BeginMaintenanceRequest) =>
      write<MaintenanceAnswer>('POST', at`/v1/clusters/${name}/maintenance`, body),
    endMaintenance: (name: string) => write<void>('DELETE', at`/v1/clusters/${name}/maintenance`),
  };
}
