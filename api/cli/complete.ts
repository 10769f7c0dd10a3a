import type { Argument, Command, Option } from 'commander';

/** What Tab offers. It follows the commands as they are: a new one is offered without a line here. */

export interface Candidate {
  readonly value: string;
  /** A few words beside it, where the shell shows them. */
  readonly about: string;
}

/** Finds what stands in an installation. By the placeholder of an option or argument: `--cluster <cluster>`. */
export type LookUp = (placeholder: string) => Promise<readonly Candidate[]>;

interface Position {
  readonly command: Command;
  /** The option whose value comes next. */
  readonly option: Option | null;
  /** Arguments that the command has already. */
  readonly operands: number;
  /** Behind `--`: those are another program's. */
  readonly ended: boolean;
}

/** @param words typed so far, without the program's name; the last one is being typed and may be empty. */
export async function complete(program: Command, words: readonly string[], lookUp: LookUp): Promise<Candidate[]> {
  const typed = words.at(-1) ?? '';
  const position = words
    .slice(0, -1)
    .reduce(step, { command: program, option: null, operands: 0, ended: false } satisfies Position);
  return (await candidatesAt(position, typed, lookUp)).filter(({ value }) => value.startsWith(typed));
}

function step(position: Position, word: string): Position {
  const { command, option, operands, ended } = position;
  if (ended || word === '--') return { ...position, ended: true };
  if (option !== null) return { ...position, option: null };
  if (word.startsWith('-')) {
    const named = optionsOf(command).find(({ short, long }) => word === short || word === long);
    return { ...position, option: named !== undefined && !named.isBoolean() ? named : null };
  }
  const next = operands === 0 ? command.commands.find((candidate) => candidate.name() === word) : undefined;
  return next === undefined ? { ...position, operands: operands + 1 } : { ...position, command: next };
}

async function candidatesAt(
  { command, option, operands, ended }: Position,
  typed: string,
  lookUp: LookUp,
): Promise<readonly Candidate[]> {
  if (ended) return [];
  if (option !== null) return valuesOf(option.argChoices, /<(\w+)>/.exec(option.flags)?.[1], lookUp);
  if (typed.startsWith('-')) {
    return optionsOf(command).map(({ long, short, description }) => ({
      value: long ?? short ?? '',
      about: description,
    }));
  }
  if (command.commands.length > 0 && operands === 0) {
    return command
      .createHelp()
      .visibleCommands(command)
      .map((candidate) => ({ value: candidate.name(), about: candidate.description() }));
  }
  const argument: Argument | undefined = command.registeredArguments[operands];
  return argument === undefined ? [] : valuesOf(argument.argChoices, argument.name(), lookUp);
}

/** Its own, and those of every command. */
function optionsOf(command: Command): Option[] {
  const help = command.createHelp();
  return [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
}

async function valuesOf(
  choices: readonly string[] | undefined,
  placeholder: string | undefined,
  lookUp: LookUp,
): Promise<readonly Candidate[]> {
  if (choices) return choices.map((value) => ({ value, about: '' }));
  return placeholder === undefined ? [] : lookUp(placeholder);
}
