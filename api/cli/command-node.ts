import type { Command } from 'commander';
import { toType } from './called-as';
import { CLUSTER } from './command-cluster';
import { showPreview } from './cluster-text';
import { describe } from './help';
import { report, type WaitFlags, withWait } from './report';
import type { Open } from './run';

export function addNodeCommands(program: Command, open: Open): void {
  const node = describe(program.command('node'), 'Replace hosts of a cluster.', 'node replace orders pg-2 --preview');
  const command = describe(
    node.command('replace'),
    'Give a node a fresh host; the cluster serves meanwhile.',
    'node replace orders pg-2 --preview',
    'node replace orders gw-1 --wait',
  )
    .argument('<cluster>', CLUSTER)
    .argument('<node>', 'Name of the node, as `cluster show` tells it.')
    .option('--preview', 'Only say what would be done.');
  withWait(command).action(async (cluster: string, name: string, flags: WaitFlags & { preview?: boolean }) => {
    const session = await open();
    if (flags.preview) return showPreview(session.format, await session.client.previewReplacement(cluster, name));
    const operation = await session.client.replaceNode(cluster, name);
    await report(session, operation, flags, toType(`ops show ${operation.id}`));
  });
}
