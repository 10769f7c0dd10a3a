import type { Inventory } from '../../activities/inventory/inventory';
import { HoldfastError } from '../../domain/errors';
import type { OperationId } from '../../domain/ids';
import { isFinal, LAST_SEQ } from '../../domain/operations';
import type { OperationInput } from '../../domain/operations';
import type { Engine } from './engine';
import type { Log } from './log';

/** An operation that was written this long ago and has not begun is handed to the engine again. */
const UNSTARTED_AFTER_MS = 2_000;

/** Its entity would have told the end of an operation's workflow within seconds. */
const LOST_AFTER_MS = 60_000;

/**
 * Sees to it that every operation that the inventory holds gets started, also when the engine is away or this process
 * dies between writing and starting (a transactional outbox: the inventory's table of operations is the box), and that
 * none stays unfinished whose workflow is gone, because an operator terminated it with its entity, or the engine lost it.
 */
export interface Starter {
  /** Tries at once, in the background. A failure is the sweep's to mend. */
  start(operation: OperationInput): void;
  /** Stops sweeping. What is under way is not waited for: the next process's sweep finds it if it fails. */
  stop(): Promise<void>;
}

export interface StarterDeps {
  readonly inventory: Inventory;
  readonly engine: Pick<Engine, 'start' | 'stateOf'>;
  readonly log: Log;
  /** Pause between two sweeps in ms; default 2000. */
  readonly sweepEveryMs?: number;
  /** Default a minute. */
  readonly lostAfterMs?: number;
}

export function createStarter(deps: StarterDeps): Starter {
  const { inventory, engine, log, sweepEveryMs = UNSTARTED_AFTER_MS, lostAfterMs = LOST_AFTER_MS } = deps;
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
  const closeLost = async (): Promise<void> => {
    try {
      for (const id of await inventory.operations.listUnfinished(lostAfterMs)) await closeIfLost(deps, id);
    } catch (error) {
      log.warn({ err: error }, 'cannot look for operations whose workflow is gone');
    }
  };
  const stopped = new AbortController();
  const loop = Promise.all([
    repeat(sweep, sweepEveryMs, stopped.signal),
    repeat(closeLost, Math.max(sweepEveryMs, lostAfterMs / 4), stopped.signal),
  ]);

  return {
    start,
    async stop() {
      stopped.abort();
      await loop;
    },
  };
}

/** Ends an operation in the inventory whose workflow has ended without telling it. */
async function closeIfLost({ inventory, engine, log }: StarterDeps, id: OperationId): Promise<void> {
  const seen = await engine.stateOf(id);
  // Read again: what a workflow wrote before it ended is there by now.
  const operation = await inventory.operations.get(id);
  if (seen === 'running' || !operation || isFinal(operation.state)) return;
  // One that the engine never heard of is the outbox's to start.
  if (operation.state === 'pending' && seen === 'unknown') return;
  const { code, message } = new HoldfastError('OPERATION_LOST', { operation: id });
  const at = new Date().toISOString();
  log.warn({ operationId: id, seen }, 'the workflow of an operation is gone');
  await inventory.operations.record({
    operationId: id,
    seq: LAST_SEQ,
    steps: [],
    operation: { state: 'failed', at, error: { code, message } },
  });
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
