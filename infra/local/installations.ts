import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Home } from './home';
import { installIdOf } from './home';
import { cacheFolder } from './project';

/** Which installations of this machine share its engine and its cache: a file each, named by its id, that holds its home folder. */
const folder = join(cacheFolder, 'installations');

/** Tells the others that this installation lives. */
export function register(home: Home): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, home.installId), `${home.folder}\n`);
}

export function unregister(installId: string): void {
  rmSync(join(folder, installId), { force: true });
}

/** True while its home is there and still its own: an installation that nobody can start again has no owner. */
export function isOwned(installId: string, home: string): boolean {
  const ownerOfHome = installIdOf(home);
  return existsSync(home) && (ownerOfHome === null || ownerOfHome === installId);
}

/** Homes of the other installations that live on this machine. Entries of those that don't are removed. */
export function otherInstallations(installId: string | null): string[] {
  const entries = existsSync(folder) ? readdirSync(folder).filter((entry) => entry !== installId) : [];
  return entries.flatMap((entry) => {
    const home = readFileSync(join(folder, entry), 'utf8').trim();
    if (installIdOf(home) === entry) return [home];
    unregister(entry);
    return [];
  });
}
