import type { Command } from 'commander';
import { EXIT } from './exit';
import { describe } from './help';
import { printList, say } from './output';
import type { Open } from './run';

/** `site`: object stores that backups go to. */
export function addSiteCommands(program: Command, open: Open): void {
  const site = describe(program.command('site'), 'See which object stores backups go to.', 'site list');
  describe(
    site.command('list'),
    'List the object stores. An object is written to each, read back and deleted; exit code 1 when that fails.',
    'site list',
  ).action(async () => {
    const { client, format } = await open();
    const sites = await client.listSites();
    await printList(format, sites, {
      site: (item) => item.name,
      endpoint: (item) => item.endpoint,
      bucket: (item) => item.bucket,
      clouds: (item) => item.clouds.join(','),
      state: (item) => (item.ok ? 'ok' : 'FAIL'),
      took: (item) => `${item.durationMs} ms`,
    });
    const failing = sites.filter(({ ok }) => !ok);
    for (const { name, message, remedy } of failing) say(`${name}: ${message} ${remedy ?? ''}`.trim());
    if (failing.length > 0) process.exitCode = EXIT.error;
  });
}
