import { selectionInWords, selectionOf, whyNoDump } from '../../domain/dump-schedules';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { ClusterId, TimelineId } from '../../domain/ids';
import { idOfOperation, makeId } from '../../domain/ids';
import { SCHEDULE_PRINCIPAL } from '../../domain/names';
import type { StepTitle } from '../../domain/operations';
import { findPlan } from '../../domain/plans';
import type { Topology } from '../../domain/plans';
import type { Fleet } from '../fleet';
import type { Submission } from '../inventory/inventory';
import type { Opened } from '../schedules/occasion';
import { begunAt, hashOf, idempotencyOf, nothing } from '../schedules/occasion';

export interface DumpDue {
  readonly clusterId: ClusterId;
  /** Of the run of a Schedule: two with the same one are one. */
  readonly occasion: string;
  /** What the operation will do, by the topology of the cluster. */
  readonly steps: Readonly<Record<Topology, readonly StepTitle[]>>;
}

/** See {@link DumpActivities.openDump}. */
export async function openDump({ inventory }: Pick<Fleet, 'inventory'>, due: DumpDue): Promise<Opened> {
  const begun = await begunAt({ inventory }, due.occasion);
  if (begun) return { operation: begun };
  const cluster = await inventory.clusters.get(due.clusterId);
  if (cluster?.status.state !== 'ready')
    return nothing(`cluster ${due.clusterId} is ${cluster?.status.state ?? 'gone'}`);
  const refusal = whyNoDump(cluster.spec.backups);
  if (refusal !== null) return nothing(`${cluster.name}: ${refusal}`);
  const timeline = await inventory.timelines.current(cluster.id);
  if (!timeline) return nothing(`${cluster.name}: there is no place for it yet`);
  const projectName = await inventory.projects.nameOf(cluster.projectId);
  const submission = submissionOf(due, cluster, timeline.id, projectName);
  try {
    const { operation } = await inventory.operations.submit(null, submission);
    return { operation: await inventory.operations.requireInput(operation.id) };
  } catch (error) {
    if (!(error instanceof HoldfastError) || !ENDS.includes(error.code)) throw error;
    return nothing(error.message);
  }
}

/** Waiting would not help. */
const ENDS: readonly HoldfastError['code'][] = ['CLUSTER_NOT_READY', 'CLUSTER_STOPPED', 'NOT_FOUND'];

function submissionOf(
  due: DumpDue,
  { id: clusterId, name: clusterName, projectId, generation, spec }: Cluster,
  timelineId: TimelineId,
  projectName: string,
): Submission {
  const operationId = makeId('op', Date.now(), hashOf(due.occasion));
  const topology = findPlan(spec.plan)?.topology ?? 'single';
  const { databases = 'all', sites = null } = spec.backups?.dumps ?? {};
  const selection = selectionOf(databases);
  return {
    operation: {
      operationId,
      kind: 'dump',
      clusterId,
      clusterName,
      projectId,
      projectName,
      generation,
      topology,
      summary: `dump of ${selectionInWords(selection)}`,
      cause: 'schedule',
      requestedBy: SCHEDULE_PRINCIPAL,
    },
    steps: due.steps[topology],
    dump: {
      id: idOfOperation('dmp', operationId),
      timelineId,
      ...selection,
      sites,
      description: null,
      version: spec.version,
    },
    idempotency: idempotencyOf(due.occasion),
  };
}
