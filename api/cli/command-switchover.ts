import type { Command } from 'commander';
import { toType } from './called-as';
import { CLUSTER } from './command-cluster';
import { showPreview } from './cluster-text';
import { describe } from './help';
import { report, type WaitFlags, withWait } from './report';
import type { Open } from './run';

export function addSwitchoverCommand(program: Command, open: Open): void {
  const command = describe(
    program.command('switchover'),
    'Make another data node the primary; clients of the pooled port wait for a moment and see no error.',
    'switchover orders --preview',
    'switchover orders --to pg-2 --wait',
  )
    .argument('<cluster>', CLUSTER)
    .option(
      '--to <node>',
      'Data node that is to be the primary; the synchronous standby that is least behind by default.',
    )
    .option('--preview', 'Only say what would be done.');
  withWait(command).action(async (cluster: string, flags: WaitFlags & { to?: string; preview?: boolean }) => {
    const session = await open();
    const order = flags.to === undefined ? {} : { to: flags.to };
    if (flags.preview) return showPreview(session.format, await session.client.previewSwitchover(cluster, order));
    const operation = await session.client.switchOver(cluster, order);
    await report(session, operation, flags, toType(`ops show ${operation.id}`));
  });
}
