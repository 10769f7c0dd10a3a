import type { z } from 'zod';
import type { BackupPolicy } from '../../domain/backups';
import type { CloudName, Cluster, ClusterNode, ClusterStatus, Condition, StepRef } from '../../domain/clusters';
import type { ClusterId, OperationId, ProjectId, TokenId } from '../../domain/ids';
import type {
  NodeWork,
  Operation,
  OperationEvent,
  OperationInput,
  OperationRecord,
  OperationSummary,
  StepTitle,
  Switchover,
} from '../../domain/operations';
import type { Maintenance } from '../../domain/maintenance';
import type { Restored } from '../../domain/restored';
import type { Scope } from '../../domain/tokens';
import type { NodeName } from '../../domain/topology';
import type { ImageCatalogue } from '../../domain/versions';
import type { Network } from '../cloud/cloud';
import type { ArchivingTable } from './archiving-table';
import type { AuditEntry } from './audit';
import type { BackupTable, NewBackup, PolicyChangeTable, SiteTable, TimelineTable } from './backup-tables';
import type { NewDatabaseRestore } from './database-restores';
import type { DrillTable, NewDrill } from './drill-tables';
import type { DumpTable, DumpUse, NewDump } from './dump-tables';
import type { FailoverTable } from './failovers';
import type { HeartbeatTable } from './heartbeats';
import type { FloatingAddressTable, HostTable } from './host-tables';
import type { RecoveryTable } from './recoveries';
import type { ReplacementTable } from './replacements';
import type { NewRestorePoint, RestorePointTable } from './restore-points';
import type { NewSwap, SwapTable } from './swap-table';
import type { WatchingTable } from './watching';

/**
 * The inventory: what Holdfast knows, in PostgreSQL. API and activities share it.
 * Writes of an operation carry a {@link StepRef}; one of an operation that has ended, or that a newer one followed, is
 * refused with STALE_GENERATION. Everything may throw UNAVAILABLE.
 */
export interface Inventory extends Tables {
  readonly projects: ProjectTable;
  readonly images: ImageTable;
  readonly sites: SiteTable;
  readonly timelines: TimelineTable;
  readonly backups: BackupTable;
  readonly dumps: DumpTable;
  readonly policyChanges: PolicyChangeTable;
  readonly drills: DrillTable;
  readonly swaps: SwapTable;
  readonly failovers: FailoverTable;
  readonly replacements: ReplacementTable;
  readonly recoveries: RecoveryTable;
  readonly watching: WatchingTable;
  readonly restorePoints: RestorePointTable;
  /**
   * Makes a change that is no operation. What `change` does with the tables it is given, the audit entry, and the
   * answer (kept under the key, so it must hold no secret) are one transaction. Of two requests with one key the second
   * waits and gets the answer of the first; when `change` throws, nothing is written and the key stays free.
   * @throws IDEMPOTENCY_KEY_REUSED, and what `change` throws.
   */
  once<T>(
    idempotency: Idempotency | null,
    shape: z.ZodType<T>,
    change: (tables: Tables) => Promise<{ readonly answer: T; readonly audit: AuditEntry }>,
  ): Promise<OnceResult<T>>;
  /** Writes to the audit log what no operation writes there by itself, such as a look at credentials. */
  audit(entry: AuditEntry): Promise<void>;
  /** True when the database answers. */
  ping(): Promise<boolean>;
  close(): Promise<void>;
}

/** The tables that a change of a request may touch. */
export interface Tables {
  readonly tokens: TokenTable;
  readonly clusters: ClusterTable;
  readonly nodes: NodeTable;
  readonly heartbeats: HeartbeatTable;
  readonly archiving: ArchivingTable;
  readonly operations: OperationTable;
  readonly hosts: HostTable;
  readonly floatingAddresses: FloatingAddressTable;
}

export type OnceResult<T> = { readonly answer: T; readonly replayed: boolean };

export interface Project {
  readonly id: ProjectId;
  readonly name: string;
}

export interface ProjectTable {
  /** The project of that name, made when there is none. */
  ensure(name: string): Promise<Project>;
  /** @throws NOT_FOUND. */
  nameOf(id: ProjectId): Promise<string>;
}

export interface Token {
  readonly id: TokenId;
  readonly projectId: ProjectId;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
}

export interface OwnedToken extends Token {
  readonly projectName: string;
}

