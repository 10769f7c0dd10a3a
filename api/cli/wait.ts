import type { OperationAnswer } from '../../domain/schemas/operations';
import { toType } from './called-as';
import type { Client } from './client';
import { CliError, EXIT } from './exit';
import { follow } from './follow';
import { startLines } from './lines';
import { type Format, printNdjson, say } from './output';
import { startTree } from './tree';

/** So many backups are looked through for the one of an operation. */
const NEWEST = 20;

export interface WaitOptions {
  readonly format: Format;
  readonly timeoutMs: number;
  /** How it shall end; default `succeeded`. Whoever cancels wants `cancelled`. */
  readonly wanted?: 'succeeded' | 'cancelled';
}

/**
 * Follows an operation and shows it: a live tree on a terminal, a line per change in a pipe, NDJSON for programs.
 * Ctrl-C only stops looking: the operation goes on.
 *
 * @throws CliError operationFailed, waitTimedOut, interrupted.
 */
export async function waitFor(
  client: Client,
  operation: OperationAnswer,
  { format, timeoutMs, wanted = 'succeeded' }: WaitOptions,
): Promise<OperationAnswer> {
  const again = toType(`ops watch ${operation.id}`);
  const stop = new AbortController();
  const detach = (): void => stop.abort(new CliError('Detached. The operation goes on.', EXIT.interrupted, again));
  const tooLong = (): void =>
    stop.abort(
      new CliError(`Operation ${operation.id} still runs; waited ${timeoutMs / 1000} s.`, EXIT.waitTimedOut, again),
    );
  const timer = setTimeout(tooLong, timeoutMs);
  process.once('SIGINT', detach);
  const view = startView(format, operation);
  try {
    const ended = await follow(client, operation, view.show, stop.signal);
    view.end(ended);
    if (ended.state !== wanted) throw await failure(client, ended);
    return ended;
  } catch (error) {
    view.end(null);
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', detach);
  }
}

async function failure(client: Client, operation: OperationAnswer): Promise<CliError> {
  const { id, state, error } = operation;
  const why = error === null ? '' : ` ${error.code}: ${error.message}`;
  return new CliError(
    `Operation ${id} ${state}.${why}`,
    EXIT.operationFailed,
    toType(await recordOf(client, operation)),
  );
}

/** The backup, where its record tells more than the operation: what the script wrote. */
async function recordOf(client: Client, { id, clusterName, error }: OperationAnswer): Promise<string> {
  if (error?.code === 'BACKUP_SCRIPT_FAILED') {
    const known = await client.listBackups(clusterName, NEWEST).catch(() => []);
    const backup = known.find(({ operationId }) => operationId === id);
    if (backup) return `backup show ${clusterName} ${backup.id}`;
  }
  return `ops show ${id}`;
}

interface View {
  readonly show: Parameters<typeof follow>[2];
  /** With the operation at its end; null when nobody looks any longer. Only the first call counts. */
  end(ended: OperationAnswer | null): void;
}

function startView(format: Format, operation: OperationAnswer): View {
  if (format === 'json') {
    return { show: printNdjson, end: (ended) => ended && printNdjson({ type: 'result', operation: ended }) };
  }
  if (process.stderr.isTTY) {
    let tree: ReturnType<typeof startTree> | null = startTree(process.stderr, operation);
    return {
      show: (_event, now) => tree?.update(now),
      end(ended) {
        if (ended) tree?.update(ended);
        tree?.end();
        tree = null;
      },
    };
  }
  const lineOf = startLines();
  const show: View['show'] = (event, now) => {
    const line = lineOf(event, now);
    if (line !== null) say(line);
  };
  return { show, end: () => undefined };
}
