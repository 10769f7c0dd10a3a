import type { BackupId, ClusterId, OperationId, ProjectId, TimelineId } from './ids';
import type { Major } from './clusters';
import type { BackupHooks, Notify, ScriptRun } from './backup-hooks';
import type { DumpOrders } from './dump-schedules';
import type { NodeName } from './topology';

/** Physical backups: which are taken when, how long they are kept, and what is known of each. */

/** Ordered by how much they read: a full one needs no other, an incremental one needs the newest of any type. */
export const BACKUP_TYPES = ['full', 'differential', 'incremental'] as const;
export type BackupType = (typeof BACKUP_TYPES)[number];

export const BACKUP_STATES = ['running', 'succeeded', 'failed', 'expired'] as const;
export type BackupState = (typeof BACKUP_STATES)[number];

export const RETENTION_UNITS = ['days', 'count'] as const;

export interface BackupPolicy {
  /** Names of the sites that each get a copy of their own; the first is the one to restore from. */
  readonly sites: readonly string[];
  /** When each type is taken: a cron expression of five fields in {@link timeZone}; null: never by itself. */
  readonly schedule: Readonly<Record<BackupType, string | null>>;
  /** When a restore is proven by a drill: as {@link schedule}; null: never by itself. */
  readonly drill: string | null;
  readonly dumps: DumpOrders;
  /** IANA name, such as `Europe/Paris`. */
  readonly timeZone: string;
  /** Full backups, with all that builds on them, are kept for so many days, or so many of them. */
  readonly retention: { readonly unit: (typeof RETENTION_UNITS)[number]; readonly full: number };
  /** True: no backup or dump is taken and no drill held by schedule. The log is archived all the same. */
  readonly paused: boolean;
  readonly hooks: BackupHooks;
  /** Whom to tell how backups, drills and dumps end. */
  readonly notify: readonly Notify[];
}

/** Weekly full, daily differential, hourly incremental ones, kept for two weeks, on two sites. */
export const DEFAULT_BACKUP_SCHEDULE: BackupPolicy['schedule'] = {
  full: '17 1 * * 0',
  differential: '17 1 * * 1-6',
  incremental: '47 * * * *',
};
export const DEFAULT_BACKUP_RETENTION: BackupPolicy['retention'] = { unit: 'days', full: 14 };
export const DEFAULT_BACKUP_SITES = 2;
/** For so long the data of a deleted cluster can be restored. */
export const BACKUPS_OUTLIVE_DAYS = 7;

/** A backup lineage: one pgBackRest stanza of the same name, with a repository on each of its sites. */
export interface Timeline {
  readonly id: TimelineId;
  readonly projectId: ProjectId;
  readonly clusterId: ClusterId;
  readonly version: Major;
  /** In order: repository 1 is on the first. */
  readonly sites: readonly string[];
  readonly createdAt: string;
  /** When it will be removed, because its cluster was deleted; null while that lives. */
  readonly expiresAt: string | null;
}

/** What one site has of a backup. */
export interface BackupCopy {
  readonly site: string;
  /** pgBackRest's own name of it, such as `20261121-063000F`. */
  readonly setId: string;
  /** The type that it became there: the first one on a site is full whatever was asked for. */
  readonly type: BackupType;
  readonly path: string;
  /** Size of the database as it was for this copy; null: not known. */
  readonly databaseBytes: number | null;
  /** In the store, of this backup alone. */
  readonly storedBytes: number;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly startLsn: string;
  readonly stopLsn: string;
  /** It has pages that were damaged when they were read: PostgreSQL's checksums did not fit. */
  readonly damaged: boolean;
  /** Expired, and removed from the site. */
  readonly removedAt: string | null;
  /** SHA-256 of its manifest, encrypted as the store has it, when it was written down; null: it could not be read then. */
  readonly manifestSha256: string | null;
  /** When a drill or a restore that began with it last found nothing wrong. */
  readonly lastVerifiedAt: string | null;
}

/** What pgBackRest was told about how to take a backup, by the names of its own options. */
export interface BackupParameters {
  readonly compressType: string;
  readonly cipherType: string;
  /** Small files are put together into larger ones. */
  readonly bundle: boolean;
  /** Of a large file that has changed only the blocks are copied that have. */
  readonly block: boolean;
  readonly processMax: number;
}

