/** Shell commands whose values are always quoted: nothing is ever pasted into one. */

declare const quoted: unique symbol;

/** A command line made by {@link sh}: the only kind that a host runs. */
export type ShellCommand = string & { readonly [quoted]: true };

// The one place that may call a string a ShellCommand: every value in it was quoted just before.
const trusted = (text: string): ShellCommand => text as ShellCommand;

/** Quotes one word for POSIX shells. NUL can't be passed to a process at all, so it is refused. */
export function quote(value: string | number): string {
  const text = String(value);
  if (text.includes('\0')) throw new Error('a shell word cannot hold a NUL character');
  return /^[A-Za-z0-9_/:.=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * Builds a command: `` sh`systemctl restart ${unit}` ``. Each value becomes one quoted word, each array several.
 */
export function sh(
  template: TemplateStringsArray,
  ...values: readonly (string | number | readonly (string | number)[])[]
): ShellCommand {
  const words = values.map((value) => (typeof value === 'object' ? value.map(quote).join(' ') : quote(value)));
  return trusted(template.raw.reduce((text, literal, i) => text + (words[i - 1] ?? '') + literal));
}

/** One command after the other, each only when the one before it succeeded. */
export function inOrder(...commands: readonly ShellCommand[]): ShellCommand {
  return trusted(commands.join(' &&\n'));
}

/** How a command is called in messages that have no better name for it. */
export function firstWords(command: ShellCommand): string {
  return command.trim().split(/\s+/, 4).join(' ');
}
