import type { HostCheck } from '../../domain/hosts';
import type { HostId, OperationId } from '../../domain/ids';
import type { OperationInput } from '../../domain/operations';

/** What the API asks of the workflow engine. It never asks it what is: the inventory knows that. */
export interface Engine {
  /**
   * Hands an operation that the inventory has written to its cluster's entity.
   * Idempotent: the same operation twice is one. Rejects when the engine or every worker is away; ask again later.
   */
  start(operation: OperationInput): Promise<void>;
  /** Tells an operation to try again now, or to undo itself. @throws UNAVAILABLE when its workflow does not run. */
  decide(operationId: OperationId, decision: 'retry' | 'cancel'): Promise<void>;
  /** Looks at a registered machine by way of a worker. @throws UNAVAILABLE when none answers in time. */
  checkHost(id: HostId): Promise<readonly HostCheck[]>;
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
