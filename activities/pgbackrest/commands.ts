import type { BackupType } from '../../domain/backups';
import { sh } from '../host/shell';
import type { ShellCommand } from '../host/shell';

/** What pgBackRest is called with. Whatever opens a store stands in its files of configuration, never in here. */

const FLAGS: Readonly<Record<BackupType, string>> = { full: 'full', differential: 'diff', incremental: 'incr' };
/** Ties a set in a store to the backup that it was taken for. */
export const ANNOTATION = 'holdfast';

/** As `postgres`, from a shell of root. */
export const asPostgres = (command: readonly string[]): ShellCommand => sh`runuser -u postgres -- ${command}`;

export function pgbackrest(config: string, stanza: string, ...rest: readonly string[]): string[] {
  return ['pgbackrest', `--config=${config}`, `--stanza=${stanza}`, ...rest];
}

/** Arguments of a backup to one repository; a line for each file tells how it gets on. */
export function backupArguments(repository: number, type: BackupType, backupId: string): string[] {
  return [
    `--repo=${repository}`,
    `--type=${FLAGS[type]}`,
    // A cluster whose replicas are away is backed up all the same.
    '--backup-standby=prefer',
    `--annotation=${ANNOTATION}=${backupId}`,
    // By the policy of the moment when it has ended, and not while a restore reads older ones: see expireArguments.
    '--no-expire-auto',
    '--log-level-console=detail',
    'backup',
  ];
}

/** Arguments of what removes all but the newest full backups of one repository, with all that builds on the others. */
export function expireArguments(repository: number, fullBackups: number): string[] {
  const retention = `--repo${repository}-retention-full`;
  return [`--repo=${repository}`, `${retention}-type=count`, `${retention}=${fullBackups}`, 'expire'];
}
