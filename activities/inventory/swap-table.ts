import type { StepRef } from '../../domain/clusters';
import type { ClusterId, OperationId, TimelineId } from '../../domain/ids';
import type { Fork, Swap } from '../../domain/swaps';
import type { NodeName } from '../../domain/topology';

/** What a request orders; the rest follows. */
export type NewSwap = Pick<Swap, 'timelineId' | 'target' | 'site' | 'undoes'>;

export type FoundOldData = { readonly bytes: number; readonly hours: number } & Pick<
  Swap,
  'lastCommitAt' | 'lastCommitLsn'
>;

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
  /** Data nodes that are away since the exchange of an operation; none of one that is no swap. */
  away(id: OperationId): Promise<NodeName[]>;
  /** Where the new data of an operation is made; null of one that is no swap, or has not chosen it yet. */
  nodeOf(id: OperationId): Promise<NodeName | null>;
  /** A data node does not answer: written down with the time, of which only the first counts, and told of the cluster. */
  noteAway(ref: StepRef, node: NodeName): Promise<void>;
  /** The newest swap of each cluster on which nothing is done at the moment, where it has left nodes behind. */
  listWithNodesAway(): Promise<Swap[]>;
  /** The node is one of its cluster again. */
  noteBack(swap: Pick<Swap, 'operationId' | 'clusterId'>, node: NodeName): Promise<void>;
  /** The old data stays for some hours, and what was kept by the swap that this one undoes is let go. */
  keep(ref: StepRef, found: FoundOldData): Promise<void>;
  /** As {@link keep}, on a node that was away when the operation ended. */
  keepLater(id: OperationId, found: FoundOldData): Promise<void>;
  /** Lets go of what is kept of the cluster: it can't be put back any more. */
  release(ref: StepRef): Promise<void>;
  /** Lets go of what was kept for long enough, but where an operation works on its cluster, and gives all that hosts still have. */
  listReleased(): Promise<Swap[]>;
  /** What was let go of one cluster, and its hosts may still have. */
  left(clusterId: ClusterId): Promise<Swap[]>;
  /** Its host has deleted it. */
  markRemoved(id: OperationId): Promise<void>;
}
