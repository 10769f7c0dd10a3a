import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { projectRoot } from '../../activities/project-root';

/** Folder of the clone; the compiled code lies in dist/ below it. */
export const projectFolder = projectRoot();

/** What clones of one machine share, and `npm run down` keeps: engine, images, programs. */
export const cacheFolder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'holdfast');

/** State of this clone's installation. */
export const homeFolder = resolve(process.env['HOLDFAST_HOME'] || join(projectFolder, '.holdfast'));

/** A file of the project that is run as it is, such as a shell script. */
export const projectFile = (...parts: readonly string[]): string => join(projectFolder, ...parts);

/** A compiled module. */
export const compiled = (...parts: readonly string[]): string => join(projectFolder, 'dist', ...parts);
