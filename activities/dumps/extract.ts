import type { Cluster, StepRef } from '../../domain/clusters';
import type { DatabaseRestore } from '../../domain/database-restores';
import type { Dump } from '../../domain/dumps';
import { HoldfastError } from '../../domain/errors';
import { makeId } from '../../domain/ids';
import type { Operation, OperationInput, StepTitle } from '../../domain/operations';
import { isFinal } from '../../domain/operations';
import type { Topology } from '../../domain/plans';
import { requireReady } from '../../domain/readiness';
import { findPlan } from '../../domain/plans';
import type { Fleet } from '../fleet';
import type { RemovedThings } from '../remove-each';
import { removeEach } from '../remove-each';
import type { Idempotency, Submission } from '../inventory/inventory';
import { hashOf } from '../schedules/occasion';
import { removeEverywhere } from './store';

/**
 * One database out of the backups of a cluster into another one: what comes after it was dumped where it was restored aside.
 * The cluster that it goes into gets an operation of its own, so that nothing else is done to it meanwhile.
 */
export interface ExtractActivities {
  /**
   * Writes the operation that restores the dump into the other cluster. Idempotency: the operation that it works for. Retry:
   * `due`, while something else is done to that cluster. Effects: rows of the operation. Undo: none, it is one of its own.
   *
   * @param steps by the topology of the other cluster.
   * @throws CLUSTER_BUSY (retryable), CLUSTER_NOT_READY (retryable), DUMP_NOT_THERE.
   */
  openExtractRestore(at: StepRef, steps: Readonly<Record<Topology, readonly StepTitle[]>>): Promise<OperationInput>;
  /**
   * Sees that the operation has ended well. Changes nothing. Retry: `long`, while it runs.
   * @throws DUMP_IMPOSSIBLE when it has failed, or was cancelled; NOT_YET.
   */
  requireExtractRestored(at: StepRef): Promise<void>;
  /** The operation of {@link openExtractRestore}, where it was written and has not ended; else null. Changes nothing. Retry: `long`. */
  findExtractRestore(at: StepRef): Promise<OperationInput | null>;
  /**
   * Sees that the operation has ended, however. Changes nothing. Retry: `long`, while it runs.
   * @throws NOT_YET.
   */
  requireExtractEnded(at: StepRef): Promise<void>;
  /**
   * Deletes the dump, which was needed on the way only. Idempotent. Retry: `long`. Effects: objects, rows. Undo: none. What a
   * site has that is away, or refuses, goes with the backups of the cluster that it is from.
   * @throws NOT_YET while it is being restored.
   */
  deleteExtract(at: StepRef): Promise<void>;
}

export function createExtractActivities(fleet: Fleet): ExtractActivities {
  const { operations, dumps } = fleet.inventory;
  return {
    openExtractRestore: (at, steps) => openExtractRestore(fleet, at, steps),

    async requireExtractRestored(at) {
      const restore = await operations.findReplay(occasionOf(at));
      if (!restore) throw new HoldfastError('NOT_FOUND', { kind: 'restore of operation', ref: at.operationId });
      const { id, state, error, clusterName } = restore;
      if (!isFinal(state))
        throw new HoldfastError('NOT_YET', { what: `Operation ${id} restores it into ${clusterName}.` });
      if (state === 'succeeded') return;
      const detail = `operation ${id}, which was to restore it into cluster ${clusterName}, is ${state}: ${error?.message ?? 'nothing tells why'}`;
      throw new HoldfastError('DUMP_IMPOSSIBLE', { detail });
    },

    async findExtractRestore(at) {
      const restore = await operations.findReplay(occasionOf(at));
      if (!restore || isFinal(restore.state)) return null;
      return operations.requireInput(restore.id);
    },

    async requireExtractEnded(at) {
      const restore = await operations.findReplay(occasionOf(at));
      if (!restore) return;
      const { id, state, clusterName } = restore;
      const told = `operation ${id}, which was to restore it into cluster ${clusterName}, is ${state}`;
      if (!isFinal(state)) throw new HoldfastError('NOT_YET', { what: `${told}.` });
      await operations.recordProgress(at.operationId, at.stepId, told);
    },

    async deleteExtract(at) {
      const dump = await dumps.ofOperation(at.operationId);
      const marked = await dumps.markDeleting(at, [dump.id]);
      const isMarked = marked.some(({ id }) => id === dump.id);
      if (!isMarked && dump.state === 'succeeded')
        throw new HoldfastError('NOT_YET', { what: `Dump ${dump.id} is being restored.` });
      // Nobody waits for a site: the hosts are still to be taken away.
      const trouble = await removeEverywhere(fleet, dump);
      if (!trouble && isMarked) await dumps.markDeleted(at, dump.id);
    },
  };
}

