import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fleet } from '../../activities/fleet';
import type { OpenInventory } from '../../activities/inventory/open';
import type { BackupPolicy } from '../../domain/backups';
import type { Condition, ConditionType } from '../../domain/clusters';
import type { ClusterId } from '../../domain/ids';
import type { Operation } from '../../domain/operations';
import { openSimulatedFleet } from '../simulation/fleet';
import type { BackedUpCluster } from './backups';
import { openBackedUpCluster } from './backups';
import { finish, newSubmission, openScratchInventory, refOf } from './inventory';
import type { ScratchInventory } from './inventory';
import { POLICY } from './lineage';

/** A simulated fleet on an inventory of its own, for tests of what is due and what is said when it does not come. */
export interface BackedUpFleet {
  readonly opened: ScratchInventory;
  readonly inventory: OpenInventory;
  readonly fleet: Fleet & { readonly inventory: OpenInventory };
  /** A new cluster with a lineage; those of before are deleted. */
  renew(): Promise<BackedUpCluster>;
  setPolicy(cluster: BackedUpCluster, policy: Partial<BackupPolicy>): Promise<void>;
  /** Runs `expect` as the step of an operation would. @returns whether no backup was ever begun. */
  schedule(cluster: BackedUpCluster): Promise<boolean>;
  conditionOf(id: ClusterId, type: ConditionType): Promise<Condition | undefined>;
  fail(operation: Operation, error: { readonly code: string; readonly message: string }): Promise<void>;
  /** Moves everything that happened to the cluster's backups, or dumps, into the past. */
  passHours(cluster: BackedUpCluster, what: 'backups' | 'dumps', hours: number): Promise<void>;
  close(): Promise<void>;
}

export async function openBackedUpFleet(): Promise<BackedUpFleet> {
  const opened = await openScratchInventory();
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-backed-up-'));
  const fleet = await openSimulatedFleet(join(folder, 'world'), join(folder, 'home'), opened.scratch.url);
  const { inventory, scratch } = opened;
  return {
    opened,
    inventory,
    fleet,
    async renew() {
      await scratch.query(`update clusters set state = 'deleted', deleted_at = now()`);
      return openBackedUpCluster(opened);
    },
    async setPolicy({ cluster }, policy) {
      const text = JSON.stringify({ ...POLICY, ...policy });
      await scratch.query(`update clusters set spec = jsonb_set(spec, '{backups}', $2::jsonb) where id = $1`, [
        cluster.id,
        text,
      ]);
    },
    async schedule({ cluster }) {
      const { operation } = await inventory.operations.submit(null, newSubmission(cluster, 'configure-backups'));
      const isFirst = await inventory.backups.expect(refOf(operation));
      await finish(inventory, operation);
      return isFirst;
    },
    conditionOf: async (id, wanted) =>
      (await inventory.clusters.get(id))?.status.conditions.find(({ type }) => type === wanted),
    async fail({ id: operationId }, error) {
      const change = { state: 'failed', at: new Date().toISOString(), error } as const;
      await inventory.operations.record({ operationId, seq: 9, steps: [], operation: change });
    },
    async passHours({ cluster: { id } }, what, hours) {
      const ago = `- ${hours} * interval '1 hour'`;
      const times = `started_at = started_at ${ago}, finished_at = finished_at ${ago}`;
      await scratch.query(`update ${what} set ${times} where cluster_id = $1`, [id]);
      await scratch.query(`update clusters set backups_scheduled_at = backups_scheduled_at ${ago} where id = $1`, [id]);
    },
    async close() {
      await fleet.inventory.close();
      rmSync(folder, { recursive: true, force: true });
      await opened.close();
    },
  };
}
