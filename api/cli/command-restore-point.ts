import type { Command } from 'commander';
import { toType } from './called-as';
import { CLUSTER, NEWEST } from './command-cluster';
import { showPreview } from './cluster-text';
import { describe } from './help';
import { printList } from './output';
import { report, type WaitFlags, withWait } from './report';
import type { Open } from './run';

/** `restore point`: names for what is in a cluster at a moment. */

export function addRestorePointCommands(restore: Command, open: Open): void {
  const point = describe(
    restore.command('point'),
    'Give what is in a cluster a name, to restore it to that later.',
    'restore point create orders before_release_7 --wait',
    'restore point list orders',
  );
  const create = describe(
    point.command('create'),
    'Make a restore point of what is in a cluster now.',
    'restore point create orders before_release_7 --wait',
  )
    .argument('<cluster>', CLUSTER)
    .argument('<name>', 'Name of the restore point, of which a cluster has one only.')
    .option('--preview', 'Only say what would be done.');
  withWait(create).action(async (cluster: string, name: string, flags: WaitFlags & { preview?: boolean }) => {
    const session = await open();
    if (flags.preview) return showPreview(session.format, await session.client.previewRestorePoint(cluster, { name }));
    const next = toType(`restore create ${cluster} NEW_NAME --point '${name}'`);
    await report(session, await session.client.createRestorePoint(cluster, { name }), flags, next);
  });
  describe(
    point.command('list'),
    'List the restore points that a cluster can be restored to, the newest first.',
    'restore point list orders',
  )
    .argument('<cluster>', 'Name of the cluster, or its id: one that was deleted has only that.')
    .option(...NEWEST)
    .action(async (cluster: string, { limit }: { limit?: number }) => {
      const { client, format } = await open();
      await printList(format, await client.listRestorePoints(cluster, limit), {
        name: (item) => item.name,
        made: (item) => item.madeAt,
        position: (item) => item.lsn,
        by: (item) => item.requestedBy,
      });
    });
}
