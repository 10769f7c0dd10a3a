import type { ClusterId, ProjectId, TimelineId } from '../../domain/ids';

/** Secrets by reference, encrypted at rest (AES-256-GCM envelope), bound to project, cluster, name and version. */

export interface SecretRef {
  readonly projectId: ProjectId;
  readonly clusterId: ClusterId;
  /** One of SECRET_NAMES. */
  readonly name: string;
}

export interface SecretStore {
  /** The secret, made by `make` and stored when there is none yet; of two that make it at once, one wins and both get its value. */
  ensure(ref: SecretRef, make: () => string | Promise<string>): Promise<string>;
  /** Null when there is none. @throws SECRET_UNREADABLE. */
  find(ref: SecretRef): Promise<string | null>;
  /** @throws NOT_FOUND, SECRET_UNREADABLE. */
  read(ref: SecretRef): Promise<string>;
  /** Idempotent. */
  forget(ref: SecretRef): Promise<void>;
  /** All secrets of a cluster but those that its backups need, which outlive it. */
  deleteOwn(clusterId: ClusterId): Promise<void>;
  /** Those that a lineage of its backups needed: nothing can open that from then on. */
  deleteOfBackups(clusterId: ClusterId, timelineId: TimelineId): Promise<void>;
}
