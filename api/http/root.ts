import { existsSync } from 'node:fs';
import path from 'node:path';

/** Folder of the project: the one with package.json above this file, whether it runs compiled (in `dist/`) or from source. */
export function projectRoot(from: string = __dirname): string {
  if (existsSync(path.join(from, 'package.json'))) return from;
  const above = path.dirname(from);
  if (above === from) throw new Error('package.json of Holdfast is not above its code');
  return projectRoot(above);
}