async function openExtractRestore(
  { inventory }: Fleet,
  at: StepRef,
  steps: Readonly<Record<Topology, readonly StepTitle[]>>,
): Promise<OperationInput> {
  const [restore, dump, own] = await Promise.all([
    inventory.dumps.extractOf(at.operationId),
    inventory.dumps.ofOperation(at.operationId),
    inventory.operations.get(at.operationId),
  ]);
  const cluster = await inventory.clusters.get(restore.into);
  if (!cluster || !own) throw new HoldfastError('NOT_FOUND', { kind: 'cluster', ref: restore.into });
  const projectName = await inventory.projects.nameOf(cluster.projectId);
  const submission = submissionOf(at, own, { cluster, projectName, dump, restore, steps });
  const known = await inventory.operations.findReplay(occasionOf(at));
  const { name } = cluster;
  if (!known && cluster.deletedAt !== null) throw new HoldfastError('NOT_FOUND', { kind: 'cluster', ref: name });
  if (!known) requireReady(cluster);
  const { operation } = await inventory.operations.submit(null, submission);
  const told = `operation ${operation.id} restores it into cluster ${name}`;
  await inventory.operations.recordProgress(at.operationId, at.stepId, told);
  return inventory.operations.requireInput(operation.id);
}

const keyOf = ({ operationId }: StepRef): string => `${operationId}/restore`;

const occasionOf = (at: StepRef): Idempotency => ({
  key: keyOf(at),
  principal: 'operation',
  requestHash: hashOf(keyOf(at)).toString('hex'),
});

interface Wanted {
  readonly cluster: Cluster;
  readonly projectName: string;
  readonly dump: Dump;
  readonly restore: DatabaseRestore;
  readonly steps: Readonly<Record<Topology, readonly StepTitle[]>>;
}

/** In the name of whoever asked for all of it. */
function submissionOf(
  at: StepRef,
  { cause, requestedBy }: Operation,
  { cluster, projectName, dump, restore: { source, database, replace }, steps }: Wanted,
): Submission {
  const { id: clusterId, name: clusterName, projectId, generation, spec } = cluster;
  const topology = findPlan(spec.plan)?.topology ?? 'single';
  return {
    operation: {
      operationId: makeId('op', Date.now(), hashOf(keyOf(at))),
      kind: 'restore-dump',
      clusterId,
      clusterName,
      projectId,
      projectName,
      generation,
      topology,
      summary: `${database}, for ${at.operationId}`,
      cause,
      requestedBy,
    },
    steps: steps[topology],
    dumpUse: { dumpId: dump.id, restore: { source, database, replace } },
    idempotency: occasionOf(at),
  };
}

/** Of operations that were ended from outside, and of sites that were away. Each on its own. */
export async function removeLeftExtracts(fleet: Fleet): Promise<RemovedThings> {
  const { dumps } = fleet.inventory;
  const remove = async (dump: Dump): Promise<void> => {
    const trouble = await removeEverywhere(fleet, dump);
    if (trouble) throw trouble;
    await dumps.markLeftDeleted(dump.id);
  };
  return removeEach(await dumps.listLeftExtracts(), ({ id }) => id, remove);
}
