import { existsSync } from 'node:fs';
import path from 'node:path';

/** What the reader of a hint has to type. */

/**
 * How this command was called: `npx holdfast` inside the clone, `holdfast` when the shell finds it by its name, else the
 * path that was typed. `npm exec` sets `npm_command`, `bin/holdfast` sets `HOLDFAST_CALLED_AS`. Exported for its test.
 */
export function calledAs(environment: NodeJS.ProcessEnv): string {
  if (environment['npm_command'] === 'exec') return 'npx holdfast';
  const typed = environment['HOLDFAST_CALLED_AS'];
  if (!typed) return 'holdfast';
  const found = (environment['PATH'] ?? '')
    .split(path.delimiter)
    .map((folder) => path.resolve(folder, 'holdfast'))
    .find(existsSync);
  return found === path.resolve(typed) ? 'holdfast' : typed;
}

export const COMMAND = calledAs(process.env);

/** A command line of ours to type next: `toType('ops list')`. */
export const toType = (words: string): string => `${COMMAND} ${words}`;

/** One word for a POSIX shell; as it is where that reads nothing into it. */
export const quote = (word: string): string =>
  /^[A-Za-z0-9_/:.=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** Connects to a database of a cluster other than its first one. */
export const psqlTo = (cluster: string, database: string): string =>
  toType(`psql ${cluster} --database ${quote(database)}`);
