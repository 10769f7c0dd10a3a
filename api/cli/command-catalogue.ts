import type { Command } from 'commander';
import { describe } from './help';
import { bytes, printJson, printList } from './output';
import type { Open } from './run';

export function addCatalogueCommands(program: Command, open: Open): void {
  const plan = describe(program.command('plan'), 'See which sizes of clusters can be ordered.', 'plan list');
  describe(plan.command('list'), 'List all plans with their size and price.', 'plan list').action(async () => {
    const { client, format } = await open();
    await printList(format, await client.listPlans(), {
      plan: (item) => item.name,
      nodes: (item) => `${item.nodes.data}+${item.nodes.gateway}`,
      memory: (item) => bytes(item.memoryBytes),
      cpus: (item) => item.cpus,
      storage: (item) => `${bytes(item.storageBytes)}..${bytes(item.maxStorageBytes)}`,
      'eur/month': (item) => (item.priceEuroCentsPerMonth / 100).toFixed(2),
      summary: (item) => item.summary,
    });
  });
  const version = describe(program.command('version'), 'See which PostgreSQL can be ordered.', 'version list');
  describe(
    version.command('list'),
    'List the versions of PostgreSQL that can be ordered, with the exact minor.',
    'version list',
  ).action(async () => {
    const { client, format } = await open();
    const versions = await client.listVersions();
    if (format === 'json') return printJson(versions);
    await printList(format, versions.items, {
      version: (item) => item.major,
      minor: (item) => item.minor,
      default: (item) => (item.default ? 'yes' : ''),
    });
  });
}