export interface TokenTable {
  /** @param hash SHA-256 of the token's secret text, hex: the text itself is never stored. */
  create(token: {
    id: TokenId;
    projectId: ProjectId;
    name: string;
    scopes: readonly Scope[];
    expiresAt: string;
    hash: string;
  }): Promise<Token>;
  /** With the name of its project: each request begins with this, and nothing else is asked to know who sends it. */
  findByHash(hash: string): Promise<OwnedToken | null>;
  /** Notes that it is used. At most one write a minute and token; one that was used just before is not even asked for. */
  touch(token: Pick<Token, 'id' | 'lastUsedAt'>): Promise<void>;
  list(projectId: ProjectId): Promise<Token[]>;
  revoke(projectId: ProjectId, id: TokenId): Promise<boolean>;
}

export interface PageRequest {
  readonly limit: number;
  /** Only items whose id is older than this one (newest first). */
  readonly before?: string;
}

export interface ClusterTable {
  get(id: ClusterId): Promise<Cluster | null>;
  /** By id or by name, within the project; deleted clusters are found by id only. */
  find(projectId: ProjectId, idOrName: string): Promise<Cluster | null>;
  /** By id, or by name: of several that had it the one that was deleted last, first those that can be restored. Null: none was deleted. */
  findDeleted(projectId: ProjectId, idOrName: string): Promise<Cluster | null>;
  /** Newest first, without deleted ones. @param page `drills`: also those that are made for drills; default: no. */
  list(projectId: ProjectId, page: PageRequest & { readonly drills?: boolean }): Promise<Cluster[]>;
  /** Newest first, those that were deleted and can be undeleted or restored. */
  listRestorable(projectId: ProjectId, page: PageRequest): Promise<Cluster[]>;
  /** Changes the spec without an operation (deletion protection); raises the generation. @throws PRECONDITION_FAILED. */
  updateSpec(
    id: ClusterId,
    expectedGeneration: number | null,
    change: Partial<Pick<Cluster['spec'], 'deletionProtection'>>,
  ): Promise<Cluster>;
  setStatus(ref: StepRef, change: Partial<Omit<ClusterStatus, 'conditions'>>): Promise<void>;
  /** Adds or replaces the condition of that type; `since` moves only when its status does. */
  setCondition(ref: StepRef, condition: Omit<Condition, 'since'>): Promise<void>;
  /**
   * The autopilot leaves its hosts alone from now on, for so many minutes by the inventory's clock. Said again it counts from then.
   * @param by who asks for it.
   */
  beginMaintenance(id: ClusterId, minutes: number, by: string): Promise<Maintenance>;
  /** Nothing to do where there is none. */
  endMaintenance(id: ClusterId): Promise<void>;
  markDeleted(ref: StepRef): Promise<void>;
  /** The network and the floating address that the cloud gave. */
  setNetwork(ref: StepRef, network: ClusterNetwork): Promise<void>;
  getNetwork(id: ClusterId): Promise<ClusterNetwork | null>;
}

export interface ClusterNetwork extends Network {
  readonly floatingAddress: string | null;
}

export interface NodeTable {
  /** In order of their names. */
  list(clusterId: ClusterId): Promise<ClusterNode[]>;
  /** Writes the nodes with their failure domains; those that are there stay as they are. */
  place(ref: StepRef, nodes: readonly Pick<ClusterNode, 'name' | 'role' | 'failureDomain'>[]): Promise<void>;
  recordHost(ref: StepRef, name: NodeName, host: Omit<ClusterNode, 'clusterId' | 'name' | 'role'>): Promise<void>;
  /** Removes the rows of the cluster's nodes. */
  forget(ref: StepRef): Promise<void>;
}

/** Whose request it is, and how a repeated one is known again. */
export interface Idempotency {
  readonly key: string;
  readonly principal: string;
  readonly requestHash: string;
}

export interface Submission {
  readonly operation: OperationInput & { readonly cause: Operation['cause']; readonly requestedBy: string };
  readonly steps: readonly StepTitle[];
  /** Of a backup: written with its operation. */
  readonly backup?: NewBackup;
  /** Of a drill: written with its operation, and with the cluster that is made for it. */
  readonly drill?: NewDrill;
  /** Of a dump: written with its operation. */
  readonly dump?: NewDump;
  /** Of what is done with a dump that is there: nothing else takes it away meanwhile. */
  readonly dumpUse?: DumpUse;
  /** Of a database that is taken out of backups: written with its operation, and with the cluster that is made for it. */
  readonly databaseRestore?: NewDatabaseRestore;
  /** Of a change of the policy of backups: written into the spec with its operation, which can put the one before back. */
  readonly backupPolicy?: BackupPolicy;
  /** Of a restore in place or its rollback: written with its operation. */
  readonly swap?: NewSwap;
  /** Of a restore point: written with its operation. */
  readonly restorePoint?: NewRestorePoint;
  /** Of a switchover: the data node that is to be the primary; null: the best. */
  readonly switchTo?: NodeName | null;
  readonly idempotency: Idempotency | null;
}

