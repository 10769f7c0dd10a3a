import type { StepRef } from '../../domain/clusters';
import type { Database, Sql } from './database';
import { fenced } from './fence';
import { tellAway } from './nodes-away';

/** Clusters that have lost all their data nodes, and come back from their backups. */

export interface RecoveryTable {
  /** Up to when the backups bring the data back, and which hosts there were; only the first time counts. */
  recordLoss(ref: StepRef, upTo: string): Promise<void>;
  /** Of restores in place nothing is kept any more, and no node lacks anything: all of it was on hosts that are gone. */
  forgetSwaps(ref: StepRef): Promise<void>;
}

export function recoveryTable(database: Database): RecoveryTable {
  return {
    recordLoss: (ref, upTo) => fenced(database, ref, (sql) => recordLoss(sql, ref, upTo)),
    forgetSwaps: (ref) => fenced(database, ref, (sql) => forgetSwaps(sql, ref)),
  };
}

async function recordLoss(sql: Sql, { operationId, clusterId }: StepRef, upTo: string): Promise<void> {
  await sql.run(
    `update operations set recovery = jsonb_build_object('upTo', $3::text, 'former', (
       select coalesce(jsonb_object_agg(name, host_id), '{}') from nodes where cluster_id = $2))
      where id = $1 and recovery is null`,
    [operationId, clusterId, upTo],
  );
}

async function forgetSwaps(sql: Sql, { clusterId }: StepRef): Promise<void> {
  await sql.run(
    `update swaps set away = '{}', released_at = case when kept_until is not null then coalesce(released_at, now()) end,
                      removed_at = case when kept_until is not null then coalesce(removed_at, now()) end
      where cluster_id = $1`,
    [clusterId],
  );
  await tellAway(sql, clusterId);
}
