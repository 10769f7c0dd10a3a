import type { Archiving, ArchivingCondition } from '../../domain/archiving';
import type { ClusterId, TimelineId } from '../../domain/ids';

/** What is known of how clusters archive their log. */
export interface ArchivingTable {
  /** The newest measurement; null: none was made, or the cluster is being deleted. */
  get(clusterId: ClusterId): Promise<Archiving | null>;
  /** That of all clusters. */
  list(): Promise<readonly (Archiving & { readonly clusterId: ClusterId })[]>;
  /** Clusters whose archive is to be watched: ready, and with a lineage that they archive into. */
  listWatched(): Promise<WatchedCluster[]>;
  /** In the place of what was measured before. */
  record(clusterId: ClusterId, figures: Archiving): Promise<void>;
  /** Sets the condition of a cluster that is still ready, and tells the audit log of it when its reason has changed. */
  tell(clusterId: ClusterId, condition: ArchivingCondition): Promise<void>;
}

export interface WatchedCluster {
  readonly clusterId: ClusterId;
  readonly timelineId: TimelineId;
  /** Of the lineage, in the order of pgBackRest's repositories. */
  readonly sites: readonly string[];
  /** Its backups by schedule are. */
  readonly paused: boolean;
  /** An operation works on it, which may leave the log where it is and go on with another one. */
  readonly busy: boolean;
  /** The condition `Archiving` as it is; null: nothing was told yet. */
  readonly told: { readonly reason: string; readonly message: string } | null;
}
