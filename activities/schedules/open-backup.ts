import type { BackupType } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { ClusterId, TimelineId } from '../../domain/ids';
import { idOfOperation, makeId } from '../../domain/ids';
import { SCHEDULE_PRINCIPAL } from '../../domain/names';
import type { OperationInput, StepTitle } from '../../domain/operations';
import { findPlan } from '../../domain/plans';
import type { Topology } from '../../domain/plans';
import type { Fleet } from '../fleet';
import type { Submission } from '../inventory/inventory';
import { lacksSite } from './lacking-sites';
import type { Opened } from './occasion';
import { begunAt, hashOf, idempotencyOf, nothing } from './occasion';

export interface BackupDue {
  readonly clusterId: ClusterId;
  readonly type: BackupType;
  /** Of the run of a Schedule: two with the same one are one. */
  readonly occasion: string;
  /** What the operation will do, by the topology of the cluster. */
  readonly steps: Readonly<Record<Topology, readonly StepTitle[]>>;
}

/** See {@link ScheduleActivities.openBackup}. */
export async function openBackup(fleet: Pick<Fleet, 'inventory'>, due: BackupDue): Promise<Opened> {
  const { inventory } = fleet;
  const begun = await begunAt({ inventory }, due.occasion);
  if (begun) return { operation: begun };
  const cluster = await inventory.clusters.get(due.clusterId);
  if (!cluster || cluster.deletedAt !== null || cluster.status.state === 'deleting')
    return nothing(`cluster ${due.clusterId} is deleted`);
  const timeline = await inventory.timelines.current(cluster.id);
  if (!timeline || !cluster.spec.backups) return nothing(`cluster ${cluster.name} has no backups`);
  const projectName = await inventory.projects.nameOf(cluster.projectId);
  const input = inputOf(due, cluster, projectName);
  const isPaused = cluster.spec.backups.paused && (await hasOther(fleet, cluster, input));
  // What brings the first one to all sites belongs to it.
  if (isPaused && !(await lacksSite(fleet, timeline))) return nothing(`backups of cluster ${cluster.name} are paused`);
  const submission = submissionOf(due, input, timeline.id, cluster.spec.version);
  try {
    const { operation } = await inventory.operations.submit(null, submission);
    return { operation: await inventory.operations.requireInput(operation.id) };
  } catch (error) {
    if (!(error instanceof HoldfastError) || !ENDS.includes(error.code)) throw error;
    return nothing(error.message);
  }
}

/** True when another backup of the cluster was begun before: the first one is taken whatever the policy says. */
async function hasOther(
  { inventory }: Pick<Fleet, 'inventory'>,
  { id: clusterId, projectId }: Cluster,
  { operationId }: OperationInput,
): Promise<boolean> {
  const [newest] = await inventory.backups.list(projectId, { limit: 1, clusterId });
  return newest !== undefined && newest.operationId !== operationId;
}

/** Waiting would not help, or for too long: the next backup is due before. */
const ENDS: readonly HoldfastError['code'][] = ['CLUSTER_NOT_READY', 'CLUSTER_STOPPED', 'NOT_FOUND'];

function inputOf(due: BackupDue, cluster: Cluster, projectName: string): OperationInput {
  const { version, plan } = cluster.spec;
  return {
    operationId: makeId('op', Date.now(), hashOf(due.occasion)),
    kind: 'backup',
    clusterId: cluster.id,
    clusterName: cluster.name,
    projectId: cluster.projectId,
    projectName,
    generation: cluster.generation,
    topology: findPlan(plan)?.topology ?? 'single',
    summary: `${due.type}, ${plan}, PostgreSQL ${version}`,
  };
}

function submissionOf(due: BackupDue, input: OperationInput, timelineId: TimelineId, version: string): Submission {
  const id = idOfOperation('bkp', input.operationId);
  return {
    operation: { ...input, cause: 'schedule', requestedBy: SCHEDULE_PRINCIPAL },
    steps: due.steps[input.topology],
    backup: { id, timelineId, type: due.type, description: null, version },
    idempotency: idempotencyOf(due.occasion),
  };
}
