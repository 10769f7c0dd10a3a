import type { BackupPolicy } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import type { Drill, DrillEvidence, DrillPoint } from '../../domain/drills';
import type { ClusterId, DrillId, OperationId, ProjectId, TimelineId } from '../../domain/ids';
import type { PageRequest } from './inventory';

/** Drills, and which of them are due. */

/** What is written with a drill's operation and the cluster that is made for it. */
export interface NewDrill {
  readonly id: DrillId;
  /** Whose backups are restored. */
  readonly clusterId: ClusterId;
  readonly timelineId: TimelineId;
}

export interface DrillTable {
  /** Newest first. */
  list(projectId: ProjectId, page: PageRequest & { readonly clusterId: ClusterId }): Promise<Drill[]>;
  find(projectId: ProjectId, id: DrillId): Promise<Drill | null>;
  /** The drill that an operation holds. @throws NOT_FOUND. */
  ofOperation(id: OperationId): Promise<Drill>;
  /** Where it stops and what it reads, once and for all: also as the origin of what is made for it. */
  choose(ref: StepRef, point: DrillPoint): Promise<void>;
  /** What was found so far. */
  recordFindings(ref: StepRef, findings: Partial<Omit<DrillEvidence, 'target'>>): Promise<void>;
  /** Nothing wrong was found: tells it of the cluster whose backups they are, and writes it to the audit log. Idempotent. */
  prove(ref: StepRef): Promise<void>;
  /** Clusters of which a drill may be overdue: nothing says yet that the last one failed or is missing. */
  listUnderPolicy(): Promise<UnderDrillPolicy[]>;
  /** Raises the condition of an overdue drill. @returns false when the cluster is not one of those any more. */
  raiseOverdue(clusterId: ClusterId, message: string): Promise<boolean>;
  /** Clusters that were made for drills which have ended without taking them away. */
  listAbandoned(): Promise<ClusterId[]>;
}

/** What tells whether a drill of a cluster is overdue. Times are ISO 8601. */
export interface UnderDrillPolicy {
  readonly clusterId: ClusterId;
  readonly clusterName: string;
  readonly policy: BackupPolicy;
  /** When the last proven one began, or since when its schedules are as they are, if that is later. */
  readonly since: string;
  readonly lastProvenAt: string | null;
}
