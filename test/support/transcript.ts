/**
 * What a document shows of the console: commands, each with what it printed. `…` stands for any lines; times, ids, sizes and
 * durations differ from run to run.
 */
export interface ShownCommand {
  /** A line for the shell, without the prompt. */
  readonly line: string;
  readonly output: readonly string[];
}

/** Those of the first console block below a heading. @throws Error when there is none. */
export function readTranscript(markdown: string, heading: string): ShownCommand[] {
  const [, below] = markdown.split(`\n${heading}\n`);
  const block = /^```console\n(.*?)^```$/ms.exec(below ?? '')?.[1];
  if (block === undefined) throw new Error(`no console block below "${heading}"`);
  const [before, ...commands] = block.split(/^\$ /m);
  if (before !== '') throw new Error(`the block below "${heading}" does not begin with a command`);
  return commands.map((text) => {
    const [, line = '', output = ''] = /^((?:[^\n]*\\\n)*[^\n]*)\n(.*)$/s.exec(text) ?? [];
    return { line, output: linesOf(output) };
  });
}

export const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

const VARIABLE = new RegExp(
  [
    String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`,
    String.raw`\b\d\d:\d\d:\d\d\b`,
    String.raw`\b[a-z]{2,4}_[0-9a-z]{26}\b`,
    String.raw`\b\d+(?:\.\d+)? ?(?:ms|s|B|KiB|MiB|GiB)\b`,
  ].join('|'),
  'g',
);

const shapeOf = (line: string): string => line.replace(VARIABLE, '?').replace(/\s+/g, ' ').trim();
const variablesOf = (line: string): string[] => line.match(VARIABLE) ?? [];

/** What stands in a document, by what a run had in its place. */
export type Known = ReadonlyMap<string, string>;

/** Compares what a run printed with what is shown; gives what the run had in the place of what differs, or null. */
export function compare(shown: readonly string[], printed: readonly string[]): Known | null {
  const pairs = align(shown, printed);
  if (pairs === null) return null;
  return new Map(
    pairs.flatMap(([theirs, ours]) => {
      const values = variablesOf(ours);
      return variablesOf(theirs).map((name, i): [string, string] => [name, values[i] ?? name]);
    }),
  );
}

function align(shown: readonly string[], printed: readonly string[]): (readonly [string, string])[] | null {
  const [first, ...others] = shown;
  if (first === undefined) return printed.length === 0 ? [] : null;
  if (first === '…') {
    for (let skipped = 0; skipped <= printed.length; skipped++) {
      const rest = align(others, printed.slice(skipped));
      if (rest) return rest;
    }
    return null;
  }
  const [ours, ...following] = printed;
  if (ours === undefined || shapeOf(first) !== shapeOf(ours)) return null;
  const rest = align(others, following);
  return rest && [[first, ours], ...rest];
}

/** A line with what is known in the place of what the document shows. */
export const filledIn = (line: string, known: Known): string =>
  line.replace(VARIABLE, (shown) => known.get(shown) ?? shown);
