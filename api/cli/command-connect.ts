import type { Command } from 'commander';
import { removeCasOfDeleted, saveCa } from './ca-files';
import { toType } from './called-as';
import { CLUSTER } from './command-cluster';
import { ApiError } from './client';
import type { Place } from './connect';
import type { CredentialsAnswer } from '../../domain/schemas/credentials';
import { describe } from './help';
import { print, printJson } from './output';
import type { Open, Session } from './run';

interface PlaceFlags {
  readonly pooled?: boolean;
  readonly readonly?: boolean;
  readonly database?: string;
}

const placeOf = ({ pooled, readonly, database }: PlaceFlags, credentials: CredentialsAnswer): Place => ({
  port: pooled ? 'pooled' : readonly ? 'replica' : 'primary',
  database: database ?? credentials.database,
});

function withPlace(command: Command): Command {
  return command
    .argument('<cluster>', CLUSTER)
    .option('--pooled', 'Connect through PgBouncer, which pools by transaction.')
    .option('--readonly', 'Connect to a replica.')
    .option('--database <name>', "Connect to this database; the cluster's first one by default.");
}

export function addConnectCommands(program: Command, open: Open): void {
  const uri = describe(
    program.command('uri'),
    'Print a connection URI, with the password.',
    'uri orders --pooled',
    'uri orders --database app_before',
  );
  withPlace(uri).action(async (name: string, flags: PlaceFlags) => {
    const session = await open();
    const { uriWithCa } = await import('./connect.js');
    const { credentials, caFile } = await lookUp(session, name);
    const text = uriWithCa(credentials, placeOf(flags, credentials), caFile);
    if (session.format === 'json') printJson({ uri: text });
    else print(text);
  });
  const psql = describe(
    program.command('psql'),
    'Connect to a cluster by psql.',
    'psql orders',
    'psql orders --database app_before',
    `psql orders --readonly -- -c 'select pg_is_in_recovery()'`,
  ).showHelpAfterError(`(options for psql come after --: ${toType(`psql NAME -- -c 'select 1'`)})`);
  withPlace(psql)
    .argument('[args...]', 'Arguments for psql itself, after --.')
    .action(async (name: string, args: string[], flags: PlaceFlags) => {
      const session = await open();
      const { runPsql } = await import('./connect.js');
      const { credentials, caFile } = await lookUp(session, name);
      process.exitCode = await runPsql(credentials, placeOf(flags, credentials), caFile, args);
    });
}

/**
 * How to connect to a cluster. That one is gone, or has a namesake that came after it, shows here: certificates of
 * deleted clusters are looked for when the cluster is not found, and when it was not connected to before.
 */
async function lookUp(
  { client, settings: { caFolder } }: Session,
  name: string,
): Promise<{ credentials: CredentialsAnswer; caFile: string }> {
  try {
    const [cluster, credentials] = await Promise.all([client.showCluster(name), client.showCredentials(name)]);
    const { file, fresh } = saveCa(caFolder, cluster.id, credentials.caCertificate);
    if (fresh) await removeCasOfDeleted(caFolder, client);
    return { credentials, caFile: file };
  } catch (error) {
    if (error instanceof ApiError && error.problem.code === 'NOT_FOUND') await removeCasOfDeleted(caFolder, client);
    throw error;
  }
}
