import { type Command, Option } from 'commander';
import { toType } from './called-as';
import { CliError, EXIT } from './exit';

/** Options that say where a restore stops. */

export interface TargetFlags {
  readonly time?: string;
  readonly lsn?: string;
  readonly transaction?: string;
  readonly point?: string;
  readonly backup?: string;
  readonly latest?: boolean;
}

const TARGETS = [
  ['time', '--time <time>', 'As it was at this time: with an offset from UTC, such as 2026-11-21T14:01:00+01:00.'],
  ['lsn', '--lsn <position>', 'Up to this position in the log, such as 2/A0000028.'],
  ['transaction', '--transaction <number>', 'Up to the commit of this transaction.'],
  ['point', '--point <point>', 'As it was at this restore point.'],
  ['backup', '--backup <backup>', 'As it was at the end of this backup.'],
] as const;
const LATEST = ['latest', '--latest'] as const;
const BY_DEFAULT = 'The newest state, which is the default.';

/**
 * One of them at most.
 * @param latest what the newest state is; default: what is restored without any of them.
 */
export function withTarget(command: Command, latest = BY_DEFAULT): Command {
  const all = [...TARGETS, [...LATEST, latest] as const];
  const names = all.map(([name]) => name);
  for (const [name, flags, sentence] of all)
    command.addOption(new Option(flags, sentence).conflicts(names.filter((other) => other !== name)));
  return command;
}

/** Undefined when none was given: as late as possible. */
export function targetOf({ time, lsn, transaction, point, backup, latest }: TargetFlags): TargetFlags | undefined {
  const target = { time, lsn, transaction, point, backup, latest };
  const given = Object.entries(target).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** @throws CliError when none was given: data that serves is replaced by nothing that nobody has named. */
export function requiredTargetOf(flags: TargetFlags, cluster: string): TargetFlags {
  const target = targetOf(flags);
  if (target !== undefined) return target;
  const options = TARGETS.map(([name]) => `--${name}`).join(', ');
  throw new CliError(
    `Say what the data shall be put back to: ${options}, or --latest for the newest state. Nothing was done.`,
    EXIT.usage,
    toType(`restore window ${cluster}`),
  );
}