export type SubmissionResult = { readonly operation: Operation; readonly replayed: boolean };

export interface OperationTable {
  get(id: OperationId): Promise<Operation | null>;
  /** Newest first, without their steps. */
  list(
    projectId: ProjectId,
    page: PageRequest & {
      readonly clusterId?: ClusterId;
      readonly state?: Operation['state'];
      /** Only those that have not ended: of a cluster one in each lane at most. */
      readonly unfinished?: boolean;
      /** Only those that restore the data of this cluster: into a new one, in place, or one database. */
      readonly restoredFrom?: ClusterId;
    },
  ): Promise<OperationSummary[]>;
  /**
   * Writes cluster, operation, steps and idempotency key in one transaction.
   * @throws NAME_TAKEN, IDEMPOTENCY_KEY_REUSED, CLUSTER_BUSY for a drill beside another one of the same backups.
   */
  submitCreate(
    cluster: Pick<Cluster, 'id' | 'projectId' | 'name' | 'spec' | 'origin'>,
    submission: Submission,
  ): Promise<SubmissionResult>;
  /**
   * Writes an operation on an existing cluster and raises the generation of its lane (the operation carries the new one).
   * @throws CLUSTER_BUSY with `{operation}` of the one that runs, CLUSTER_NOT_READY for a backup or a dump of one that is not ready, CLUSTER_STOPPED, CLUSTER_NOT_STOPPED, PRECONDITION_FAILED, IDEMPOTENCY_KEY_REUSED.
   */
  submit(expectedGeneration: number | null, submission: Submission): Promise<SubmissionResult>;
  /** Replays of a key before any check of the request: null when the key is new. @throws IDEMPOTENCY_KEY_REUSED. */
  findReplay(idempotency: Idempotency): Promise<Operation | null>;
  /** What its workflow is started with. @throws NOT_FOUND. */
  requireInput(id: OperationId): Promise<OperationInput>;
  /** Operations that were written but whose workflow may not have been started (the API died in between). */
  listUnstarted(olderThanMs: number): Promise<OperationInput[]>;
  /** Operations that have not ended although they were accepted so long ago: their workflows may be gone. */
  listUnfinished(olderThanMs: number): Promise<OperationId[]>;
  /** Writes changes of steps and operation and appends their events; a record older than what is stored changes nothing. */
  record(record: OperationRecord): Promise<void>;
  /** An attempt failed and will be repeated (nextRetryAt) or not (null). Keeps state `running`. */
  recordAttempt(
    operationId: OperationId,
    stepId: string,
    attempt: { attempt: number; lastError: string | null; nextRetryAt: string | null },
  ): Promise<void>;
  /** What a restore read, and what was found in it; what `change` leaves out stays as it is. A new cluster tells of it too. */
  recordRestored(ref: StepRef, change: Partial<Restored>): Promise<void>;
  /** Of which data node to which one the primary changes; only the first time counts. */
  recordSwitchover(ref: StepRef, change: Switchover): Promise<void>;
  /** The host that a node has before it gets a fresh one; only the first time counts. */
  recordFormerHost(ref: StepRef): Promise<void>;
  /** What the node of the operation was; only the first time counts. */
  recordNode(ref: StepRef, work: NodeWork): Promise<void>;
  /** What a long step says of its progress, such as `12 of 40 MB`. */
  recordProgress(operationId: OperationId, stepId: string, progress: string): Promise<void>;
  /**
   * Asks whether the step's operation may still change its cluster; what it writes later is fenced by itself.
   * @throws STALE_GENERATION when it has ended or a newer one followed.
   */
  requireCurrent(ref: StepRef): Promise<void>;
  /** Events after `seq`, oldest first, at most 500. */
  eventsAfter(operationId: OperationId, seq: number): Promise<OperationEvent[]>;
  /**
   * Calls back whenever an operation got new events; with null when any may have, because announcements could have
   * been missed: read again then. Listen first, read after. Returns how to stop.
   */
  onEvents(listener: (operationId: OperationId | null) => void): Promise<() => void>;
}

export interface ImageTable {
  /** The image that new hosts of that cloud boot. */
  record(cloud: CloudName, reference: string, catalogue: ImageCatalogue): Promise<void>;
  current(cloud: CloudName): Promise<{ readonly reference: string; readonly catalogue: ImageCatalogue } | null>;
}
