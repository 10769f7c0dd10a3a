import { type Command, CommanderError } from 'commander';
import type { Client } from './client';
import { addBackupCommands } from './command-backup';
import { addCatalogueCommands } from './command-catalogue';
import { addClusterCommands } from './command-cluster';
import { addCompletionCommands } from './command-completion';
import { addConnectCommands } from './command-connect';
import { addDoctorCommands } from './command-doctor';
import { addDrillCommands } from './command-drill';
import { addEscrowCommands } from './command-escrow';
import { addDumpCommands } from './command-dump';
import { addHostCommands } from './command-host';
import { addKeyCommands } from './command-key';
import { addMaintenanceCommands } from './command-maintenance';
import { addNodeCommands } from './command-node';
import { addOperationCommands } from './command-ops';
import { addRestoreCommands } from './command-restore';
import { addSiteCommands } from './command-site';
import { addSwitchoverCommand } from './command-switchover';
import { addTokenCommands } from './command-token';
import { EXIT } from './exit';
import { createRoot } from './help';
import type { Format } from './output';
import { type Running, runningOf } from './running';
import { type CliSettings, readSettings } from './settings';

/** Runs the command; ends the process with an exit code of {@link EXIT}. */
export async function run(argv: readonly string[]): Promise<void> {
  if (argv[2] === '--version' || argv[2] === '-V') {
    const { showVersions } = await import('./show-versions.js');
    return showVersions(readSettings(undefined));
  }
  const program = createProgram();
  let running: Running | null = null;
  program.hook('preAction', (_program, command) => void (running = runningOf(command, argv.slice(2))));
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    process.exitCode = await explain(error, formatOf(program), running);
  }
}

/** What every command needs of the options before it. */
export interface Session {
  readonly client: Client;
  readonly format: Format;
  readonly settings: CliSettings;
}

/** Opened by the action of a command: what its options ask for is known by then. */
export type Open = () => Promise<Session>;

const formatOf = (program: Command): Format =>
  program.opts<{ output?: string }>().output === 'json' ? 'json' : 'table';

/** Exported for the test of its help. */
export function createProgram(): Command {
  const program = createRoot();
  const open: Open = async () => {
    const { createClient } = await import('./client.js');
    const settings = readSettings(program.opts<{ url?: string }>().url);
    return { client: createClient(settings), format: formatOf(program), settings };
  };
  addClusterCommands(program, open);
  addSwitchoverCommand(program, open);
  addNodeCommands(program, open);
  addMaintenanceCommands(program, open);
  addBackupCommands(program, open);
  addRestoreCommands(program, open);
  addDrillCommands(program, open);
  addEscrowCommands(program);
  addDumpCommands(program, open);
  addHostCommands(program, open);
  addSiteCommands(program, open);
  addOperationCommands(program, open);
  addConnectCommands(program, open);
  addCatalogueCommands(program, open);
  addTokenCommands(program, open);
  addKeyCommands(program, () => formatOf(program));
  addDoctorCommands(program, open);
  addCompletionCommands(program);
  return program;
}

/** Says what went wrong and what to try next. @returns the exit code. */
async function explain(error: unknown, format: Format, running: Running | null): Promise<number> {
  // Commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const { explainError } = await import('./errors.js');
  return explainError(error, format, running);
}
