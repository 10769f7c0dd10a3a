import type { RestoreTarget, RestoreWindow } from '../../domain/backups';
import type { HostCheck } from '../../domain/hosts';
import type { ClusterId, HostId, OperationId } from '../../domain/ids';
import type { OperationInput } from '../../domain/operations';
import type { SiteCheck, SiteName } from '../../domain/sites';
import type { Decision } from '../../workflows/operation';

/**
 * What became of a decision: taken (or left to be), or there was no workflow to take it, because it has ended, or because
 * the engine has never heard of it, or has lost it.
 */
export type Decided = 'taken' | 'ended' | 'unknown';

/** What the API asks of the workflow engine. It never asks it what is: the inventory knows that. */
export interface Engine {
  /**
   * Hands an operation that the inventory has written to its cluster's entity.
   * Idempotent: the same operation twice is one. Rejects when the engine or every worker is away; ask again later.
   */
  start(operation: OperationInput): Promise<void>;
  /**
   * Asks an operation to try again now, or to undo itself; a cancel that is repeated is one. When no worker answers in
   * time, the decision is left for the next one, and the operation's events tell if it came too late.
   *
   * @returns what became of it.
   * @throws what the operation answers: POINT_OF_NO_RETURN, NOT_WAITING, NO_APPROVAL_WANTED, OPERATION_FINISHED; UNAVAILABLE.
   */
  decide(operationId: OperationId, decision: Decision): Promise<Decided>;
  /** Looks at a registered machine by way of a worker. @throws UNAVAILABLE when none answers in time. */
  checkHost(id: HostId): Promise<readonly HostCheck[]>;
  /** Asks every object store by way of a worker. @throws UNAVAILABLE when none answers in time. */
  checkSites(): Promise<readonly SiteCheck[]>;
  /**
   * Looks by way of a worker from where to where a cluster can be restored; null while nothing can.
   *
   * @param upTo a target that shall be in it: what was committed up to now is archived at once where it is not; null: nothing
   * is done to the cluster.
   * @param site the only one that counts; null: all.
   * @throws UNAVAILABLE when no worker, no store or no host answers in time.
   */
  lookAtWindow(id: ClusterId, upTo: RestoreTarget | null, site: SiteName | null): Promise<RestoreWindow | null>;
  /**
   * What became of an operation's workflow; `unknown` when the engine has never heard of it, or has lost it.
   * @throws UNAVAILABLE.
   */
  stateOf(operationId: OperationId): Promise<'running' | 'ended' | 'unknown'>;
  /** True when the engine answers. */
  ping(): Promise<boolean>;
  /** True when a worker has asked for work lately; false also when the engine does not answer. */
  hasWorker(): Promise<boolean>;
  close(): Promise<void>;
}
