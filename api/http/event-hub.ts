import type { Inventory } from '../../activities/inventory/inventory';
import type { OperationId } from '../../domain/ids';

/** Tells the streams of this process that an operation has new events, over one subscription for all of them. */
export interface EventHub {
  /** Calls `wake` at each news of the operation; returns how to stop. */
  subscribe(operationId: OperationId, wake: () => void): Promise<() => void>;
  /** Ends every stream: their clients come again, with what they had last, to the next process. */
  close(): void;
  readonly closed: AbortSignal;
}

export function createEventHub(inventory: Pick<Inventory, 'operations'>): EventHub {
  const listeners = new Map<OperationId, Set<() => void>>();
  const closing = new AbortController();
  let subscription: Promise<() => void> | undefined;

  const listen = (): Promise<() => void> => {
    subscription ??= inventory.operations
      .onEvents((operationId) => {
        const told = operationId === null ? [...listeners.values()] : [listeners.get(operationId) ?? new Set()];
        for (const wakes of told) wakes.forEach((wake) => wake());
      })
      .catch((error: unknown) => {
        subscription = undefined; // so that the next stream tries again
        throw error;
      });
    return subscription;
  };

  return {
    closed: closing.signal,
    async subscribe(operationId, wake) {
      await listen();
      const ofOperation = listeners.get(operationId) ?? new Set();
      listeners.set(operationId, ofOperation.add(wake));
      return () => {
        ofOperation.delete(wake);
        if (ofOperation.size === 0) listeners.delete(operationId);
      };
    },
    close() {
      closing.abort();
      void subscription?.then((stop) => stop()).catch(() => undefined);
    },
  };
}
