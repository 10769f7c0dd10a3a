import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import type { HostFile } from '../host/host';
import { projectRoot } from '../project-root';

/** What the golden image is made by: the same script makes a host of a machine that a user has. */

const IMAGES = join(projectRoot(), 'infra', 'images');
/** Where it lies on such a machine; Holdfast's own folder, which goes with the rest. */
export const SOFTWARE_FOLDER = '/var/lib/holdfast/software';
const PARTS = ['install.sh', 'uninstall.sh', 'apt/debian', 'files'] as const;

/** The scripts and all that they read. */
export async function softwareFiles(): Promise<HostFile[]> {
  const lists = await Promise.all(PARTS.map((part) => filesUnder(join(IMAGES, part))));
  return Promise.all(
    lists.flat().map(async (path) => ({
      path: join(SOFTWARE_FOLDER, relative(IMAGES, path)),
      content: await readFile(path, 'utf8'),
      mode: 0o644,
      owner: 'root:root',
    })),
  );
}

/** What `install.sh sources` needs to say where packages will come from: itself, and the sources that it fills in. By name. */
export async function sourcesScript(): Promise<ReadonlyMap<string, string>> {
  const templates = (await filesUnder(join(IMAGES, 'apt/debian'))).filter((path) => path.endsWith('.sources'));
  const paths = [join(IMAGES, 'install.sh'), ...templates];
  const read = paths.map(async (path) => [basename(path), await readFile(path, 'utf8')] as const);
  return new Map(await Promise.all(read));
}

/** The script that takes all away again. */
export const readUninstall = (): Promise<string> => readFile(join(IMAGES, 'uninstall.sh'), 'utf8');

async function filesUnder(path: string): Promise<string[]> {
  if (path.endsWith('.sh')) return [path];
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
