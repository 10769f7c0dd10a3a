import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { BackupPolicyDetailAnswer } from '../../domain/schemas/backup-policies';
import type { BackupPolicyRequest } from '../../domain/schemas/backups';
import { NOTIFY_EVENTS, type Notify, type ScriptPhase } from '../../domain/backup-hooks';
import { CliError, EXIT } from './exit';

/** Scripts around backups, and whom to tell of them: options of `backup policy`. */

export interface HookFlags {
  readonly preScript?: string;
  readonly postScript?: string;
  readonly scriptTimeout?: number;
  /** Empty: nobody. */
  readonly notify?: Notify[];
}

export function withHooks(command: Command): Command {
  return command
    .option('--pre-script <file>', 'Script that runs on the host before each backup, and can stop it; none for none.')
    .option('--post-script <file>', 'Script that runs after it, whatever became of it; none for none.')
    .option('--script-timeout <seconds>', 'How long each of these may take; 60 unless it is set.', secondsOf)
    .option(
      '--notify <event:whom>',
      'Whom to tell of each success, failure or both, such as failure:dba@example.org, or none; can be repeated.',
      notifyOf,
    );
}

function secondsOf(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('Write a number of seconds, such as 300.');
  return Number(text);
}

function notifyOf(text: string, before: Notify[] = []): Notify[] {
  if (text === 'none') return [];
  const [, asked, to] = /^(\w+):(.+)$/.exec(text) ?? [];
  const event = NOTIFY_EVENTS.find((known) => known === asked);
  if (to === undefined || event === undefined)
    throw new InvalidArgumentError('Write success, failure or both, a colon, and whom to tell, or none.');
  return [...before, { event, to }];
}

/** What was not given is left out. @throws CliError for a file that can't be read. */
export async function askedAround(
  { preScript, postScript, scriptTimeout, notify }: HookFlags,
  { hooks }: Pick<BackupPolicyDetailAnswer, 'hooks'>,
): Promise<Pick<BackupPolicyRequest, 'hooks' | 'notify'>> {
  const asked = async (phase: ScriptPhase, file: string | undefined): Promise<object> => {
    if (file === 'none') return { [phase]: null };
    const known = hooks[phase];
    const script = file === undefined ? known?.script : await read(`--${phase}-script`, file);
    if (script === undefined || (file === undefined && scriptTimeout === undefined)) return {};
    const timeoutSeconds = scriptTimeout ?? known?.timeoutSeconds;
    return { [phase]: { script, ...(timeoutSeconds !== undefined && { timeoutSeconds }) } };
  };
  const changed = { ...(await asked('pre', preScript)), ...(await asked('post', postScript)) };
  return {
    ...(Object.keys(changed).length > 0 && { hooks: changed }),
    ...(notify !== undefined && { notify }),
  };
}

async function read(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError(
      `${option} ${file}: the file cannot be read: ${whyUnreadable(error)}. Nothing was done.`,
      EXIT.usage,
    );
  }
}

const WHY_UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there',
  EACCES: 'you may not read it',
  EISDIR: 'it is a folder',
};

function whyUnreadable(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? (WHY_UNREADABLE[String(error.code)] ?? String(error.code)) : error.message;
}

/** Lines of `backup policy`. */
export function hooksInWords({ hooks, notify }: BackupPolicyDetailAnswer): Record<string, string> {
  const script = (phase: ScriptPhase): string | undefined => {
    const hook = hooks[phase];
    return hook ? `${hook.script.trimEnd().split('\n').length} lines, at most ${hook.timeoutSeconds} s` : undefined;
  };
  const lines = {
    'script before': script('pre'),
    'script after': script('post'),
    notify: notify.length === 0 ? undefined : notify.map(({ event, to }) => `${to} (${event})`).join(', '),
  };
  return Object.fromEntries(
    Object.entries(lines).flatMap(([name, line]) => (line === undefined ? [] : [[name, line]])),
  );
}
