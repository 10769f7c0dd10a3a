import { log } from '@temporalio/activity';
import { HoldfastError } from '../../domain/errors';
import type { Fleet } from '../fleet';
import { cancellation } from '../host/cancellation';
import { createArchiveWatch } from './archive';
import { guardClusters } from './guard';
import { createNodeWatch } from './nodes';
import type { HealingSteps } from './order';
import { lookInTurns } from './turns';

/** What is done for all clusters together without end. No step of an operation. */
export interface WatchActivities {
  /**
   * Looks at the archive of each cluster every ten seconds and writes down what it sees: measurements, the condition
   * `Archiving` and, where the log has a gap, the order of the backup that ends it. Looks at all nodes every three: their volumes,
   * standbys, etcd, gateways, certificates (docs/watching.md). Listens to the data nodes of those that can lose one, and replaces a
   * primary that is dead: docs/failover.md; orders the replacement of nodes that do not come back, and the recovery of clusters that
   * have lost all their data: docs/replacement.md. New clusters come in by themselves. One that does not answer keeps nobody from the others. Idempotent; two at a time do no harm. Retry: for
   * ever. Effects: rows, conditions, audit log, backups, operations, hosts that are switched off and on. Undo: none. Ends by
   * cancellation, or with its worker.
   *
   * @param steps that what it orders will have.
   */
  watchClusters(steps: HealingSteps): Promise<void>;
}

const ARCHIVES_PERIOD_MS = 10_000;
/** What the API tells of nodes is never older. */
export const NODES_PERIOD_MS = 3_000;

/** @param stopping given when the worker begins to stop: another one goes on. */
export function createWatchActivities(fleet: Fleet, stopping: AbortSignal): WatchActivities {
  return {
    async watchClusters(steps) {
      const signal = cancellation(stopping) ?? stopping;
      const look = createArchiveWatch(fleet, signal);
      const guarding = guardClusters(fleet, steps, signal);
      const archives = lookInTurns({
        list: () => fleet.inventory.archiving.listWatched(),
        idOf: ({ clusterId }) => clusterId,
        look,
        onFailure: tellFailure,
        periodMs: ARCHIVES_PERIOD_MS,
        signal,
      });
      const nodes = lookInTurns({
        list: () => fleet.inventory.watching.listReady(),
        idOf: ({ clusterId }) => clusterId,
        look: createNodeWatch(fleet, signal, tellFailure),
        onFailure: tellFailure,
        periodMs: NODES_PERIOD_MS,
        signal,
      });
      await Promise.all([guarding, archives, nodes]);
    },
  };
}

/** What is away is told by others. */
function tellFailure(error: unknown): void {
  if (error instanceof HoldfastError && error.retryable) return;
  log.warn('a look at a cluster failed', { error: String(error) });
}
