import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Client } from './client';
import { addClusterCommands } from './command-cluster';
import { addCatalogueCommands } from './command-catalogue';
import { addConnectCommands } from './command-connect';
import { addOperationCommands } from './command-ops';
import { addTokenCommands } from './command-token';
import { EXIT } from './exit';
import type { Format } from './output';
import { readSettings } from './settings';

/** Runs the command; ends the process with an exit code of {@link EXIT}. */
export async function run(argv: readonly string[]): Promise<void> {
  const program = createProgram();
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    process.exitCode = await explain(error, formatOf(program));
  }
}

/** What every command needs of the options before it. */
export interface Session {
  readonly client: Client;
  readonly format: Format;
}

const formatOf = (program: Command): Format =>
  program.opts<{ output?: string }>().output === 'json' ? 'json' : 'table';

function createProgram(): Command {
  const program = new Command('holdfast')
    .description('PostgreSQL as a service on machines that you own')
    .addOption(new Option('-o, --output <format>', 'table or json').choices(['table', 'json']).default('table'))
    .option('--url <url>', 'of the API (HOLDFAST_URL; default http://127.0.0.1:8080)')
    .addHelpText(
      'after',
      `\nThe token comes from HOLDFAST_TOKEN or .holdfast/token.\nExit codes: 0 ok, 1 error, 2 usage, 3 operation failed, 4 wait timed out, 5 conflict, 6 not authorised.`,
    )
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(holdfast --help tells more)')
    .exitOverride();
  const open = async (): Promise<Session> => {
    const { createClient } = await import('./client.js');
    return { client: createClient(readSettings(program.opts<{ url?: string }>().url)), format: formatOf(program) };
  };
  addClusterCommands(program, open);
  addOperationCommands(program, open);
  addConnectCommands(program, open);
  addCatalogueCommands(program, open);
  addTokenCommands(program, open);
  return program;
}

export type Open = () => Promise<Session>;

/** `--timeout`, in milliseconds once parsed; the help shows its default as one would type it. */
export function timeoutOption(description: string): Option {
  return new Option('--timeout <duration>', `${description}: 90s, 10m, 1h`)
    .argParser(parseDuration)
    .default(30 * 60_000, '30m');
}

/** `90s`, `10m`, `1h` or plain seconds, as milliseconds. */
function parseDuration(text: string): number {
  const match = /^(\d{1,6})(s|m|h)?$/.exec(text);
  if (match === null) throw new InvalidArgumentError('write 90s, 10m or 1h');
  return Number(match[1]) * { s: 1000, m: 60_000, h: 3_600_000 }[match[2] === 'm' || match[2] === 'h' ? match[2] : 's'];
}

/** Says what went wrong and what to try next. @returns the exit code. */
async function explain(error: unknown, format: Format): Promise<number> {
  // Commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const { explainError } = await import('./errors.js');
  return explainError(error, format);
}
