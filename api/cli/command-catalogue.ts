import type { Command } from 'commander';
import { bytes, printJson, printList } from './output';
import type { Open } from './run';

export function addCatalogueCommands(program: Command, open: Open): void {
  program
    .command('plan')
    .description('what can be ordered')
    .command('list')
    .description('all plans')
    .action(async () => {
      const { client, format } = await open();
      await printList(format, await client.listPlans(), {
        plan: (plan) => plan.name,
        nodes: (plan) => `${plan.nodes.data}+${plan.nodes.gateway}`,
        memory: (plan) => bytes(plan.memoryBytes),
        cpus: (plan) => plan.cpus,
        storage: (plan) => `${bytes(plan.storageBytes)}..${bytes(plan.maxStorageBytes)}`,
        'eur/month': (plan) => (plan.priceEuroCentsPerMonth / 100).toFixed(2),
        summary: (plan) => plan.summary,
      });
    });
  program
    .command('version')
    .description('which PostgreSQL')
    .command('list')
    .description('versions that can be ordered')
    .action(async () => {
      const { client, format } = await open();
      const versions = await client.listVersions();
      if (format === 'json') return printJson(versions);
      await printList(format, versions.items, {
        version: (version) => version.major,
        minor: (version) => version.minor,
        default: (version) => (version.default ? 'yes' : ''),
      });
    });
}
