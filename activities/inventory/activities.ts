import { BACKUPS_OUTLIVE_DAYS } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import type { OperationRecord } from '../../domain/operations';
import type { ClusterId } from '../../domain/ids';
import type { Fleet } from '../fleet';
import { secretRef, viewCluster } from '../fleet';
import { SECRET_NAMES } from '../secrets/stored-secrets';

export interface InventoryActivities {
  /** Idempotency: the record's `seq`. Retry: for ever. Effects: rows of the operation and its steps, events. */
  recordOperation(record: OperationRecord): Promise<void>;
  /** Idempotent. Retry: `quick`. Undo: none, it stands behind the point of no return. */
  declareDeleting(at: StepRef): Promise<void>;
  /**
   * Deletes the cluster's secrets and closes its record; its name is free again. What its backups need stays as long as
   * they do. Idempotent. Retry: `quick`.
   */
  forgetCluster(at: StepRef): Promise<void>;
}

export function createInventoryActivities(fleet: Fleet): InventoryActivities {
  const { clusters, nodes, operations } = fleet.inventory;
  return {
    recordOperation: (record) => operations.record(record),

    async declareDeleting(at) {
      await clusters.setStatus(at, { state: 'deleting', endpoint: null });
    },

    async forgetCluster(at) {
      await keepIdentity(fleet, at.clusterId);
      await fleet.secrets.deleteOwn(at.clusterId);
      await fleet.inventory.timelines.expireWith(at, BACKUPS_OUTLIVE_DAYS);
      await nodes.forget(at);
      await clusters.markDeleted(at);
    },
  };
}

/** Whoever restores a cluster that was deleted may want to log in as before, and clients trust what they trusted. */
async function keepIdentity(fleet: Fleet, clusterId: ClusterId): Promise<void> {
  const { cluster } = await viewCluster(fleet, clusterId);
  const timeline = await fleet.inventory.timelines.current(clusterId);
  if (!timeline) return;
  const keep = async (name: string, as: string): Promise<void> => {
    const secret = await fleet.secrets.find(secretRef(cluster, name));
    if (secret !== null) await fleet.secrets.ensure(secretRef(cluster, as), () => secret);
  };
  await keep(SECRET_NAMES.role(cluster.spec.owner), SECRET_NAMES.backupOwner(timeline.id));
  await keep(SECRET_NAMES.authority, SECRET_NAMES.backupAuthority(timeline.id));
}
