import { randomBytes } from 'node:crypto';
import { HoldfastError } from '../../domain/errors';
import { makeId } from '../../domain/ids';
import { AUTOPILOT_PRINCIPAL } from '../../domain/names';
import type { OperationKind, StepTitle } from '../../domain/operations';
import type { NodeName, NodeRole } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';

/** Operations that the watch orders, as anybody could. */

/** The steps that they will have: of a replacement by what it replaces, and of the recovery of a whole cluster. */
export type HealingSteps = Readonly<Record<NodeRole | 'recover', readonly StepTitle[]>>;

/** What is ordered. @property summary for people. */
export interface Order {
  readonly kind: Extract<OperationKind, 'replace-node' | 'recover'>;
  readonly node?: NodeName;
  readonly summary: string;
  readonly steps: readonly StepTitle[];
}

/** Nothing is written in maintenance, nor while something else has the cluster: it is looked at again. */
export async function orderByItself(
  { inventory }: Pick<Fleet, 'inventory'>,
  { cluster: { id, projectId }, plan }: ClusterView,
  { steps, ...wanted }: Order,
): Promise<void> {
  // What was heard of is older.
  const cluster = await inventory.clusters.get(id);
  if (!cluster || cluster.status.conditions.some(({ type }) => type === 'Maintenance')) return;
  const operation = {
    ...wanted,
    operationId: makeId('op', Date.now(), randomBytes(16)),
    clusterId: id,
    clusterName: cluster.name,
    projectId,
    projectName: await inventory.projects.nameOf(projectId),
    generation: cluster.generation,
    topology: plan.topology,
    cause: 'autopilot',
    requestedBy: AUTOPILOT_PRINCIPAL,
  } as const;
  try {
    await inventory.operations.submit(null, { operation, steps, idempotency: null });
  } catch (error) {
    if (!(error instanceof HoldfastError) || !NOT_NOW.includes(error.code)) throw error;
  }
}

const NOT_NOW: readonly HoldfastError['code'][] = ['CLUSTER_BUSY', 'NOT_FOUND'];
