import type { Command } from 'commander';
import { quote, toType } from './called-as';
import { wordsOf } from './help';

/** The command that runs, as it was typed: what to type next is often the same line with one change. */
export interface Running {
  /** `restore in-place`. */
  readonly words: string;
  /** All that stands behind the name of the command, as the shell gave it. */
  readonly typed: readonly string[];
  /** What was given, by the long names of the options. */
  readonly options: Readonly<Record<string, unknown>>;
}

export const runningOf = (command: Command, typed: readonly string[]): Running => ({
  words: wordsOf(command).join(' '),
  typed,
  options: command.opts(),
});

/** The same line, quoted for a shell, with this option put in the place of what was given for it. */
export function typedWith({ typed }: Running, option: string, value: string | null): string {
  const end = typed.indexOf('--');
  const [own, passedOn] = end === -1 ? [typed, []] : [typed.slice(0, end), typed.slice(end)];
  const others = own.filter(
    (word, i) => word !== option && !word.startsWith(`${option}=`) && (value === null || own[i - 1] !== option),
  );
  return toType([...others, option, ...(value === null ? [] : [value]), ...passedOn].map(quote).join(' '));
}
