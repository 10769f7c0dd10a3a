import type { BackupPolicy, BackupType } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import type { ClusterId } from '../../domain/ids';

/** The cluster as its schedules show it to operators. */
export type ScheduledCluster = Pick<Cluster, 'id' | 'name'> & { readonly projectName: string };

/** What one of a cluster's schedules begins. */
export type ScheduledType = BackupType | 'drill' | 'dump';

export interface BackupScheduleState {
  readonly type: ScheduledType;
  readonly cron: string;
  readonly paused: boolean;
  /** ISO 8601, soonest first; none while it is paused. */
  readonly nextRuns: readonly string[];
  readonly lastRun: string | null;
}

/** What starts backups, drills and dumps at their times. All are idempotent, and may throw UNAVAILABLE. */
export interface BackupSchedules {
  /** Brings the cluster's schedules to what its policy says: one for each type that has times, one for drills and one for dumps. */
  ensure(cluster: ScheduledCluster, policy: BackupPolicy): Promise<void>;
  /**
   * Takes one now, beside the schedules and whether they are paused or not.
   *
   * @param occasion names it: the same one twice takes one backup.
   */
  trigger(clusterId: ClusterId, type: BackupType, occasion: string): Promise<void>;
  /** Takes them all away; what has begun goes on. */
  remove(clusterId: ClusterId): Promise<void>;
  /** Those that there are. */
  describe(clusterId: ClusterId): Promise<readonly BackupScheduleState[]>;
}
