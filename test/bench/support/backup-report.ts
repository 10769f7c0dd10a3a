import type { LoadRun } from './backup/runs';
import type { Machine } from './machine';
import { machineLine, table } from './provision-report';
import { median, spreadOf } from './statistics';

/** All that was measured, as it is written to the JSON file. Times in milliseconds. */
export interface BackupResult {
  readonly format: 1;
  readonly machine: Machine;
  readonly databaseBytes: number;
  readonly backupMs: readonly number[];
  /** To one site after the other, as a script would. */
  readonly bareBackupMs: readonly number[];
  readonly bareAtOnceMs: readonly number[];
  readonly restoreMs: readonly number[];
  readonly forkMs: readonly number[];
  readonly bareRestoreMs: readonly number[];
  /** For how long nobody could write. */
  readonly inPlaceMs: readonly number[];
  readonly load: readonly LoadRun[];
  /** Of the worker, before all of this and at its highest. */
  readonly workerMemoryBytes: { readonly before: number; readonly most: number };
}

/** The result as Markdown. */
export function reportBackup(result: BackupResult): string {
  const head = ['what', 'goal', 'p50', 'min – max', 'n'];
  const what = `A database of ${(result.databaseBytes / 1e9).toFixed(1)} GB (pgbench), three data nodes, two sites`;
  return [machineLine(result.machine, 'npm run bench backup'), what, table(head, rowsOf(result))].join('\n\n');
}

function rowsOf({
  backupMs,
  bareBackupMs,
  bareAtOnceMs,
  restoreMs,
  forkMs,
  bareRestoreMs,
  inPlaceMs,
  load,
  workerMemoryBytes,
}: BackupResult): string[][] {
  const bareBackup = median(bareBackupMs);
  const bareRestore = median(bareRestoreMs);
  const speeds = backupMs.map((ms) => bareBackup / ms);
  const losses = load.map(({ quietTps, busyTps }) => 1 - busyTps / quietTps);
  const bareLosses = load.map(({ quietTps, bareTps }) => 1 - bareTps / quietTps);
  const { before, most } = workerMemoryBytes;
  return [
    row('full backup to both sites, request to end', '', backupMs, seconds),
    row('… pgBackRest alone, to one after the other', '', bareBackupMs, seconds),
    row("… its speed in per cent of pgBackRest's", '>= 95 %', speeds, percent),
    row('… pgBackRest alone, to both at once', '', bareAtOnceMs, seconds),
    row('restore to a new cluster, request to `ready`', '', restoreMs, seconds),
    row('… without backups of its own (a fork)', '<= 20 s', forkMs, seconds),
    row('… `pgbackrest restore` alone', '', bareRestoreMs, seconds),
    row(
      '… restore, longer than that',
      '<= 15 s',
      restoreMs.map((ms) => ms - bareRestore),
      seconds,
    ),
    row(
      '… fork, longer than that',
      '<= 15 s',
      forkMs.map((ms) => ms - bareRestore),
      seconds,
    ),
    row('restore in place: nobody can write', '<= 5 s', inPlaceMs, seconds),
    row('what the primary loses of its transactions meanwhile', '<= 5 %', losses, percent),
    row('… while pgBackRest alone takes them, to both at once', '', bareLosses, percent),
    [
      'memory of the worker, at most (before – most)',
      'flat',
      megabytes(most),
      `${megabytes(before)} – ${megabytes(most)}`,
      '1',
    ],
  ];
}

function row(what: string, goal: string, values: readonly number[], show: (value: number) => string): string[] {
  const { p50, min, max } = spreadOf(values);
  return [what, goal, show(p50), `${show(min)} – ${show(max)}`, String(values.length)];
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
