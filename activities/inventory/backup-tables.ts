import type { LastBegun } from '../../domain/backup-times';
import type { ScriptRun } from '../../domain/backup-hooks';
import type {
  Backup,
  BackupCopy,
  BackupParameters,
  BackupPolicy,
  BackupType,
  Commit,
  RestoreWindow,
  Timeline,
} from '../../domain/backups';
import type { CloudName, StepRef } from '../../domain/clusters';
import type { BackupId, ClusterId, OperationId, ProjectId, TimelineId } from '../../domain/ids';
import type { AccountKind } from '../../domain/sites';
import type { NodeName } from '../../domain/topology';
import type { PageRequest } from './inventory';

/** Lineages, what is in the stores, and which stores there are. */

export interface SiteTable {
  /** What workers were configured with, in order of preference; others are forgotten. */
  record(sites: readonly KnownSite[]): Promise<void>;
  list(): Promise<KnownSite[]>;
}

export interface KnownSite {
  readonly name: string;
  readonly endpoint: string;
  readonly bucket: string;
  /** Whose hosts can reach it. */
  readonly clouds: readonly CloudName[];
  /** These are what signing a URL to it takes besides keys; absent until a worker that knows of them has started. */
  readonly region?: string;
  readonly pathStyle?: boolean;
  readonly accounts?: AccountKind;
  readonly caPem?: string | null;
}

export interface TimelineTable {
  /** Opens the cluster's lineage; one with that id is left alone. */
  open(ref: StepRef, timeline: Pick<Timeline, 'id' | 'sites' | 'version'>): Promise<void>;
  /**
   * Of the cluster's newest: also the sites that it begins on, without those that it leaves.
   * @throws NOT_YET while a backup or a dump runs and one is left or moved: a backup knows the sites by their place in the list.
   */
  setSites(ref: StepRef, sites: readonly string[]): Promise<void>;
  /**
   * Forgets the copies on sites that the cluster's newest has left, of backups and of dumps.
   * @throws NOT_YET while a restore reads the lineage, or one of its dumps.
   */
  leaveSites(ref: StepRef, sites: readonly string[]): Promise<void>;
  /** The newest of the cluster that was not removed, null when it has none. */
  current(clusterId: ClusterId): Promise<Timeline | null>;
  get(id: TimelineId): Promise<Timeline | null>;
  isRemoved(id: TimelineId): Promise<boolean>;
  /** Those of a cluster outlive it by so many days. */
  expireWith(ref: StepRef, days: number): Promise<void>;
  /** True while an operation restores a cluster from it. */
  isRead(id: TimelineId): Promise<boolean>;
  /** Those that are due to be removed, and that no restore reads. */
  listExpired(): Promise<Timeline[]>;
  /** Its objects and keys are gone, and with them every copy of its backups. */
  markRemoved(id: TimelineId): Promise<void>;
  setWindow(id: TimelineId, window: RestoreWindow | null): Promise<void>;
  /** The archive has all up to this commit. Nothing to do where more is known, or nothing can be restored. */
  extendWindow(id: TimelineId, newest: Commit): Promise<void>;
  /** As last looked at; null when there is nothing to restore. */
  getWindow(id: TimelineId): Promise<RestoreWindow | null>;
}

/** What is written with a backup's operation. */
export interface NewBackup {
  readonly id: BackupId;
  readonly timelineId: TimelineId;
  readonly type: BackupType;
  readonly description: string | null;
  readonly version: string;
}

/** A backup in a store, as pgBackRest tells it. */
export interface FoundSet extends Omit<
  BackupCopy,
  'site' | 'databaseBytes' | 'removedAt' | 'manifestSha256' | 'lastVerifiedAt'
> {
  /** Of the backup that it was taken for, or what a host that took it by itself has written there; null: nothing. */
  readonly backupId: string | null;
  readonly tool: string;
  readonly databaseBytes: number;
}

