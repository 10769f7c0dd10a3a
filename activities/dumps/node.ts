import type { StepRef } from '../../domain/clusters';
import type { Dump } from '../../domain/dumps';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, hostOf, processesOn, reachableNode } from '../fleet';
import type { Host } from '../host/host';
import { cancelJob, cleanJob, endOthers, jobStatus } from '../host/jobs';
import type { JobUnit } from '../host/jobs';
import { sh } from '../host/shell';
import type { ShellCommand } from '../host/shell';
import { answers, nearestReplica } from '../pgbackrest/take';
import { DATA_FOLDER } from '../postgres/paths';
import { findPrimary } from '../postgres/psql';

/** Where on which node dumps are taken and restored. On the data volume: nowhere else is room for them. */

/** Where jobs of a kind work. Each operation has a folder of its own: what another one has left is never taken for it. */
export interface Scratch {
  readonly folder: string;
  /** Ids of the steps whose jobs work there, see {@link endOthers}. */
  readonly steps: string;
}
export const DUMPS: Scratch = { folder: `${DATA_FOLDER}/holdfast-dump`, steps: 'dump|store-.*' };
export const RESTORES: Scratch = { folder: `${DATA_FOLDER}/holdfast-restore`, steps: 'restore-dump' };

export const scratchOf = ({ folder }: Scratch, { operationId }: Pick<StepRef, 'operationId'>): string =>
  `${folder}/${operationId}`;

export interface Place {
  readonly node: ReachableNode;
  readonly role: NonNullable<Dump['nodeRole']>;
  /** Its job is there, running or ended. */
  readonly isBegun: boolean;
}

/**
 * The node that has its job; else the replica that is least behind, else the primary, which it stays with once it came there.
 * @param unit of the job.
 */
export async function choosePlace(
  fleet: Fleet,
  view: ClusterView,
  begun: Pick<Dump, 'node' | 'nodeRole'>,
  unit: JobUnit,
): Promise<Place> {
  if (begun.node !== null && begun.nodeRole !== null) {
    const node = reachableNode(view, begun.node);
    if (await hasJob(hostOf(fleet, view, node), unit)) return { node, role: begun.nodeRole, isBegun: true };
  }
  const primary = await findPrimary(fleet, view);
  const replica = begun.nodeRole === 'primary' ? null : await nearestReplica(fleet, view, primary);
  return replica
    ? { node: replica, role: 'replica', isBegun: false }
    : { node: primary, role: 'primary', isBegun: false };
}

/** False also when its host is away. */
async function hasJob(host: Host, unit: JobUnit): Promise<boolean> {
  return (await answers(host)) && (await jobStatus(host, unit)).state !== 'not-started';
}

/** As `postgres`; the script's values never stand in its text. */
export const asPostgres = (script: string, values: readonly (string | number)[]): ShellCommand =>
  sh`exec runuser -u postgres -- sh -c ${script} sh ${values} 2>&1`;

/** At least two, so that a large table does not hold up the others. */
export const jobsOn = (view: Pick<ClusterView, 'plan'>): number => Math.min(8, processesOn(view));

/** Ends what operations that are over still do on the node, and removes what they have left there. `unit` is one that stays. */
export async function clearOthers(
  host: Host,
  at: Pick<StepRef, 'operationId'>,
  unit: JobUnit,
  { folder, steps }: Scratch,
): Promise<void> {
  await endOthers(host, unit, steps);
  const own = at.operationId;
  await host.run(sh`[ ! -d ${folder} ] || find ${folder} -mindepth 1 -maxdepth 1 ! -name ${own} -exec rm -rf -- {} +`, {
    title: 'clear what others have left',
  });
}

/**
 * Ends these jobs and removes the scratch folder, with what operations before have left, on every data node that answers: one
 * that does not is cleared by the next dump there.
 */
export async function clearNodes(
  view: ClusterView,
  open: (node: ReachableNode) => Host,
  units: readonly [JobUnit, ...JobUnit[]],
  { folder, steps }: Scratch,
): Promise<void> {
  for (const node of dataNodesOf(view)) {
    const host = open(node);
    if (!(await answers(host))) continue;
    for (const unit of units) {
      await cancelJob(host, unit);
      await cleanJob(host, unit);
    }
    await endOthers(host, units[0], steps);
    await host.run(sh`rm -rf -- ${folder}`, { title: 'clear the scratch folder' });
  }
}
