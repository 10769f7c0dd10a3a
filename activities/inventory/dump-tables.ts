import type { BackupPolicy } from '../../domain/backups';
import type { DatabaseRestore } from '../../domain/database-restores';
import type { Dump, DumpRestore } from '../../domain/dumps';
import type { ClusterId, DumpId, OperationId, ProjectId, TimelineId } from '../../domain/ids';
import type { StepRef } from '../../domain/clusters';
import type { Major } from '../../domain/clusters';
import type { NodeName } from '../../domain/topology';
import type { PageRequest } from './inventory';

/** Dumps, and what operations do with them. */

/** What is written with the operation of a dump. */
export interface NewDump {
  readonly id: DumpId;
  readonly timelineId: TimelineId;
  readonly database: string | null;
  /** Default null. */
  readonly selection?: readonly string[] | null;
  /** Default null: all. */
  readonly sites?: readonly string[] | null;
  readonly description: string | null;
  readonly version: Major;
}

/** What an operation does with a dump that is there: `restore` is null where it deletes it. */
export interface DumpUse {
  readonly dumpId: DumpId;
  readonly restore: Omit<DumpRestore, 'dumpId'> | null;
}

/** An archive as its host made it. */
export interface DumpArchive {
  readonly databases: readonly string[];
  readonly sizeBytes: number;
  /** SHA-256, hexadecimal. */
  readonly checksum: string;
}

export interface DumpTable {
  /** Newest first, of a project or of one of its clusters. */
  list(projectId: ProjectId, page: PageRequest & { readonly clusterId?: ClusterId }): Promise<Dump[]>;
  find(projectId: ProjectId, id: DumpId): Promise<Dump | null>;
  /** All of a cluster that have succeeded, newest first. */
  listGood(clusterId: ClusterId): Promise<Dump[]>;
  /** The dump that an operation takes. @throws NOT_FOUND. */
  ofOperation(id: OperationId): Promise<Dump>;
  /** What an operation does with a dump that is there. @throws NOT_FOUND. */
  useOf(id: OperationId): Promise<{ readonly dump: Dump; readonly restore: DumpUse['restore'] }>;
  /** What an operation does with the database that it takes out of backups by a dump. @throws NOT_FOUND. */
  extractOf(id: OperationId): Promise<DatabaseRestore>;
  /** Dumps of a lineage whose operations have not ended. */
  inWork(id: TimelineId): Promise<DumpId[]>;
  /** Where it is taken, and how much there is to take. */
  recordNode(ref: StepRef, node: NodeName, role: NonNullable<Dump['nodeRole']>, databaseBytes: number): Promise<void>;
  recordArchive(ref: StepRef, archive: DumpArchive): Promise<void>;
  /** It lies on that site. The first copy makes it one that has succeeded. Idempotent. */
  recordCopy(ref: StepRef, site: string): Promise<void>;
  /**
   * Marks those as `deleting` that no operation is about to restore; nobody can use them from then on.
   *
   * @returns all dumps of the cluster that are marked and still lie somewhere, marked now or before.
   */
  markDeleting(ref: StepRef, ids: readonly DumpId[]): Promise<Dump[]>;
  /** It lies nowhere any more. */
  markDeleted(ref: StepRef, id: DumpId): Promise<void>;
  /** Dumps that were needed on the way only, of operations that have ended without deleting them. */
  listLeftExtracts(): Promise<Dump[]>;
  /** As {@link markDeleted}, of one of those. */
  markLeftDeleted(id: DumpId): Promise<void>;
  /** Clusters of which a scheduled dump may be overdue: none runs, and nothing says yet that the last one failed or is missing. */
  listUnderPolicy(): Promise<UnderDumpPolicy[]>;
  /** Raises the condition of an overdue dump. @returns false when the cluster is not one of those any more. */
  raiseOverdue(clusterId: ClusterId, message: string): Promise<boolean>;
}

/** What tells whether a dump of a cluster is overdue. Times are ISO 8601. */
export interface UnderDumpPolicy {
  readonly clusterId: ClusterId;
  readonly clusterName: string;
  readonly policy: BackupPolicy;
  /** When the last good one began, or since when its schedules are as they are, if that is later. */
  readonly since: string;
  readonly lastGoodAt: string | null;
}
