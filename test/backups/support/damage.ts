import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of a store as a disk that fails might leave them. */

/** What was damaged in a store. */
interface Damage {
  readonly files: number;
  readonly mend: () => void;
}

/** Damages the files of all backups in a store by one byte each, where a disk might. @returns how to mend them. */
export function damageBackups(folder: string): Damage {
  const isOfBackup = (path: string): boolean => /\/backup\/[^/]+\/\d{8}-[^/]+\/(?:bundle|pg_data)/.test(path);
  return damage(filesOf(folder).filter(isOfBackup), (content) => Math.floor(content.length / 2));
}

/** Damages the newest segment of each log that a store has, so that nobody can decrypt it. @returns how to mend them. */
export function damageNewestSegments(folder: string): Damage {
  const newest = new Map<string, string>();
  for (const path of filesOf(folder).sort()) {
    const [, log] = /^(.*\/archive\/[^/]+\/[^/]+)\/[0-9A-F]{16}\/[0-9A-F]{24}-[0-9a-f]{40}/.exec(path) ?? [];
    if (log !== undefined) newest.set(log, path);
  }
  return damage([...newest.values()], () => 0);
}

const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** @param where tells the byte of a file. */
function damage(files: readonly string[], where: (content: Buffer) => number): Damage {
  const whole = files.map((file) => ({ file, content: readFileSync(file) }));
  for (const { file, content } of whole) {
    const damaged = Buffer.from(content);
    const at = where(content);
    damaged[at] = (damaged[at] ?? 0) ^ 0xff;
    writeFileSync(file, damaged);
  }
  return { files: files.length, mend: () => whole.forEach(({ file, content }) => writeFileSync(file, content)) };
}
