import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Problem } from './problem';

const ID_FILE = 'install-id';

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

/**
 * Makes the folder and the installation's id when they are not there.
 * @throws Problem for a folder that holds what is not ours: `npm run down` will remove it with all that is in it.
 */
export function openHome(folder: string): Home {
  if (!installIdOf(folder)) refuseStranger(folder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const write = (name: string, text: string): void => {
    const unfinished = join(folder, `${name}.new`);
    writeFileSync(unfinished, text, { mode: 0o600 });
    renameSync(unfinished, join(folder, name));
  };
  if (!installIdOf(folder)) write(ID_FILE, randomBytes(6).toString('hex'));
  mkdirSync(join(folder, 'logs'), { recursive: true, mode: 0o700 });
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
  return readText(join(folder, ID_FILE));
}

/**
 * Removes a home with all that is in it, the id last: of one whose removal was cut off the rest can still be removed.
 * A folder that is not an installation's home is left as it is.
 */
export function removeHome(folder: string): void {
  if (!installIdOf(folder)) return;
  for (const entry of readdirSync(folder).filter((name) => name !== ID_FILE))
    rmSync(join(folder, entry), { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}

/** Homes of tests and benchmarks may lie in one that has never been used itself; a killed run leaves an unfinished id. */
function refuseStranger(folder: string): void {
  const entries = existsSync(folder) ? readdirSync(folder) : [];
  if (entries.every((name) => name === `${ID_FILE}.new` || installIdOf(join(folder, name)) !== null)) return;
  throw new Problem(
    `${folder} holds files that are not Holdfast's, and all in its home is removed by npm run down: set HOLDFAST_HOME to an empty or a new folder.`,
  );
}

function readText(file: string): string | null {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() || null : null;
}
