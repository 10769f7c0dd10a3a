import type { Cluster } from '../../domain/clusters';
import type { ThrowawayCluster } from '../../domain/drilled-clusters';
import { clusterOfDrill } from '../../domain/drilled-clusters';
import { whyNoDrill } from '../../domain/drills';
import { HoldfastError } from '../../domain/errors';
import type { ClusterId, TimelineId } from '../../domain/ids';
import { makeId } from '../../domain/ids';
import { SCHEDULE_PRINCIPAL } from '../../domain/names';
import type { StepTitle } from '../../domain/operations';
import type { Fleet } from '../fleet';
import type { Submission } from '../inventory/inventory';
import type { Opened } from '../schedules/occasion';
import { begunAt, hashOf, idempotencyOf, nothing } from '../schedules/occasion';

export interface DrillDue {
  readonly clusterId: ClusterId;
  /** Of the run of a Schedule: two with the same one are one. */
  readonly occasion: string;
  /** What the operation will do. */
  readonly steps: readonly StepTitle[];
}

export interface AbandonedDrills {
  /** What a deletion will do. */
  readonly steps: readonly StepTitle[];
}

/** See {@link DrillActivities.openDrill}. */
export async function openDrill({ inventory }: Pick<Fleet, 'inventory'>, due: DrillDue): Promise<Opened> {
  const begun = await begunAt({ inventory }, due.occasion);
  if (begun) return { operation: begun };
  const source = await inventory.clusters.get(due.clusterId);
  if (source?.status.state !== 'ready') return nothing(`cluster ${due.clusterId} is ${source?.status.state ?? 'gone'}`);
  const refusal = whyNoDrill(source.spec.backups);
  if (refusal !== null) return nothing(`${source.name}: ${refusal}`);
  const timeline = await inventory.timelines.current(source.id);
  if (!timeline || (await inventory.backups.firstLsn(timeline.id, null)) === null)
    return nothing(`${source.name}: there is no backup yet`);
  const projectName = await inventory.projects.nameOf(source.projectId);
  const { cluster, submission } = submissionOf(due, source, timeline.id, projectName);
  try {
    const { operation } = await inventory.operations.submitCreate(cluster, submission);
    return { operation: await inventory.operations.requireInput(operation.id) };
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'CLUSTER_BUSY') throw error;
    return nothing(error.message);
  }
}

function submissionOf(
  { occasion, steps }: DrillDue,
  source: Cluster,
  timelineId: TimelineId,
  projectName: string,
): { readonly cluster: ThrowawayCluster; readonly submission: Submission } {
  const hash = hashOf(occasion);
  const now = Date.now();
  const operationId = makeId('op', now, hash);
  const cluster = clusterOfDrill(source, makeId('clu', now, hash), operationId);
  const submission: Submission = {
    operation: {
      operationId,
      kind: 'drill',
      clusterId: cluster.id,
      clusterName: cluster.name,
      projectId: cluster.projectId,
      projectName,
      generation: 1,
      topology: 'single',
      summary: `of ${source.name}, PostgreSQL ${source.spec.version}`,
      cause: 'schedule',
      requestedBy: SCHEDULE_PRINCIPAL,
    },
    steps,
    drill: { id: makeId('drl', now, hash), clusterId: source.id, timelineId },
    idempotency: idempotencyOf(occasion),
  };
  return { cluster, submission };
}

/** See {@link DrillActivities.removeAbandonedDrills}. */
export async function removeAbandonedDrills(
  { inventory }: Pick<Fleet, 'inventory'>,
  steps: readonly StepTitle[],
): Promise<string[]> {
  const removed: string[] = [];
  for (const id of await inventory.drills.listAbandoned()) {
    const cluster = await inventory.clusters.get(id);
    if (!cluster) continue;
    const projectName = await inventory.projects.nameOf(cluster.projectId);
    try {
      await inventory.operations.submit(cluster.generation, deletionOf(cluster, projectName, steps));
      removed.push(id);
    } catch (error) {
      // Somebody else deletes it.
      const codes: readonly string[] = ['CLUSTER_BUSY', 'NOT_FOUND', 'PRECONDITION_FAILED'];
      if (!(error instanceof HoldfastError) || !codes.includes(error.code)) throw error;
    }
  }
  return removed;
}

/** A try that is repeated finds that of the first one working on it. */
function deletionOf(cluster: Cluster, projectName: string, steps: readonly StepTitle[]): Submission {
  const { id: clusterId, name: clusterName, projectId, generation, spec } = cluster;
  const chance = hashOf(`${clusterId}/${generation}`);
  return {
    operation: {
      operationId: makeId('op', Date.now(), chance),
      kind: 'delete',
      clusterId,
      clusterName,
      projectId,
      projectName,
      generation,
      topology: 'single',
      summary: `what a drill left behind, PostgreSQL ${spec.version}`,
      cause: 'schedule',
      requestedBy: SCHEDULE_PRINCIPAL,
    },
    steps,
    idempotency: null,
  };
}
