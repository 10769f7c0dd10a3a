import type { StepRef } from '../../domain/clusters';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { dataNodeBeside, openNodeOf } from '../fleet';
import { FENCE_FOLDER_NAME } from '../host/fence';
import { cleanJob, endJobs, jobUnit } from '../host/jobs';
import { runJob } from '../host/run-job';
import { sh } from '../host/shell';
import { progressTo } from '../progress';
import { readUninstall } from './files';
import { jobName, STALL_MS, toldBy } from './jobs';

/**
 * Takes everything off a machine that prepareHost and those after it put there, as a host job, and leaves it as it was.
 * Nothing to do on one that was never reached. Idempotent: a second run finds nothing.
 * @throws HOST_UNREACHABLE: a machine that is dead for good has to be forgotten by its owner; HOST_JOB_FAILED.
 */
export async function removeSoftware(fleet: Fleet, at: StepRef, view: ClusterView, name: NodeName): Promise<void> {
  const known = view.nodes.find((node) => node.name === name);
  // Nobody has put anything there yet, or the data node that shares the machine takes it off.
  if (!known?.hostId || dataNodeBeside(view, known)) return;
  const { node, host } = openNodeOf(fleet, at, view, name);
  const unit = jobUnit(at.operationId, jobName('remove', node));
  // What still installs would put back what is taken away: also for an operation whose workflow was terminated.
  await endJobs(host, unit);
  const job = {
    unit,
    description: `Holdfast: give back ${view.cluster.name}/${name}`,
    // The script lies where it takes away from, so it comes by stdin.
    command: sh`exec env KEEP=${FENCE_FOLDER_NAME} bash -s 2>&1`,
    stdin: await readUninstall(),
  };
  await runJob(host, job, { stallMs: STALL_MS, onProgress: progressTo(fleet, at, toldBy(name)) });
  await cleanJob(host, unit);
  // The job's own traces, and the fence's, which has to refuse older operations up to here. Nothing may follow it: the next
  // command would write down its generation anew.
  await host.run(sh`rm -rf /run/holdfast /var/lib/holdfast`, { title: 'remove what is left of the jobs' });
}
