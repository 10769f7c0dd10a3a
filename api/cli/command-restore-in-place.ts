import type { Command } from 'commander';
import type { RestoreInPlaceRequest } from '../../domain/schemas/swaps';
import { toType } from './called-as';
import { CLUSTER } from './command-cluster';
import { showPreview } from './cluster-text';
import { describe } from './help';
import { printOne } from './output';
import { report, type WaitFlags, withWait } from './report';
import { type TargetFlags, targetOf, withTarget } from './restore-target';
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
      const kept = await client.showKeptData(cluster);
      await printOne(format, kept, {
        operation: kept.operationId,
        node: kept.node,
        bytes: kept.bytes === null ? null : String(kept.bytes),
        'served until': kept.swappedAt,
        'kept until': kept.until,
      });
    });
  addRollback(restore, open);
  addConfirm(restore, open);
}

function addInPlace(restore: Command, open: Open): void {
  const command = describe(
    restore.command('in-place'),
    'Put the data of a cluster back to what it was at a time of its past.',
    'restore in-place orders --time 2026-11-21T14:01:00+01:00 --preview',
    'restore in-place orders --time 2026-11-21T14:01:00+01:00 --confirm orders --wait',
  ).argument('<cluster>', CLUSTER);
  withTarget(command)
    .option('--site <site>', 'Read from this site; the first that answers by default.')
    .option('--confirm <cluster>', CONFIRM)
    .option('--preview', PREVIEW);
  withWait(command).action(async (cluster: string, flags: ConfirmedFlags & TargetFlags & { site?: string }) => {
    const session = await open();
    const given = { target: targetOf(flags), site: flags.site, confirm: flags.confirm };
    // Texts are checked by the API.
    const request = JSON.parse(JSON.stringify(given)) as RestoreInPlaceRequest;
    if (flags.preview) return showPreview(session.format, await session.client.previewRestoreInPlace(cluster, request));
    const operation = await session.client.restoreInPlace(cluster, request);
    await report(session, operation, flags, toType(`restore kept ${cluster}`));
  });
}

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
    if (flags.preview) return showPreview(session.format, await session.client.previewRollback(cluster));
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
