import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import type { NodeName } from '../../domain/topology';
import { dataNodeBeside, openNodeOf, viewCluster } from '../fleet';
import type { Fleet, OpenNode } from '../fleet';
import { MARKER_FILE } from '../cloud/static/inspect';
import { jobUnit } from '../host/jobs';
import { runJob } from '../host/run-job';
import { rootFile } from '../host/services';
import { sh } from '../host/shell';
import { progressTo, tellNothing } from '../progress';
import { SOFTWARE_FOLDER, softwareFiles } from './files';
import { jobName, STALL_MS, toldBy } from './jobs';

export interface SoftwareActivities {
  /**
   * Puts the software of the golden image onto machines that do not come with it, as a host job on each: PostgreSQL,
   * Patroni, etcd, HAProxy and the rest. Hosts that a cloud makes have it: there is nothing to do then.
   * Idempotent: the script asks what is. Retry: `long`. Effects: packages, units and folders of the hosts; what was there
   * before is written down first. Undo: deleteHost.
   */
  prepareHosts(at: StepRef): Promise<void>;
  /** The same on the host of one node. */
  prepareHost(at: StepRef, node: NodeName): Promise<void>;
}

export function createSoftwareActivities(fleet: Fleet): SoftwareActivities {
  return {
    async prepareHosts(at) {
      const view = await viewCluster(fleet, at.clusterId);
      if (!view.cloud.machines) return tellNothing(fleet, at, COMES_WITH_IT);
      await each(view.nodes, ({ name }) => prepareHost(fleet, at, openNodeOf(fleet, at, view, name)));
    },

    async prepareHost(at, name) {
      const view = await viewCluster(fleet, at.clusterId);
      if (!view.cloud.machines) return tellNothing(fleet, at, COMES_WITH_IT);
      await prepareHost(fleet, at, openNodeOf(fleet, at, view, name));
    },
  };
}

const COMES_WITH_IT = 'its hosts come with it';

async function prepareHost(fleet: Fleet, at: StepRef, { view, node, host }: OpenNode): Promise<void> {
  // The data node that shares the machine does it.
  if (dataNodeBeside(view, node)) return;
  await host.putFiles([rootFile(MARKER_FILE, `${view.cluster.id}\n`), ...(await softwareFiles())]);
  const job = {
    unit: jobUnit(at.operationId, jobName('install', node)),
    description: `Holdfast: software of ${view.cluster.name}/${node.name}`,
    command: sh`exec env HOST_KIND=static bash ${`${SOFTWARE_FOLDER}/install.sh`} 2>&1`,
  };
  await runJob(host, job, { stallMs: STALL_MS, onProgress: progressTo(fleet, at, toldBy(node.name)) });
}
