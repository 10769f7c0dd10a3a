import type { Submission, SubmissionResult } from '../../activities/inventory/inventory';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { Operation, OperationKind } from '../../domain/operations';
import { findPlan, type Topology } from '../../domain/plans';
import { operationSchema } from '../../domain/schemas/operations';
import { previewSchema } from '../../domain/schemas/previews';
import type { NodeName } from '../../domain/topology';
import { stepTitles } from '../../workflows/runbooks';
import type { ApiDeps } from './deps';
import { newId } from './context';
import { findLiveCluster } from './find';
import { idempotencyOf } from './idempotency';
import type { AnyCall, Reply } from './route';
import { operationAnswer, operationPath } from './shapes';

/** How a request becomes an operation: written in one transaction, then handed to the engine. */

export const acceptedAnswer = {
  202: {
    description: 'The operation that was accepted. Follow `Location`, or its events.',
    schema: operationSchema,
    headers: ['Location', 'Retry-After', 'Idempotency-Replayed'],
  },
} as const;
export const acceptedOrPreview = {
  200: { description: 'With `?preview=true`: what would be done.', schema: previewSchema },
  202: acceptedAnswer[202],
} as const;
export type Accepted = Reply<typeof acceptedAnswer>;

/** Of any order about a cluster that has to be ready. */
export const REFUSALS = [
  'NOT_FOUND',
  'CLUSTER_BUSY',
  'CLUSTER_NOT_READY',
  'CLUSTER_STOPPED',
  'IDEMPOTENCY_KEY_REUSED',
] as const;

export const topologyOf = (spec: Pick<Cluster['spec'], 'plan'>): Topology => findPlan(spec.plan)?.topology ?? 'single';

/** What is written with a new operation on `cluster`. @param node that it is about, if one. */
export function submissionOf(
  kind: OperationKind,
  cluster: Pick<Cluster, 'id' | 'name' | 'spec' | 'generation'>,
  call: AnyCall,
  node?: NodeName,
): Submission {
  const { caller } = call;
  const topology = topologyOf(cluster.spec);
  return {
    operation: {
      operationId: newId('op'),
      kind,
      clusterId: cluster.id,
      clusterName: cluster.name,
      projectId: caller.projectId,
      projectName: caller.projectName,
      generation: cluster.generation,
      topology,
      summary: node ?? `${cluster.spec.plan}, PostgreSQL ${cluster.spec.version}`,
      cause: 'user',
      requestedBy: caller.tokenName,
      ...(node !== undefined && { node }),
    },
    steps: stepTitles(kind, topology, node),
    idempotency: idempotencyOf(call),
  };
}

/** Of a cluster that is about to be. */
export type NewCluster = Pick<Cluster, 'id' | 'projectId' | 'name' | 'spec' | 'origin' | 'generation'>;

/** @throws NAME_TAKEN with the id of the cluster that has the name, as far as it is still there. */
export async function submitNew(
  { inventory }: ApiDeps,
  cluster: NewCluster,
  submission: Submission,
): Promise<SubmissionResult> {
  try {
    return await inventory.operations.submitCreate(cluster, submission);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'NAME_TAKEN') throw error;
    const { projectId, name } = cluster;
    const namesake = await inventory.clusters.find(projectId, name);
    throw new HoldfastError('NAME_TAKEN', { name, ...(namesake && { cluster: namesake.id }) }, { cause: error });
  }
}

/**
 * Submits at the generation that was looked at, or at that of `If-Match`: a cluster that changed in this very moment is
 * looked at again.
 *
 * @param submissionFor what is asked of the cluster as it is now; throws what is refused.
 * @throws PRECONDITION_FAILED when the caller looked at an older generation.
 */
export async function submitAsSeen(
  deps: ApiDeps,
  cluster: Cluster,
  call: AnyCall,
  submissionFor: (cluster: Cluster) => Promise<Submission> | Submission,
): Promise<Accepted> {
  const { ifMatch } = call.headers;
  const submission = await submissionFor(cluster);
  try {
    return launch(deps, submission, await deps.inventory.operations.submit(ifMatch ?? cluster.generation, submission));
  } catch (error) {
    const overtaken = error instanceof HoldfastError && error.code === 'PRECONDITION_FAILED' && ifMatch === null;
    if (!overtaken) throw error;
    return submitAsSeen(deps, await findLiveCluster(deps.inventory, call.caller, cluster.id), call, submissionFor);
  }
}

/** The answer that an earlier request with the same key got; null when the key is new or absent, and for a preview. */
export async function replay(
  deps: ApiDeps,
  call: AnyCall & { readonly query: { readonly preview?: boolean } },
): Promise<Accepted | null> {
  const idempotency = call.query.preview ? null : idempotencyOf(call);
  const operation = idempotency === null ? null : await deps.inventory.operations.findReplay(idempotency);
  return operation === null ? null : accepted(deps, operation, true);
}

/** Hands a written operation to the engine, without waiting for it: the answer depends on what was written alone. */
export function launch(deps: ApiDeps, submission: Submission, result: SubmissionResult): Accepted {
  if (!result.replayed) {
    const { operationId, kind, clusterId, clusterName, projectId, projectName, topology, summary, node } =
      submission.operation;
    const { generation } = result.operation;
    const input = { operationId, kind, clusterId, clusterName, projectId, projectName, generation, topology, summary };
    deps.starter.start({ ...input, ...(node !== undefined && { node }) });
  }
  return accepted(deps, result.operation, result.replayed);
}

function accepted(deps: ApiDeps, operation: Operation, replayed: boolean): Accepted {
  const headers = { Location: operationPath(operation.id), 'Retry-After': '2' };
  return {
    status: 202,
    body: operationAnswer(deps, operation),
    headers: replayed ? { ...headers, 'Idempotency-Replayed': 'true' } : headers,
  };
}
