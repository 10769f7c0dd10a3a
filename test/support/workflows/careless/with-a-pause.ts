import { sleep } from '@temporalio/workflow';
import type { HostId } from '../../../../domain/ids';
import type { HostCheck } from '../../../../domain/hosts';
import { checkHost as realCheck } from '../../../../workflows/check-host';
import type { ClusterState } from '../../../../workflows/cluster';
import { clusterWorkflow as realCluster } from '../../../../workflows/cluster';

/** Workflows that wait before they begin. */

export async function clusterWorkflow(state: ClusterState): Promise<void> {
  await sleep('1 second');
  await realCluster(state);
}

export async function checkHost(id: HostId): Promise<readonly HostCheck[]> {
  await sleep('1 second');
  return realCheck(id);
}
