import type { Command } from 'commander';
import type { OperationAnswer } from '../../domain/schemas/operations';
import { removeCa } from './ca-files';
import { toType } from './called-as';
import { timeoutOption } from './help';
import { print, printOne, say } from './output';
import type { Session } from './run';

export interface WaitFlags {
  readonly wait?: boolean;
  readonly timeout: number;
  readonly wanted?: 'succeeded' | 'cancelled';
}

/** Adds `--wait` and `--timeout` to a command that starts an operation. */
export function withWait(command: Command): Command {
  return command
    .option('-w, --wait', 'Follow the operation to its end.')
    .addOption(timeoutOption('Stop waiting after this time, such as 90s, 10m or 1h; the operation goes on.'));
}

/** Shows the accepted operation, or follows it to its end and says what to do then. */
export async function report(
  { client, format, settings }: Session,
  operation: OperationAnswer,
  flags: WaitFlags,
  next?: string,
): Promise<void> {
  if (!flags.wait) {
    await printOne(format, operation, {
      operation: operation.id,
      kind: operation.kind,
      cluster: operation.clusterName,
      state: operation.state,
    });
    return say(`Follow it: ${toType(`ops watch ${operation.id}`)}`);
  }
  const { waitFor } = await import('./wait.js');
  const ended = await waitFor(client, operation, {
    format,
    timeoutMs: flags.timeout,
    ...(flags.wanted === undefined ? {} : { wanted: flags.wanted }),
  });
  if (ended.kind === 'delete' && ended.state === 'succeeded') removeCa(settings.caFolder, ended.clusterId);
  if (format === 'table') print(operation.id);
  if (next !== undefined) say(`Next: ${next}`);
}
