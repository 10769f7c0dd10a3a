import { type Command, Option } from 'commander';

/** Options that say where a restore stops. */

export interface TargetFlags {
  readonly time?: string;
  readonly lsn?: string;
  readonly transaction?: string;
  readonly point?: string;
  readonly backup?: string;
}

const TARGETS = [
  ['time', '--time <time>', 'As it was at this time: with an offset from UTC, such as 2026-11-21T14:01:00+01:00.'],
  ['lsn', '--lsn <position>', 'Up to this position in the log, such as 2/A0000028.'],
  ['transaction', '--transaction <number>', 'Up to the commit of this transaction.'],
  ['point', '--point <point>', 'Up to this restore point, made by pg_create_restore_point().'],
  ['backup', '--backup <backup>', 'As it was at the end of this backup.'],
] as const;

/** One of them at most. */
export function withTarget(command: Command): Command {
  const names = TARGETS.map(([name]) => name);
  for (const [name, flags, sentence] of TARGETS)
    command.addOption(new Option(flags, sentence).conflicts(names.filter((other) => other !== name)));
  return command;
}

/** Undefined when none was given: as late as possible. */
export function targetOf({ time, lsn, transaction, point, backup }: TargetFlags): TargetFlags | undefined {
  const target = { time, lsn, transaction, point, backup };
  const given = Object.entries(target).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}
