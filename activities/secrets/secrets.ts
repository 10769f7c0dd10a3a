import type { ClusterId, ProjectId } from '../../domain/ids';

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
  /** @throws NOT_FOUND, SECRET_UNREADABLE. */
  read(ref: SecretRef): Promise<string>;
  /** All secrets of a cluster: the undo of a provision, the end of a deletion. */
  deleteAll(clusterId: ClusterId): Promise<void>;
}
