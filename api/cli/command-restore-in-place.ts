import type { Command } from 'commander';
import type { KeptDataAnswer, RestoreInPlaceRequest } from '../../domain/schemas/swaps';
import { toType } from './called-as';
import { ApiError, type Client } from './client';
import { CLUSTER } from './command-cluster';
import { showPreview } from './cluster-text';
import { describe } from './help';
import { bytes, printJson, printOne, say } from './output';
import { report, type WaitFlags, withWait } from './report';
import { requiredTargetOf, type TargetFlags, withTarget } from './restore-target';
import type { Open } from './run';

/** `restore in-place` and what follows it. */

interface ConfirmedFlags extends WaitFlags {
  readonly confirm?: string;
  readonly preview?: boolean;
}

const CONFIRM = 'Type the name of the cluster again: without it nothing is done.';
const PREVIEW = 'Only say what would be done.';

export function addInPlaceCommands(restore: Command, open: Open): void {
  addInPlace(restore, open);
  describe(restore.command('kept'), 'Show the data that can be put back by a rollback.', 'restore kept orders')
    .argument('<cluster>', CLUSTER)
    .action(async (cluster: string) => {
      const { client, format } = await open();
      const kept = await keptData(client, cluster);
      if (kept === null) return format === 'json' ? printJson(null) : say(`Nothing is kept of ${cluster}.`);
      await printOne(format, kept, {
        operation: kept.operationId,
        node: kept.node,
        size: kept.bytes && bytes(kept.bytes),
        'served until': kept.swappedAt,
        'kept until': kept.until,
      });
    });
  addRollback(restore, open);
  addConfirm(restore, open);
}

/** Null: nothing is kept, which is an answer to who asks what is. */
async function keptData(client: Client, cluster: string): Promise<KeptDataAnswer | null> {
  try {
    return await client.showKeptData(cluster);
  } catch (error) {
    if (error instanceof ApiError && error.problem.code === 'NOTHING_KEPT') return null;
    throw error;
  }
}

function addInPlace(restore: Command, open: Open): void {
  const command = describe(
    restore.command('in-place'),
    'Put the data of a cluster back to what it was at a time of its past, which has to be said.',
    'restore in-place orders --time 2026-11-21T14:01:00+01:00 --preview',
    'restore in-place orders --time 2026-11-21T14:01:00+01:00 --confirm orders --wait',
  ).argument('<cluster>', CLUSTER);
  withTarget(
    command,
    'The newest state: the same data again, out of the backups; what was written by mistake is in it too.',
  )
    .option('--site <site>', 'Read from this site; the first that can be read by default.')
    .option('--confirm <cluster>', CONFIRM)
    .option('--preview', PREVIEW);
  withWait(command).action(async (cluster: string, flags: ConfirmedFlags & TargetFlags & { site?: string }) => {
    const session = await open();
    const given = { target: requiredTargetOf(flags, cluster), site: flags.site, confirm: flags.confirm };
    // Texts are checked by the API.
    const request = JSON.parse(JSON.stringify(given)) as RestoreInPlaceRequest;
    if (flags.preview) {
      showPreview(session.format, await session.client.previewRestoreInPlace(cluster, request));
      return sayWayBack(cluster);
    }
    const operation = await session.client.restoreInPlace(cluster, request);
    await report(session, operation, flags, toType(`restore kept ${cluster}`));
  });
}

const sayWayBack = (cluster: string): void =>
  say(
    `Old data is put back by ${toType(`restore rollback ${cluster}`)}, and given up by ${toType(`restore confirm ${cluster}`)}`,
  );

function addRollback(restore: Command, open: Open): void {
  const command = describe(
    restore.command('rollback'),
    'Put the data back that the last restore in place has kept. What was written since is kept in its turn.',
    'restore rollback orders --preview',
    'restore rollback orders --confirm orders --wait',
  )
    .argument('<cluster>', CLUSTER)
    .option('--confirm <cluster>', CONFIRM)
    .option('--preview', PREVIEW);
  withWait(command).action(async (cluster: string, flags: ConfirmedFlags) => {
    const session = await open();
    if (flags.preview) {
      showPreview(session.format, await session.client.previewRollback(cluster));
      return sayWayBack(cluster);
    }
    await report(session, await session.client.rollBackRestore(cluster, flags.confirm ?? ''), flags);
  });
}

function addConfirm(restore: Command, open: Open): void {
  const command = describe(
    restore.command('confirm'),
    'Give back the space of the data that the last restore in place has kept: it can be put back no more.',
    'restore confirm orders --wait',
  )
    .argument('<cluster>', CLUSTER)
    .option('--preview', PREVIEW);
  withWait(command).action(async (cluster: string, flags: WaitFlags & { preview?: boolean }) => {
    const session = await open();
    if (flags.preview) return showPreview(session.format, await session.client.previewConfirmRestore(cluster));
    await report(session, await session.client.confirmRestore(cluster), flags);
  });
}