export interface BackupTable {
  /** Newest first. */
  list(projectId: ProjectId, page: PageRequest & { readonly clusterId?: ClusterId }): Promise<Backup[]>;
  find(projectId: ProjectId, id: BackupId): Promise<Backup | null>;
  /** End of the oldest backup of a lineage on that site or on any, as a position in the log; null when there is none. */
  firstLsn(id: TimelineId, site: string | null): Promise<string | null>;
  /** The oldest good one that is left of a lineage, on that site or on any; null when there is none. */
  oldest(timelineId: TimelineId, site: string | null): Promise<Backup | null>;
  /** All copies of a lineage that are there. */
  copies(timelineId: TimelineId): Promise<BackupCopy[]>;
  /** The backup that an operation takes. @throws NOT_FOUND. */
  ofOperation(id: OperationId): Promise<Backup>;
  /** Begins one in the middle of an operation; one that is there already is left alone. */
  begin(ref: StepRef, backup: NewBackup): Promise<void>;
  /** How it is taken, once and for all tries on that node. */
  recordStart(ref: StepRef, start: BackupStart): Promise<void>;
  /** How a script has ended, on a node: the first word stays. */
  recordScript(ref: StepRef, run: Omit<ScriptRun, 'finishedAt'>): Promise<void>;
  succeed(ref: StepRef): Promise<void>;
  /**
   * From now on backups are due at their times. While there is none that ended well the condition `BackedUp` says so.
   *
   * @returns true when none was ever begun.
   */
  expect(ref: StepRef): Promise<boolean>;
  /** Clusters of which a backup may be overdue: ready, not paused, none runs, and nothing says already that the last one is missing. */
  listUnderPolicy(): Promise<UnderPolicy[]>;
  /** Clusters of which the condition `BackedUp` says that a backup is missing: their hosts may have taken one since. */
  listMissed(): Promise<ClusterId[]>;
  /** Raises the condition of an overdue backup. @returns false when the cluster is not one of those any more. */
  raiseOverdue(clusterId: ClusterId, message: string): Promise<boolean>;
  /**
   * Brings what is known of a site to what is there: new sets are written down, also such as a host took by itself, those
   * that are gone are marked so, and a backup without any is expired. Where a host has taken the last one well the condition
   * `BackedUp` says so.
   */
  recordSets(timeline: Timeline, site: string, sets: readonly FoundSet[]): Promise<void>;
  /** Those full sets of a lineage that are there: what says how long others are kept. */
  fullCopies(id: TimelineId): Promise<BackupCopy[]>;
  /** The copy of a set; null when nobody wrote it down. */
  findCopy(place: SetPlace): Promise<BackupCopy | null>;
  /** Sets of a site that are there, whose manifest nobody has read yet. */
  listUnread(id: TimelineId, site: string): Promise<string[]>;
  /** What was read first stays. */
  recordManifest(place: SetPlace, sha256: string): Promise<void>;
  /** It was restored just now, and nothing wrong was found. */
  markVerified(ref: StepRef, place: SetPlace): Promise<void>;
}

/** Where and how a backup is taken. */
export interface BackupStart {
  readonly node: NodeName;
  readonly role: NonNullable<Backup['nodeRole']>;
  /** Of PostgreSQL, with its minor. */
  readonly version: string;
  readonly parameters: BackupParameters;
}

/** A set in the store of a site. */
export interface SetPlace {
  readonly timelineId: TimelineId;
  readonly site: string;
  readonly setId: string;
}

/** What tells whether a backup of a cluster is overdue. Times are ISO 8601. */
export interface UnderPolicy {
  readonly clusterId: ClusterId;
  readonly clusterName: string;
  readonly policy: BackupPolicy;
  /** When its schedules began, or were last changed. */
  readonly since: string;
  readonly lastBegun: LastBegun;
  readonly lastGoodAt: string | null;
}

/** What an operation changes of its cluster's policy of backups. */
export interface PolicyChange {
  /** Null: it had none. */
  readonly before: BackupPolicy | null;
  readonly after: BackupPolicy;
}

export interface PolicyChangeTable {
  /** @throws NOT_FOUND for an operation that is no such change. */
  ofOperation(id: OperationId): Promise<PolicyChange>;
  /** The policy is again what it was before the operation. */
  putBack(ref: StepRef): Promise<void>;
}
