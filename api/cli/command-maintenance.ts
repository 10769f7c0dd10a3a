import type { Command } from 'commander';
import { CLUSTER } from './command-cluster';
import { describe } from './help';
import { print, printJson } from './output';
import type { Open } from './run';

export function addMaintenanceCommands(program: Command, open: Open): void {
  const maintenance = describe(
    program.command('maintenance'),
    'Have the autopilot leave the hosts of a cluster alone for some time.',
    'maintenance start orders --minutes 60',
    'maintenance stop orders',
  );
  describe(
    maintenance.command('start'),
    'Begin maintenance, or have the one that lasts end at another time; it ends by itself.',
    'maintenance start orders --minutes 60',
  )
    .argument('<cluster>', CLUSTER)
    .requiredOption('--minutes <number>', 'How long it lasts from now on; 1440 (a day) at the most.', Number)
    .action(async (cluster: string, { minutes }: { minutes: number }) => {
      const { client, format } = await open();
      const begun = await client.beginMaintenance(cluster, { minutes });
      if (format === 'json') return printJson(begun);
      print(`The autopilot leaves the hosts of ${cluster} alone until ${begun.until}.`);
    });
  describe(maintenance.command('stop'), 'End maintenance before its time.', 'maintenance stop orders')
    .argument('<cluster>', CLUSTER)
    .action(async (cluster: string) => {
      const { client, format } = await open();
      await client.endMaintenance(cluster);
      if (format !== 'json') print(`The autopilot watches the hosts of ${cluster}.`);
    });
}
