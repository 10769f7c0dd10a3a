import type { ClusterNode, StepRef } from '../../domain/clusters';
import type { NodeName } from '../../domain/topology';
import type { Fleet } from '../fleet';

/** A mirror that hangs is noticed by APT itself before; unpacking the biggest package takes less on any disk. */
export const STALL_MS = 10 * 60_000;
const PROGRESS_MS = 1_000;

/** A job's name within its operation: the machine counts, not the node. */
export const jobName = (what: string, { hostId }: Pick<ClusterNode, 'hostId'>): string =>
  `${what}-${(hostId ?? '').replaceAll(/[^A-Za-z0-9]/g, '-')}`;

/** Shows a job's last line as the progress of the step, at most once a second. */
export function progressTo(
  { inventory }: Pick<Fleet, 'inventory'>,
  at: StepRef,
  node: NodeName,
): (line: string) => void {
  let toldAt = 0;
  return (line) => {
    if (Date.now() - toldAt < PROGRESS_MS) return;
    toldAt = Date.now();
    const text = `${node}: ${line.replace(/^(un)?install: /, '').slice(0, 120)}`;
    // Only for people: the job itself goes on.
    inventory.operations.recordProgress(at.operationId, at.stepId, text).catch(() => undefined);
  };
}
