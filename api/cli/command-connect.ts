import type { Command } from 'commander';
import type { Port } from './connect';
import { print, printJson } from './output';
import type { Open } from './run';

interface PortFlags {
  readonly pooled?: boolean;
  readonly readonly?: boolean;
}

const portOf = ({ pooled, readonly }: PortFlags): Port => (pooled ? 'pooled' : readonly ? 'replica' : 'primary');

function withPort(command: Command): Command {
  return command.option('--pooled', 'through PgBouncer (transaction pooling)').option('--readonly', 'to the replicas');
}

export function addConnectCommands(program: Command, open: Open): void {
  withPort(program.command('uri <name>').description('connection URI, with the password')).action(
    async (name: string, flags: PortFlags) => {
      const { client, format } = await open();
      const { uriWithCa, saveCa } = await import('./connect.js');
      const [cluster, credentials] = await Promise.all([client.showCluster(name), client.showCredentials(name)]);
      const uri = uriWithCa(credentials, portOf(flags), saveCa(cluster.id, credentials.caCertificate));
      if (format === 'json') printJson({ uri });
      else print(uri);
    },
  );
  withPort(program.command('psql <name> [args...]').description('open psql; its own options after --')).action(
    async (name: string, args: string[], flags: PortFlags) => {
      const { client } = await open();
      const { runPsql, saveCa } = await import('./connect.js');
      const [cluster, credentials] = await Promise.all([client.showCluster(name), client.showCredentials(name)]);
      process.exitCode = await runPsql(credentials, portOf(flags), saveCa(cluster.id, credentials.caCertificate), args);
    },
  );
}
