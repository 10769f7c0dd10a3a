import type { StepRef } from '../../domain/clusters';
import type { ClusterId, OperationId, TimelineId } from '../../domain/ids';
import type { Fork, Swap } from '../../domain/swaps';

/** What a request orders; the rest follows. */
export type NewSwap = Pick<Swap, 'timelineId' | 'target' | 'site' | 'undoes'>;

export interface SwapTable {
  /** @throws NOT_FOUND for an operation that is none. */
  ofOperation(id: OperationId): Promise<Swap>;
  /** Those of a lineage that came to pass, in order. */
  forks(id: TimelineId): Promise<Fork[]>;
  /** The one whose old data can be put back, null when none is kept. */
  kept(clusterId: ClusterId): Promise<Swap | null>;
  /** Writes down what became known; what is null in `change` stays as it is. */
  note(ref: StepRef, change: Partial<Pick<Swap, 'node' | 'keptOn' | 'oldLog' | 'newLog' | 'forkLsn'>>): Promise<void>;
  /** The new data has taken the place of the old, now; only the first time counts. */
  pass(ref: StepRef): Promise<void>;
  /** The old data stays for some hours, and what was kept by the swap that this one undoes is let go. */
  keep(
    ref: StepRef,
    found: { readonly bytes: number; readonly hours: number } & Pick<Swap, 'lastCommitAt' | 'lastCommitLsn'>,
  ): Promise<void>;
  /** Lets go of what is kept of the cluster: it can't be put back any more. */
  release(ref: StepRef): Promise<void>;
  /** Lets go of what was kept for long enough, but where an operation works on its cluster, and gives all that hosts still have. */
  listReleased(): Promise<Swap[]>;
  /** What was let go of one cluster, and its hosts may still have. */
  left(clusterId: ClusterId): Promise<Swap[]>;
  /** Its host has deleted it. */
  markRemoved(id: OperationId): Promise<void>;
}
