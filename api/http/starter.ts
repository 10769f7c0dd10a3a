import type { Inventory } from '../../activities/inventory/inventory';
import type { OperationInput } from '../../domain/operations';
import type { Engine } from './engine';
import type { Log } from './log';

/** An operation that was written this long ago and has not begun is handed to the engine again. */
const UNSTARTED_AFTER_MS = 2_000;

/**
 * Sees to it that every operation that the inventory holds gets started, also when the engine is away or this process
 * dies between writing and starting (a transactional outbox: the inventory's table of operations is the box).
 */
export interface Starter {
  /** Tries at once, in the background. A failure is the sweep's to mend. */
  start(operation: OperationInput): void;
  /** Stops sweeping. What is under way is not waited for: the next process's sweep finds it if it fails. */
  stop(): Promise<void>;
}

export interface StarterDeps {
  readonly inventory: Inventory;
  readonly engine: Pick<Engine, 'start'>;
  readonly log: Log;
  /** Pause between two sweeps in ms; default 2000. */
  readonly sweepEveryMs?: number;
}

export function createStarter({ inventory, engine, log, sweepEveryMs = UNSTARTED_AFTER_MS }: StarterDeps): Starter {
  const underWay = new Set<string>();
  const start = (operation: OperationInput): void => {
    const { operationId } = operation;
    if (underWay.has(operationId)) return;
    underWay.add(operationId);
    void engine
      .start(operation)
      .catch((error: unknown) =>
        log.warn({ operationId, err: error }, 'operation not started yet; it will be tried again'),
      )
      .finally(() => underWay.delete(operationId));
  };

  const sweep = async (): Promise<void> => {
    try {
      for (const operation of await inventory.operations.listUnstarted(UNSTARTED_AFTER_MS)) start(operation);
    } catch (error) {
      log.warn({ err: error }, 'cannot look for operations that were not started');
    }
  };
  const stopped = new AbortController();
  const loop = repeat(sweep, sweepEveryMs, stopped.signal);

  return {
    start,
    async stop() {
      stopped.abort();
      await loop;
    },
  };
}

/** Runs `work` again and again, with a pause in between, until the signal; never two at a time. */
async function repeat(work: () => Promise<void>, pauseMs: number, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    await work();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      stop.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
      if (stop.aborted) resolve();
    });
  }
}
