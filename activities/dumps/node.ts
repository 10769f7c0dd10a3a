import type { Dump } from '../../domain/dumps';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, hostOf, reachableNode } from '../fleet';
import type { Host } from '../host/host';
import { cancelJob, cleanJob } from '../host/jobs';
import type { JobUnit } from '../host/jobs';
import { sh } from '../host/shell';
import type { ShellCommand } from '../host/shell';
import { answers, nearestReplica } from '../pgbackrest/take';
import { DATA_FOLDER } from '../postgres/paths';
import { findPrimary } from '../postgres/psql';

/** Where on which node dumps are taken and restored. On the data volume: nowhere else is room for them. */

export const DUMP_SCRATCH = `${DATA_FOLDER}/holdfast-dump`;
export const RESTORE_SCRATCH = `${DATA_FOLDER}/holdfast-restore`;

export interface Place {
  readonly node: ReachableNode;
  readonly role: NonNullable<Dump['nodeRole']>;
}

/** The node that it was begun on, as long as that answers; else the replica that is least behind, else the primary. */
export async function choosePlace(
  fleet: Fleet,
  view: ClusterView,
  begun: Pick<Dump, 'node' | 'nodeRole'>,
): Promise<Place> {
  if (begun.node !== null && begun.nodeRole !== null) {
    const node = reachableNode(view, begun.node);
    if (await answers(hostOf(fleet, view, node))) return { node, role: begun.nodeRole };
  }
  const primary = await findPrimary(fleet, view);
  const replica = await nearestReplica(fleet, view, primary);
  return replica ? { node: replica, role: 'replica' } : { node: primary, role: 'primary' };
}

/** As `postgres`; the script's values never stand in its text. */
export const asPostgres = (script: string, values: readonly (string | number)[]): ShellCommand =>
  sh`exec runuser -u postgres -- sh -c ${script} sh ${values} 2>&1`;

/** At least two, so that a large table does not hold up the others. */
export const jobsOn = ({ plan }: Pick<ClusterView, 'plan'>): number => Math.min(8, Math.max(2, Math.floor(plan.cpus)));

/**
 * Ends these jobs and removes the scratch folder, on every data node that answers: one that does not is cleared by the next
 * dump there.
 */
export async function clearNodes(
  view: ClusterView,
  open: (node: ReachableNode) => Host,
  units: readonly JobUnit[],
  scratch: string,
): Promise<void> {
  for (const node of dataNodesOf(view)) {
    const host = open(node);
    if (!(await answers(host))) continue;
    for (const unit of units) {
      await cancelJob(host, unit);
      await cleanJob(host, unit);
    }
    await host.run(sh`rm -rf -- ${scratch}`, { title: 'clear the scratch folder' });
  }
}
