import type { Command } from 'commander';
import { CLUSTER } from './command-cluster';
import { showPreview } from './cluster-text';
import { describe } from './help';
import { report, type WaitFlags, withWait } from './report';
import type { Open } from './run';

type Flags = WaitFlags & { preview?: boolean };

export function addNodeCommands(program: Command, open: Open): void {
  const node = describe(
    program.command('node'),
    'Restart a node of a cluster, copy its data anew, or give it a fresh host.',
    'node restart orders pg-2 --wait',
    'node reinit orders pg-3 --wait',
    'node replace orders gw-1 --wait',
  );
  const verbs = [
    ['restart', 'Restart PostgreSQL of a data node, or HAProxy and PgBouncer of a gateway.'],
    ['reinit', 'Throw the data of a replica away and copy it anew from the primary.'],
    ['replace', 'Give a node a fresh host; the cluster serves meanwhile.'],
  ] as const;
  for (const [verb, sentence] of verbs) {
    const command = describe(
      node.command(verb),
      sentence,
      `node ${verb} orders pg-2 --preview`,
      `node ${verb} orders pg-2 --wait`,
    )
      .argument('<cluster>', CLUSTER)
      .argument('<node>', 'Name of the node, such as pg-2.')
      .option('--preview', 'Only say what would be done.');
    withWait(command).action(async (cluster: string, name: string, flags: Flags) => {
      const session = await open();
      const { client, format } = session;
      if (flags.preview) return showPreview(format, await client.previewNodeOperation(cluster, name, verb));
      await report(session, await client.operateNode(cluster, name, verb), flags);
    });
  }
}
