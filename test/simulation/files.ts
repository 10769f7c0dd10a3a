import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { randomBytes } from 'node:crypto';

/**
 * Files that several processes share and that any of them may leave at any moment by SIGKILL: each is there as a whole or
 * not at all.
 */

/** The content, or null when there is no such file. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Of all that ask for the same file, exactly one is told `true`: it made it. */
export function createOnce(path: string, content: string): boolean {
  mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${randomBytes(6).toString('hex')}.fresh`;
  writeFileSync(fresh, content);
  try {
    linkSync(fresh, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(fresh);
  }
}

/** Whoever reads it sees the old content or the new. */
export function replaceFile(path: string, content: string): void {
  const fresh = `${path}.${randomBytes(6).toString('hex')}.fresh`;
  writeFileSync(fresh, content);
  renameSync(fresh, path);
}

/** Moves a file or a folder. Of all that move the same one, exactly one is told `true`. */
export function moveOnce(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

/** Not by `instanceof`: under Jest, errors of the file system are of another realm. */
function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
