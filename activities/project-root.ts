import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Folder of the project, whether the code runs compiled (in `dist/`) or from source: the nearest one above this file
 * with a package-lock.json. What the compiler does not copy is read from there.
 * @throws Error when there is none.
 */
export function projectRoot(from: string = __dirname): string {
  if (existsSync(join(from, 'package-lock.json'))) return from;
  if (from === dirname(from)) throw new Error(`no package-lock.json above ${__dirname}`);
  return projectRoot(dirname(from));
}
