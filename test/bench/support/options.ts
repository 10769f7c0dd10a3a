import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isOneOf } from '../../support/is-one-of';

/** What a benchmark can be told. */
export interface Choices<Count extends string, Part extends string> {
  /** Whole numbers, each with the one that is taken when none is given. */
  readonly counts: Readonly<Record<Count, number>>;
  /** What it measures, all of it unless `--only` names one. */
  readonly parts: readonly Part[];
  /** Where the figures go, unless `--json` names another. */
  readonly jsonFile: string;
}

export interface Chosen<Count extends string, Part extends string> {
  readonly counts: Readonly<Record<Count, number>>;
  readonly parts: readonly Part[];
  readonly jsonFile: string;
}

/**
 * `--NAME N` for each count, `--only PART`, `--json FILE`.
 *
 * @throws Error that names the option at fault.
 */
export function readOptions<Count extends string, Part extends string>(
  args: readonly string[],
  { counts, parts, jsonFile }: Choices<Count, Part>,
): Chosen<Count, Part> {
  const options = Object.fromEntries(
    [...Object.keys(counts), 'only', 'json'].map((name) => [name, { type: 'string' as const }]),
  );
  const { values } = parseArgs({ args: [...args], options });
  const given = Object.entries<number>(counts).map(([name, otherwise]) => [
    name,
    wholeNumber(name, values[name] ?? otherwise),
  ]);
  const only = values['only'];
  if (only !== undefined && !isOneOf<Part>(only, parts)) throw new Error(`--only takes one of: ${parts.join(', ')}`);
  return {
    // Object.fromEntries forgets which keys there are.
    counts: Object.fromEntries(given) as Record<Count, number>,
    parts: only === undefined ? parts : [only],
    jsonFile: resolve(values['json'] ?? jsonFile),
  };
}

function wholeNumber(name: string, given: string | number): number {
  const value = Number(given);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1 on`);
  return value;
}
