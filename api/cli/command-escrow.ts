import { rmSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { CliError, EXIT } from './exit';
import { describe } from './help';
import { onInstallation } from './installation';
import { say } from './output';
import { readPassphrase } from './passphrase';

interface ExportOptions {
  readonly cluster: string;
  readonly file: string;
  readonly passphraseFile?: string;
}

/**
 * `escrow`: what opens the backups of a cluster when Holdfast is gone. As `key` it belongs to whoever runs the control
 * plane, on its machine: no token gives the right to it, and nothing of it passes through the API.
 */
export function addEscrowCommands(program: Command): void {
  const escrow = describe(
    program.command('escrow'),
    'Keep what opens the backups of a cluster when Holdfast is gone, on the machine of the control plane.',
    'escrow export --cluster orders --file orders.escrow',
  );
  describe(
    escrow.command('export'),
    'Write all that a rescue needs into a file, encrypted under a passphrase. See docs/rescue.md.',
    'escrow export --cluster orders --file orders.escrow',
  )
    .requiredOption('--cluster <cluster>', 'Name of the cluster, or its id.')
    .requiredOption('-f, --file <file>', 'File to write; there must be none yet.')
    .option('--passphrase-file <file>', 'File whose first line is the passphrase; the terminal is asked by default.')
    .action(async ({ cluster, file, passphraseFile }: ExportOptions) => {
      const passphrase = await readPassphrase(passphraseFile);
      const keep = reserve(file);
      const { exportEscrow } = await import('../../activities/escrow/export.js');
      const sitesFile = process.env['HOLDFAST_SITES']?.trim() || null;
      const exported = onInstallation((installation) =>
        exportEscrow({ ...installation, sitesFile }, cluster, passphrase),
      );
      const text = await exported.catch((error: unknown) => {
        rmSync(file, { force: true });
        throw error;
      });
      keep(text);
      say(
        `${file} opens every backup of ${cluster} for whoever knows the passphrase. Keep both, apart, away from here.`,
      );
    });
}

/** A file for its owner only, in nobody's place: told before anything is exported. @returns how to write it. */
function reserve(file: string): (text: string) => void {
  try {
    writeFileSync(file, '', { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const problem = isThere ? `${file} is there already: name another file.` : `${file} can't be written.`;
    throw new CliError(problem, EXIT.usage);
  }
  return (text) => writeFileSync(file, text);
}
