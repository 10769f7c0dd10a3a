import { type Command, Option } from 'commander';

/** Where the backups of a new cluster go: the options of what orders one. */

export interface BackupFlags {
  readonly backupSites?: string;
  /** False: `--no-backups` was given. */
  readonly backups?: boolean;
}

export function withBackups(command: Command): Command {
  return command
    .option('--backup-sites <sites>', 'Sites that backups go to, such as primary,offsite: up to three.')
    .addOption(
      new Option('--no-backups', 'Take no backups, and archive no log, until backup begin gives it some.').conflicts(
        'backupSites',
      ),
    );
}

/** What a request says of backups; undefined: nothing. */
export function backupsOf({ backupSites, backups }: BackupFlags): { readonly sites: string[] } | null | undefined {
  if (backups === false) return null;
  return backupSites === undefined ? undefined : { sites: backupSites.split(',').map((site) => site.trim()) };
}
