import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of an installation's state (`HOLDFAST_HOME`, else `.holdfast/` in the clone). Only its owner can read it. */
export interface Home {
  readonly folder: string;
  /** Made once; tags everything that the installation makes. */
  readonly installId: string;
  path(...parts: readonly string[]): string;
  /** Text of a file of the folder, or null when there is none. */
  read(name: string): string | null;
  /** Replaces a file of the folder at once or not at all; mode 0600. */
  write(name: string, text: string): void;
}

/** Makes the folder and the installation's id when they are not there. */
export function openHome(folder: string): Home {
  mkdirSync(join(folder, 'logs'), { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const write = (name: string, text: string): void => {
    const unfinished = join(folder, `${name}.new`);
    writeFileSync(unfinished, text, { mode: 0o600 });
    renameSync(unfinished, join(folder, name));
  };
  if (!installIdOf(folder)) write('install-id', randomBytes(6).toString('hex'));
  return {
    folder,
    installId: installIdOf(folder) ?? '',
    path: (...parts) => join(folder, ...parts),
    read: (name) => readText(join(folder, name)),
    write,
  };
}

/** The id of the installation whose home that folder is, or null when it is none. */
export function installIdOf(folder: string): string | null {
  return readText(join(folder, 'install-id'));
}

function readText(file: string): string | null {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() || null : null;
}