export interface Backup {
  readonly id: BackupId;
  readonly projectId: ProjectId;
  readonly clusterId: ClusterId;
  readonly timelineId: TimelineId;
  /** Null when the host took it by itself, because the control plane was away. */
  readonly operationId: OperationId | null;
  readonly type: BackupType;
  readonly state: BackupState;
  readonly description: string | null;
  /** `schedule`, or the name of the token that asked for it. */
  readonly requestedBy: string;
  /** Whose time had come, of the policy's schedules; null: none, somebody asked for it. */
  readonly schedule: BackupType | null;
  /** The data node that it was taken from, and what that was at the time. */
  readonly node: NodeName | null;
  readonly nodeRole: 'primary' | 'replica' | null;
  /** Of PostgreSQL as it ran: `17.12`; the major alone where nobody saw the minor. */
  readonly version: string;
  /** What took it, such as `pgBackRest 2.60.0`. */
  readonly tool: string | null;
  /** Null until it has begun, and of one that a host took by itself. */
  readonly parameters: BackupParameters | null;
  /** Size of the database as it was for its last copy. */
  readonly databaseBytes: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly copies: readonly BackupCopy[];
  /** The user's scripts that were run before and after it. */
  readonly scripts: readonly ScriptRun[];
}

/** From where to where a timeline can be restored, as the archived log itself says. */
export interface RestoreWindow {
  /** End of the oldest backup that is there. */
  readonly earliest: string;
  /** The newest commit in the archive; null while nothing was archived since the oldest backup. */
  readonly latest: string | null;
  /** Where the last record of the archive begins; left out when it is not known. */
  readonly lastLsn?: string;
  /**
   * Number of the newest transaction that has ended on the primary, with its epoch, as pg_current_xact_id gives it. True at the moment of
   * the look alone, so nobody keeps it: left out when the primary was not asked now.
   */
  readonly lastTransaction?: string;
  /** Left out when there is none. In order of time. */
  readonly gaps?: readonly RestoreGap[];
}

/** Of a transaction: when it was, and where in the log its record begins. */
export interface Commit {
  readonly at: string;
  readonly lsn: string;
}

/** Segments of the log that no site has: nothing between these ends can be restored; the ends themselves can. */
export interface RestoreGap {
  /** The newest commit before what is missing. */
  readonly from: string;
  /** The end of the first backup after it. */
  readonly to: string;
  readonly fromLsn: string;
  readonly toLsn: string;
}

/** Where a restore stops. Times are ISO 8601 with an offset. */
export type RestoreTarget =
  | { readonly kind: 'latest' }
  | { readonly kind: 'time'; readonly time: string }
  | { readonly kind: 'lsn'; readonly lsn: string }
  | { readonly kind: 'transaction'; readonly transaction: string }
  | { readonly kind: 'point'; readonly name: string; readonly lsn: string; readonly madeAt: string }
  | { readonly kind: 'backup'; readonly backup: BackupId };

/** A target as a request names it: of a restore point its name alone. */
export type AskedTarget =
  Exclude<RestoreTarget, { kind: 'point' }> | Pick<Extract<RestoreTarget, { kind: 'point' }>, 'kind' | 'name'>;

/** A place in the log that somebody gave a name. */
export interface RestorePoint {
  /** Of the operation that made it. */
  readonly id: OperationId;
  readonly clusterId: ClusterId;
  readonly timelineId: TimelineId;
  readonly name: string;
  /** Where the record that marks it ends: what begins before this position is part of it, and nothing else. */
  readonly lsn: string;
  readonly madeAt: string;
  readonly requestedBy: string;
}

/** What a restored cluster was made from. */
export interface Origin {
  readonly clusterId: ClusterId;
  readonly timelineId: TimelineId;
  readonly target: RestoreTarget;
  /** Site to read from; null: the first that can be read. */
  readonly site: string | null;
  /** True: the owner's password is the source's. */
  readonly keepsCredentials: boolean;
  /** True: it takes the place of the source, which was deleted: with its certificate authority, and its address where that is free. */
  readonly undeletes: boolean;
  /** The one database that comes back; the others are there by name only. Null: all. */
  readonly onlyDatabase: string | null;
}
