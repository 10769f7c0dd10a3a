import type { Backup, BackupType } from '../../domain/backups';
import type { Fork } from '../../domain/swaps';
import { sh } from '../host/shell';
import type { ShellCommand } from '../host/shell';
import { BRANCHES_ANNOTATION, branchesInWords } from './branches';

/** What pgBackRest is called with. Whatever opens a store stands in its files of configuration, never in here. */

export const FLAGS: Readonly<Record<BackupType, string>> = { full: 'full', differential: 'diff', incremental: 'incr' };
/** Ties a set in a store to the backup that it was taken for. */
export const ANNOTATION = 'holdfast';

/** As `postgres`, from a shell of root. */
export const asPostgres = (command: readonly string[]): ShellCommand => sh`runuser -u postgres -- ${command}`;

export function pgbackrest(config: string, stanza: string, ...rest: readonly string[]): string[] {
  return ['pgbackrest', `--config=${config}`, `--stanza=${stanza}`, ...rest];
}

/** What a backup is taken for, and from: of a primary no replica is used, which may be far behind. */
interface BackupOf {
  readonly backupId: string;
  readonly role: NonNullable<Backup['nodeRole']>;
  /** Where restores in place have left the log. */
  readonly forks: readonly Fork[];
}

/** Arguments of a backup to one repository; a line for each file tells how it gets on. */
export function backupArguments(repository: number, type: BackupType, { backupId, role, forks }: BackupOf): string[] {
  return [
    `--repo=${repository}`,
    `--type=${FLAGS[type]}`,
    // It may have become the primary meanwhile.
    ...(role === 'replica' ? [FROM_STANDBY] : []),
    `--annotation=${ANNOTATION}=${backupId}`,
    ...(forks.length === 0 ? [] : [`--annotation=${BRANCHES_ANNOTATION}=${branchesInWords(forks)}`]),
    ...BACKUP_WORDS,
  ];
}

/** A cluster whose replicas are away is backed up all the same. */
export const FROM_STANDBY = '--backup-standby=prefer';

/** What every backup is taken with, whoever takes it. */
export const BACKUP_WORDS: readonly string[] = [
  // By the policy of the moment when it has ended, and not while a restore reads older ones: see expireArguments.
  '--no-expire-auto',
  '--log-level-console=detail',
  'backup',
];

/** Arguments of what removes all but the newest full backups of one repository, with all that builds on the others. */
export function expireArguments(repository: number, fullBackups: number): string[] {
  const retention = `--repo${repository}-retention-full`;
  return [`--repo=${repository}`, `${retention}-type=count`, `${retention}=${fullBackups}`, 'expire'];
}
